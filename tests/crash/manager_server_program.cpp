// The server of a manager as a program of its own, whose clients are outside its session: for manager_crash_test.
//
//   procyon_crash_manager_server <address> <key>
//
// Ends with whoever started it.
#include <signal.h>
#include <sys/prctl.h>

#include <cstdio>
#include <exception>

#include "procyon/manager.hpp"

namespace {

struct Counter {
  int count = 0;
  int inc(int by) { return count += by; }
};

}  // namespace

int main(int argc, char** argv) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (argc != 3) return 2;
  try {
    procyon::SyncManager manager({.address = argv[1], .authkey = procyon::AuthKey(argv[2])});
    manager.register_type<Counter>("Counter", procyon::methods<&Counter::inc>(), procyon::quick);
    manager.register_type<Counter>("CounterAside", procyon::methods<&Counter::inc>());
    manager.serve_forever();
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
