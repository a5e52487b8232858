// expect: procyon: a raw pointer cannot cross to another process
#include "procyon/detail/wire/call.hpp"
#include "procyon/partial.hpp"

int add(const int* to, int number) { return *to + number; }
void run(procyon::wire::Writer& writer) {
  int to = 4;
  procyon::wire::encode_callable<int>(writer, procyon::partial(add, &to));
}
