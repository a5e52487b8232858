// A child of the fork server has what its parent has when it starts it, whatever the server was started with.

#include <grp.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <type_traits>

#include "process/state.hpp"
#include "process/surroundings.hpp"
#include "procyon/context.hpp"
#include "procyon/process.hpp"
#include "test_support.hpp"

namespace procyon::testing {
namespace {

/// Runs `scene` in a process of its own, so that it may change what it likes.
void expect_success(void (*scene)()) {
  auto p = get_context(fork).Process(scene);
  p.start();
  p.join();
  EXPECT_EQ(p.exitcode(), 0) << "number of the check that failed, or 255 for an exception";
}

/// Whether `look` is true in a new child.
template <class... Arguments>
bool holds(const char* method, bool (*look)(Arguments...), std::type_identity_t<Arguments>... arguments) {
  auto p = get_context(method).Process(
      [](bool (*function)(Arguments...), Arguments... values) { ::_exit(function(values...) ? 0 : 1); }, look,
      arguments...);
  p.start();
  p.join();
  return p.exitcode() == 0;
}

bool is_set(std::string name, std::string value) {
  const char* present = ::getenv(name.c_str());
  return present == nullptr ? value == "(not set)" : value == present;
}

const char* const methods[] = {"forkserver", "spawn", "fork"};

TEST(Surroundings, TheEnvironmentIsThatOfTheParentAtTheStart) {
  expect_success([] {
    ::setenv("PROCYON_TEST_A", "first", 1);
    for (const char* method : methods) {
      check(holds(method, is_set, "PROCYON_TEST_A", "first"), 1);
    }
    ::setenv("PROCYON_TEST_A", "second", 1);
    ::setenv("PROCYON_TEST_B", "with = and \n", 1);
    for (const char* method : methods) {
      check(holds(method, is_set, "PROCYON_TEST_A", "second"), 2);
      check(holds(method, is_set, "PROCYON_TEST_B", "with = and \n"), 3);
    }
    ::unsetenv("PROCYON_TEST_A");
    for (const char* method : methods) check(holds(method, is_set, "PROCYON_TEST_A", "(not set)"), 4);
    ::clearenv();
    check(holds("forkserver", is_set, "PROCYON_TEST_B", "(not set)"), 5);
    check(holds("forkserver", is_set, "PATH", "(not set)"), 6);
  });
}

TEST(Surroundings, NothingOfTheLibrarysIsInTheEnvironment) {
  expect_success([] {
    ::unsetenv("LD_BIND_NOW");
    check(holds("forkserver", is_set, "LD_BIND_NOW", "(not set)"), 1);
    check(holds("forkserver", is_set, "PROCYON_BOOTSTRAP", "(not set)"), 2);
    ::setenv("LD_BIND_NOW", "1", 1);
    check(holds("forkserver", is_set, "LD_BIND_NOW", "1"), 3);
  });
}

TEST(Surroundings, AChildMayChangeItsEnvironment) {
  expect_success([] {
    check(holds("forkserver", is_set, "PROCYON_TEST_A", "(not set)"), 1);
    ::setenv("PROCYON_TEST_A", "first", 1);
    check(holds(
              "forkserver",
              +[] {
                for (int i = 0; i < 100; ++i) ::setenv(("V" + std::to_string(i)).c_str(), "x", 1);
                ::setenv("PROCYON_TEST_A", "mine", 1);
                return is_set("PROCYON_TEST_A", "mine") && is_set("V99", "x");
              }),
          2);
  });
}

bool may_open(rlim_t files) {
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == files;
}

TEST(Surroundings, ResourceLimitsAreThoseOfTheParentAtTheStart) {
  expect_success([] {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    const rlim_t first = limit.rlim_cur;
    for (const rlim_t files : {first, first - 1, first - 20, first}) {
      limit.rlim_cur = files;
      check(::setrlimit(RLIMIT_NOFILE, &limit) == 0, 1);
      for (const char* method : methods) check(holds(method, may_open, files), 2);
    }
  });
}

bool may_run_on(int processor) {
  cpu_set_t set;
  return ::sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) == 1 &&
         CPU_ISSET(static_cast<unsigned>(processor), &set);
}

TEST(Surroundings, ProcessorsAreThoseOfTheThreadThatStarts) {
  expect_success([] {
    check(holds("forkserver", is_set, "PROCYON_TEST_A", "(not set)"), 1);
    cpu_set_t all;
    ::sched_getaffinity(0, sizeof(all), &all);
    for (unsigned processor = 0; processor < CPU_SETSIZE; ++processor) {
      if (!CPU_ISSET(processor, &all)) continue;
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET(processor, &one);
      check(::sched_setaffinity(0, sizeof(one), &one) == 0, 2);
      for (const char* method : methods) check(holds(method, may_run_on, static_cast<int>(processor)), 3);
    }
  });
}

bool is_in_group(pid_t group) { return ::getpgrp() == group; }
bool is_in_session(pid_t session) { return ::getsid(0) == session; }

TEST(Surroundings, GroupAndSessionAreThoseOfTheParentAtTheStart) {
  expect_success([] {
    check(holds("forkserver", is_in_group, ::getpgrp()), 1);
    check(::setpgid(0, 0) == 0, 2);
    for (const char* method : methods) check(holds(method, is_in_group, ::getpid()), 3);
  });
  expect_success([] {
    check(holds("forkserver", is_in_session, ::getsid(0)), 1);
    check(::setsid() > 0, 2);
    for (const char* method : methods) check(holds(method, is_in_session, ::getpid()), 3);
    for (const char* method : methods) check(holds(method, is_in_group, ::getpid()), 4);
  });
}

bool is_user(uid_t user, gid_t group) {
  return ::getuid() == user && ::geteuid() == user && ::getgid() == group && ::getgroups(0, nullptr) == 0 &&
         ::setuid(0) != 0;
}

TEST(Surroundings, PrivilegesThatWereGivenUpDoNotComeBackInChildren) {
  if (::geteuid() != 0) GTEST_SKIP() << "only a privileged user can give up something";
  expect_success([] {
    for (int i = 0; i < 3; ++i)
      check(holds("forkserver", is_in_session, ::getsid(0)), 1);  // server and spare
    const auto server = process::State::current().fork_server().pid();
    constexpr uid_t nobody = 65534;
    check(::setgroups(0, nullptr) == 0 && ::setgid(nobody) == 0 && ::setuid(nobody) == 0, 2);
    check(holds("forkserver", is_user, nobody, nobody), 3);
    check(process::State::current().fork_server().pid() != server, 4);
    const auto left = children_of(::getpid());
    check(std::count(left.begin(), left.end(), *server) == 0 && left.size() <= 2, 5);
  });
}

bool is_host(std::string name) {
  char present[256]{};
  return ::gethostname(present, sizeof(present) - 1) == 0 && name == present;
}

TEST(Surroundings, NamespacesOfTheMainThreadAreThoseOfItsChildren) {
  expect_success([] {
    check(holds("forkserver", is_in_session, ::getsid(0)), 1);
    const std::string name = "procyon-test";
    if (::unshare(CLONE_NEWUTS) != 0 || ::sethostname(name.c_str(), name.size()) != 0)
      return;  // not allowed here
    for (const char* method : methods) check(holds(method, is_host, name), 2);
  });
}

TEST(Surroundings, WhatDoesNotDifferIsNotSent) {
  const process::Settings now = process::current_settings();
  EXPECT_EQ(process::encode_differences(now, process::current_settings()), "");
  EXPECT_EQ(process::current_standing(), process::current_standing());
}

}  // namespace
}  // namespace procyon::testing
