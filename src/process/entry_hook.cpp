#include "process/entry_hook.hpp"

#include <dlfcn.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <cstring>

#include "process/bootstrap.hpp"
#include "process/libraries.hpp"
#include "process/program_table.hpp"

namespace procyon::process {

namespace {

using Main = int (*)(int, char**, char**);
using StartMain = int (*)(Main, int, char**, void (*)(), void (*)(), void (*)(), void*);

constinit Entry entry_state = Entry::not_hooked;
constinit int bootstrap_descriptor = -1;
constinit Main main_of_user = nullptr;
constinit StartMain next_start_main = nullptr;  // who stood in the program's table before us

// Takes the descriptor's number out of the environment, so that nothing that this process starts ever sees it.
void read_environment() {
  const char* value = ::getenv(bootstrap_variable);
  if (value == nullptr) return;
  // A program with raised privileges must not be steered by the environment of whoever started it.
  if (::getauxval(AT_SECURE) == 0) {
    const char* end = value + std::strlen(value);
    int number = -1;
    if (std::from_chars(value, end, number).ptr == end && number >= 0) {
      bootstrap_descriptor = number;
      entry_state = Entry::bootstrapped_child;
    }
  }
  ::unsetenv(bootstrap_variable);
}

[[noreturn]] void run_bootstrapped_child() {
  run_bootstrapped(bootstrap_descriptor);
  constexpr char message[] = "procyon: a started child came back from its work; it ends here, before main\n";
  if (::write(STDERR_FILENO, message, sizeof(message) - 1) < 0) { /* nobody to tell */
  }
  ::_exit(exit_code_of_failed_bootstrap);
}

int main_of_hook(int argc, char** argv, char** environment) {
  note_initial_libraries();
  if (entry_state == Entry::bootstrapped_child) run_bootstrapped_child();
  return main_of_user(argc, argv, environment);
}

int start_main(Main main, int argc, char** argv, void (*init)(), void (*fini)(), void (*rtld_fini)(),
               void* stack_end) {
  main_of_user = main;
  entry_state = Entry::program;
  read_environment();
  StartMain next = next_start_main;
  if (next == nullptr) next = reinterpret_cast<StartMain>(::dlsym(RTLD_NEXT, "__libc_start_main"));
  return next(main_of_hook, argc, argv, init, fini, rtld_fini, stack_end);
}

[[gnu::constructor]] void redirect_program_entry() {
  void* previous = redirect_in_program("__libc_start_main", reinterpret_cast<void*>(&start_main));
  if (previous != nullptr) next_start_main = reinterpret_cast<StartMain>(previous);
}

}  // namespace

Entry entry() { return entry_state; }

void leave_bootstrap() { entry_state = Entry::program; }

void hook_by_hand() {
  if (entry_state != Entry::not_hooked) return;
  note_initial_libraries();
  entry_state = Entry::program;
  read_environment();
  if (entry_state == Entry::bootstrapped_child) run_bootstrapped_child();
}

}  // namespace procyon::process

// Hidden: it is for the program that this object is linked into, and a shared library does not export it (there the
// constructor above does the work).
extern "C" [[gnu::visibility("hidden"), gnu::used]] int __libc_start_main(procyon::process::Main main,
                                                                          int argc, char** argv,
                                                                          void (*init)(), void (*fini)(),
                                                                          void (*rtld_fini)(),
                                                                          void* stack_end);

extern "C" int __libc_start_main(procyon::process::Main main, int argc, char** argv, void (*init)(),
                                 void (*fini)(), void (*rtld_fini)(), void* stack_end) {
  return procyon::process::start_main(main, argc, argv, init, fini, rtld_fini, stack_end);
}
