// expect: procyon: a const char* inside another type cannot cross to another process, where its address means nothing; make it a std::string
#include "procyon/detail/wire/call.hpp"
#include "procyon/partial.hpp"

struct Job {
  const char* name;
};
void work(const Job&) {}
void run(procyon::wire::Writer& writer) { procyon::wire::encode_call(writer, work, Job{"x"}); }
