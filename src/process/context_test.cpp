// Start methods and contexts: which one is used, what the fork server does first, objects of one context in another.

#include "procyon/context.hpp"

#include <stdlib.h>
#include <sys/wait.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "process/test_support.hpp"
#include "procyon/event.hpp"
#include "procyon/lock.hpp"
#include "procyon/queue.hpp"
#include "procyon/value.hpp"

namespace procyon {
namespace {

using namespace testing;

int table = 0;
void fill_table() { table = 42; }
void throw_something() { throw std::runtime_error("no dictionary"); }
void start_a_thread() {
  std::thread([] { ::pause(); }).detach();
}
void start_a_process() { Process(fill_table).start(); }

// In a process of its own, which has no fork server yet and has used no start method.
int code_in_fresh_process(const std::function<void()>& body) {
  auto p = get_context(fork).Process(body);
  p.start();
  p.join();
  return *p.exitcode();
}

int code_of_child_that_sees_the_table(const char* method) {
  auto p = get_context(method).Process([] { ::_exit(table); });
  p.start();
  p.join();
  return *p.exitcode();
}

TEST(ForkServerPreload, IsDoneOnceForAllChildrenOfTheServer) {
  EXPECT_EQ(code_in_fresh_process([] {
              set_forkserver_preload({fill_table});
              check(code_of_child_that_sees_the_table("forkserver") == 42, 1);
              check(code_of_child_that_sees_the_table("forkserver") == 42, 2);
              check(code_of_child_that_sees_the_table("spawn") == 0, 3);
              check(table == 0, 4);
            }),
            0);
}

TEST(ForkServerPreload, IsDoneAgainByTheServerAfterOneThatDied) {
  EXPECT_EQ(code_in_fresh_process([] {
              set_forkserver_preload({[] { table = 7; }, [] { table += 1; }});
              check(code_of_child_that_sees_the_table("forkserver") == 8, 1);
              for (const pid_t pid : children_of(::getpid())) ::kill(pid, SIGKILL);
              check(code_of_child_that_sees_the_table("forkserver") == 8, 2);
            }),
            0);
}

TEST(ForkServerPreload, WhatFailsIsReportedAndTheRestIsDone) {
  Captured errors(STDERR_FILENO);
  EXPECT_EQ(
      code_in_fresh_process([] {
        set_forkserver_preload({throw_something, "/nowhere/libnothing.so", start_a_process, fill_table});
        check(code_of_child_that_sees_the_table("forkserver") == 42, 1);
      }),
      0);
  const std::string text = errors.text();
  EXPECT_NE(text.find("in a function given to set_forkserver_preload()"), std::string::npos) << text;
  EXPECT_NE(text.find("no dictionary"), std::string::npos) << text;
  EXPECT_NE(text.find("set_forkserver_preload: '/nowhere/libnothing.so' could not be loaded"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("start processes in main"), std::string::npos) << text;
}

TEST(ForkServerPreload, AThreadInTheServerIsWarnedOf) {
  Captured errors(STDERR_FILENO);
  code_in_fresh_process([] {
    set_forkserver_preload({start_a_thread});
    code_of_child_that_sees_the_table("forkserver");
  });
  EXPECT_NE(errors.text().find("has started a thread in the fork server"), std::string::npos);
}

TEST(ForkServerPreload, AfterTheServersStartIsMisuse) {
  EXPECT_EQ(
      code_in_fresh_process([] {
        check(code_of_child_that_sees_the_table("forkserver") == 0, 1);
        check(
            misuse([] { set_forkserver_preload({fill_table}); }) ==
                "set_forkserver_preload: the fork server has been started already; call it before the first "
                "process is started",
            2);
      }),
      0);
}

TEST(ForkServerPreload, TheLastListCounts) {
  EXPECT_EQ(code_in_fresh_process([] {
              set_forkserver_preload({throw_something});
              set_forkserver_preload({fill_table});
              set_forkserver_preload({});
              check(code_of_child_that_sees_the_table("forkserver") == 0, 1);
            }),
            0);
}

// ---- which start method ----

TEST(StartMethods, AnUnknownOneIsNamedWithThoseThatThereAre) {
  const std::string sentence = "there is no start method 'zz'; there are forkserver, spawn and fork";
  EXPECT_EQ(misuse([] { get_context("zz"); }), sentence);
  EXPECT_EQ(misuse([] { set_start_method("zz"); }), sentence);
  EXPECT_EQ(misuse([] { set_start_method("zz", true); }), sentence);
}

TEST(StartMethods, TheEnvironmentChoosesTheDefaultAndTheProgramMayOverrideIt) {
  EXPECT_EQ(code_in_fresh_process([] {
              set_start_method("fork", true);
              ::setenv("PROCYON_START_METHOD", "spawn", 1);
              check(get_context(fork).Process([] {}).name() != "", 1);
              auto child = get_context("spawn").Process([] {
                check(get_start_method() == "fork", 2);  // as the parent had it
                set_start_method("spawn", true);
                check(get_start_method() == "spawn", 3);
              });
              child.start();
              child.join();
              ::_exit(*child.exitcode());
            }),
            0);
}

TEST(StartMethods, AnUnknownOneInTheEnvironmentIsToldAsThat) {
  EXPECT_EQ(code_in_fresh_process([] {
              ::setenv("PROCYON_START_METHOD", "zz", 1);
              // As a program that is started with the variable: a child of a fork, which finds no state.
              const pid_t pid = ::fork();
              if (pid == 0) {
                check(misuse([] { (void)get_start_method(); })
                              .find("PROCYON_START_METHOD in the environment: there is "
                                    "no start method 'zz'") == 0,
                      1);
                ::_exit(0);
              }
              int status = 0;
              ::waitpid(pid, &status, 0);
              ::_exit(WEXITSTATUS(status));
            }),
            0);
}

TEST(StartMethods, SettingItAgainNeedsForce) {
  EXPECT_EQ(code_in_fresh_process([] {
              set_start_method("spawn", true);
              check(!misuse([] { set_start_method("spawn"); }).empty(), 1);
              check(!misuse([] { set_start_method("fork"); }).empty(), 2);
              check(get_start_method() == "spawn", 3);
              set_start_method("fork", true);
              check(get_start_method() == "fork", 4);
              check(get_context().get_start_method() == "fork", 5);
            }),
            0);
}

TEST(StartMethods, AContextAndOptionsThatContradictItAreMisuse) {
  const auto spawn = get_context("spawn");
  EXPECT_EQ(misuse([&] { (void)spawn.Process({.start_method = StartMethod::fork}, fill_table); }),
            "Process: its options ask for the start method 'fork', but it is made by the context of 'spawn'; "
            "leave one "
            "of the two out");
  EXPECT_NE(misuse([&] {
              (void)get_context(fork).Process({.start_method = StartMethod::spawn}, [&] { (void)spawn; });
            }),
            "");
  auto p = spawn.Process({.start_method = StartMethod::spawn}, [] { ::_exit(7); });
  p.start();
  p.join();
  EXPECT_EQ(p.exitcode(), 7);
}

// ---- objects of one context in another ----

class AcrossContexts : public UnderEachStartMethod {};
INSTANTIATE_TEST_SUITE_P(Under, AcrossContexts, all_start_methods, name_of_start_method);

TEST_P(AcrossContexts, WhatIsSharedIsSharedWithChildrenOfEveryKind) {
  Value<int> counter(0);
  Lock lock;
  Event go;
  Queue<std::string> queue;
  std::vector<Process> processes;
  for (const char* other : {"forkserver", "spawn", "fork"})
    for (const Context& one : {context(), get_context(other)}) {
      processes.push_back(one.Process(
          [](Value<int> c, Lock l, const Event& e, Queue<std::string> q, const std::string& from) {
            e.wait();
            const std::scoped_lock held(l);
            c.with([](int& n) { ++n; });
            q.put(from);
          },
          counter, lock, go, queue, one.get_start_method()));
      processes.back().start();
    }
  go.set();
  std::size_t received = 0;
  for (; received < processes.size(); ++received) EXPECT_FALSE(queue.get(30s).empty());
  for (auto& p : processes) {
    p.join();
    EXPECT_EQ(p.exitcode(), 0);
  }
  EXPECT_EQ(counter.value(), 6);
}

TEST_P(AcrossContexts, AChildOfOneKindStartsChildrenOfAnother) {
  for (const char* other : {"forkserver", "spawn", "fork"}) {
    auto p = context().Process(
        [](const std::string& method) {
          auto grandchild = get_context(method).Process([] { ::_exit(7); });
          grandchild.start();
          grandchild.join();
          ::_exit(*grandchild.exitcode());
        },
        other);
    p.start();
    p.join();
    EXPECT_EQ(p.exitcode(), 7) << other;
  }
}

}  // namespace
}  // namespace procyon
