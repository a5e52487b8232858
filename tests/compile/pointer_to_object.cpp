// expect: procyon: a raw pointer cannot cross to another process
#include "procyon/detail/wire/call.hpp"
#include "procyon/partial.hpp"

struct Counter {
  int number = 0;
  int inc(int by) { return number += by; }
};
void run(procyon::wire::Writer& writer) {
  Counter counter;
  procyon::wire::encode_call(writer, &Counter::inc, &counter, 1);
}
