// A program whose children must never reach its main, linked in as many ways as there are (entry_programs.cmake).
#include <stdio.h>
#include <stdlib.h>

#include <initializer_list>

#include "programs/entry_library.hpp"

namespace {

int times_in_main = 0;

struct Global {
  Global() : number(42) {}
  int number;
};
Global global;  // must be constructed in children too

int fail(const char* what) {
  ::fprintf(stderr, "failed: %s\n", what);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (++times_in_main != 1 || argc < 1 || argv[0] == nullptr) return fail("main is entered as usual");
  if (::getenv("PROCYON_BOOTSTRAP") != nullptr) return fail("the variable of the bootstrap is gone");
  for (const char* method : {"forkserver", "spawn", "fork"})
    if (exit_code_of_child(method, &global.number) != 42) return fail(method);
  return 0;
}
