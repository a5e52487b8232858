// expect: procyon: std::ref cannot cross to another process, which has memory of its own
#include "procyon/detail/wire/call.hpp"
#include "procyon/partial.hpp"

#include <functional>

void count(int& counter) { ++counter; }
void run(procyon::wire::Writer& writer) {
  int counter = 0;
  procyon::wire::encode_call(writer, count, std::ref(counter));
}
