// expect: procyon: an aggregate with base classes cannot be taken apart to cross to another process; give it a member  template <class Archive> void serialize
#include "procyon/detail/wire/call.hpp"
#include "procyon/partial.hpp"

#include <string>

struct Named {
  std::string name;
};
struct Job : Named {
  int number;
};
void work(const Job&) {}
void run(procyon::wire::Writer& writer) { procyon::wire::encode_call(writer, work, Job{{"x"}, 1}); }
