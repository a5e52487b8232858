// expect: procyon: this callable takes an argument by reference in order to change it, but it runs in another process with a copy of its own; take the argument by value or const reference and return the result, or use a shared object (mp::Value, mp::Array)
#include "procyon/detail/wire/call.hpp"
#include "procyon/partial.hpp"

void count(int& counter) { ++counter; }
void run(procyon::wire::Writer& writer) {
  int counter = 0;
  procyon::wire::encode_procedure(writer, count, counter);
}
