#include "programs/entry_library.hpp"

#include <stdint.h>
#include <stdlib.h>

#include "procyon/context.hpp"

namespace {

int number_of_child(int number) { return number; }

void exit_with(int (*identity)(int), int number) { ::exit(identity(number)); }

}  // namespace

int exit_code_of_child(const char* method, const int* number) {
  auto p = procyon::get_context(method).Process(exit_with, &number_of_child, *number);
  p.start();
  p.join();
  return *p.exitcode();
}
