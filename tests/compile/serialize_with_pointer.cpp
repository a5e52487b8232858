// expect: procyon: a raw pointer cannot cross to another process
#include "procyon/detail/wire/call.hpp"
#include "procyon/partial.hpp"

struct Job {
  int* data = nullptr;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(data);
  }
};
void run(procyon::wire::Writer& writer) { procyon::wire::write(writer, Job{}); }
