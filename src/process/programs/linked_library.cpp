#include "programs/linked_library.hpp"

#include <unistd.h>

int code_from_linked_library(const procyon::Context& context, int code) {
  auto p = context.Process([](int n) { ::_exit(n); }, code);
  p.start();
  p.join();
  return *p.exitcode();
}

std::string& registered_plugin() {
  static std::string name;
  return name;
}
