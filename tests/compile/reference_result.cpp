// expect: procyon: the result of this callable is a reference, which cannot cross to another process; let it return a value
#include "procyon/detail/wire/call.hpp"
#include "procyon/partial.hpp"

int& counter() {
  static int value = 0;
  return value;
}
void run(procyon::wire::Writer& writer) { procyon::wire::encode_call(writer, counter); }
