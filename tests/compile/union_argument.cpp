// expect: procyon: a union cannot cross to another process, because nothing says which member is alive; use std::variant
#include "procyon/detail/wire/call.hpp"
#include "procyon/partial.hpp"

union Number {
  int whole;
  float fraction;
};
int whole_of(Number number) { return number.whole; }
void run(procyon::wire::Writer& writer) { procyon::wire::encode_call(writer, whole_of, Number{1}); }
