// expect: procyon: a reference cannot cross to another process, which has memory of its own; pass the value, or a shared object
#include "procyon/detail/wire/call.hpp"
#include "procyon/partial.hpp"

struct Job {
  int& counter;
};
void work(const Job&) {}
void run(procyon::wire::Writer& writer) {
  int counter = 0;
  procyon::wire::encode_call(writer, work, Job{counter});
}
