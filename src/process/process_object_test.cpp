// The object that speaks of a process: its key, how it is printed, who may do what with it and when.

#include <fmt/format.h>

#include <atomic>
#include <csignal>
#include <memory>
#include <sstream>
#include <thread>
#include <vector>

#include "process/state.hpp"
#include "process/test_support.hpp"
#include "procyon/format.hpp"

namespace procyon {
namespace {

using namespace testing;

void nothing() {}
void wait_for_ever() {
  for (;;) ::pause();
}

class ObjectTest : public UnderEachStartMethod {};
INSTANTIATE_TEST_SUITE_P(Under, ObjectTest, all_start_methods, name_of_start_method);

// ---- the key ----

// What a child finds, by a way that is not a value's: its bytes.
void send_key(const Shared& out) {
  const AuthKey key = current_process().authkey();
  ASSERT_EQ(::write(out.get(), key.bytes().data(), key.size()), static_cast<ssize_t>(key.size()));
}

AuthKey key_of_child(Process& p, Channel& channel) {
  p.start();
  p.join();
  channel.in.close();
  return AuthKey(channel.out.read_all());
}

TEST_P(ObjectTest, InheritsTheKeyOfItsParent) {
  Channel channel;
  auto p = context().Process(send_key, channel.in);
  EXPECT_EQ(p.authkey(), current_process().authkey());
  EXPECT_EQ(key_of_child(p, channel), current_process().authkey());
}

TEST_P(ObjectTest, MayBeGivenAKeyBeforeItsStart) {
  Channel channel;
  auto p = context().Process({.name = "calc-1"}, send_key, channel.in);
  p.set_authkey(AuthKey("open sesame"));
  EXPECT_EQ(key_of_child(p, channel), AuthKey("open sesame"));
  EXPECT_EQ(p.authkey(), AuthKey("open sesame"));
  EXPECT_EQ(misuse([&] { p.set_authkey(AuthKey("another")); }),
            "set_authkey: process 'calc-1' has been started already, with the key that it had; set it before "
            "start()");
}

TEST_P(ObjectTest, TheKeyOfAProcessIsForItsDescendantsToo) {
  Channel channel;
  auto p = context().Process(
      [](const Shared& out) {
        current_process().set_authkey(AuthKey("of the child"));
        Process grandchild(send_key, out);
        grandchild.start();
        grandchild.join();
      },
      channel.in);
  EXPECT_EQ(key_of_child(p, channel), AuthKey("of the child"));
}

// ---- printed ----

TEST_P(ObjectTest, IsPrintedAsInPython) {
  const std::string parent = std::to_string(::getpid());
  auto p = context().Process({.name = "calc-1", .daemon = true}, wait_for_ever);
  EXPECT_EQ(fmt::format("{}", p), "<Process name='calc-1' parent=" + parent + " initial daemon>");
  p.start();
  const std::string pid = std::to_string(*p.pid());
  EXPECT_EQ(fmt::format("{}", p),
            "<Process name='calc-1' pid=" + pid + " parent=" + parent + " started daemon>");
  p.terminate();
  p.join();
  std::ostringstream stream;
  stream << p;
  EXPECT_EQ(stream.str(),
            "<Process name='calc-1' pid=" + pid + " parent=" + parent + " stopped exitcode=-SIGTERM daemon>");
  EXPECT_EQ(fmt::format("{}", *p.exit_status()), "signal 15 (SIGTERM)");
  p.close();
  EXPECT_EQ(to_string(p), "<Process name='calc-1' pid=" + pid + " parent=" + parent + " closed daemon>");
}

TEST_P(ObjectTest, TheCurrentAndTheParentProcessArePrintedToo) {
  const std::string me = std::to_string(::getpid());
  EXPECT_EQ(to_string(current_process()), "<MainProcess name='MainProcess' parent=None started>");
  auto p = context().Process(
      {.name = "it's"},
      [](const std::string& parent) {
        check(to_string(current_process()) == "<Process name='it\\'s' parent=" + parent + " started>", 1);
        check(to_string(*parent_process()) == "<ParentProcess name='MainProcess' pid=" + parent + " started>",
              2);
        std::ostringstream stream;
        stream << current_process() << *parent_process();
        check(fmt::format("{}{}", current_process(), *parent_process()) == stream.str(), 3);
      },
      me);
  p.start();
  p.join();
  EXPECT_EQ(p.exitcode(), 0);
  EXPECT_NE(to_string(p).find("stopped exitcode=0>"), std::string::npos) << p;
}

TEST(ObjectElsewhere, IsPrintedAsUnknown) {
  auto p = get_context("forkserver").Process({.name = "calc-1"}, nothing);
  p.start();
  auto other =
      get_context(fork).Process([&] { check(to_string(p).find(" unknown>") != std::string::npos, 1); });
  other.start();
  other.join();
  p.join();
  EXPECT_EQ(other.exitcode(), 0);
}

TEST_P(ObjectTest, TheRunningProcessMayRenameItself) {
  Captured errors(STDERR_FILENO);
  auto p = context().Process({.name = "calc-1"}, [] {
    current_process().set_name("calc-2");
    Process child([] { ::_exit(parent_process()->name() == "calc-2" ? 0 : 1); });
    child.start();
    child.join();
    check(child.exitcode() == 0, 7);
    throw std::runtime_error("as it is called now");
  });
  p.start();
  p.join();
  EXPECT_EQ(p.exitcode(), 1);
  EXPECT_EQ(p.name(), "calc-1");
  EXPECT_NE(errors.text().find("Process calc-2 (pid"), std::string::npos);
}

// ---- several threads ----

TEST_P(ObjectTest, SeveralThreadsMayJoinWithTheirOwnDeadlines) {
  Channel gate;
  auto p = context().Process(
      [](const Shared& wait) {
        wait.read_byte();
        ::_exit(7);
      },
      gate.out);
  p.start();
  std::atomic<int> timed_out{0};
  std::atomic<int> joined{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      if (!p.join(1ms)) ++timed_out;
      if (!p.join(0s)) ++timed_out;
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(timed_out, 8);
  threads.clear();
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&, i] {
      const bool ended = i % 2 == 0 ? p.join(60s) : (p.join(), true);
      if (ended && p.exitcode() == 7 && !p.is_alive()) ++joined;
    });
  gate.in.write_byte();
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(joined, 8);
}

TEST_P(ObjectTest, OnlyOneOfSeveralThreadsStartsIt) {
  auto p = context().Process([] { ::_exit(7); });
  std::atomic<int> started{0};
  std::atomic<int> refused{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] { misuse([&] { p.start(); }).empty() ? ++started : ++refused; });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(started, 1);
  EXPECT_EQ(refused, 3);
  p.join();
  EXPECT_EQ(p.exitcode(), 7);
}

// ---- the end ----

// In a process of its own, whose end is the subject.
TEST_P(ObjectTest, EndsAsInPythonFirstWhatIsToBeDoneThenDaemonsThenTheOthers) {
  Channel order;
  auto program = context().Process(
      [](const Shared& out) {
        static Shared kept(::dup(out.get()));
        at_exit([] { ASSERT_EQ(::write(kept.get(), "2", 1), 1); });
        at_exit([] {
          ASSERT_EQ(::write(kept.get(), "1", 1), 1);
          throw std::runtime_error("which does not keep the others from their turn");
        });
        static Channel daemon_is_there;
        static Channel daemon_lives;
        static Process daemon(
            {.daemon = true},
            [](const Shared& tell, const Shared& ready, const Shared& alive) {
              static int number = tell.get();
              ::signal(SIGTERM, [](int) {
                ASSERT_EQ(::write(number, "3", 1), 1);
                ::_exit(0);
              });
              ready.write_byte();
              (void)alive;
              wait_for_ever();
            },
            out, daemon_is_there.in, daemon_lives.in);
        static Process other(
            [](const Shared& tell, const Shared& daemon_ended) {
              daemon_ended.read_byte();
              ASSERT_EQ(::write(tell.get(), "4", 1), 1);
            },
            out, daemon_lives.out);
        daemon.start();
        other.start();
        daemon_lives.in.close();
        daemon_is_there.out.read_byte();
      },
      order.in);
  Captured errors(STDERR_FILENO);
  program.start();
  program.join();
  order.in.close();
  EXPECT_EQ(program.exitcode(), 0);
  EXPECT_NE(errors.text().find("in a function given to at_exit() (pid"), std::string::npos);
  EXPECT_EQ(order.out.read_all(), "1234");
}

// ---- moved from, never started, destroyed ----

TEST_P(ObjectTest, OneThatWasNeverStartedLeavesNothing) {
  {
    auto warm_up = context().Process(nothing);
    warm_up.start();
    warm_up.join();
  }
  process::State::current().supervisor().run([] {});
  const auto before = open_descriptors();
  Channel channel;
  {
    auto p = context().Process(
        {.name = "calc-1"}, [](const Shared&) {}, channel.in);
    EXPECT_EQ(p.exitcode(), std::nullopt);
    EXPECT_EQ(p.exit_status(), std::nullopt);
    EXPECT_EQ(p.ident(), std::nullopt);
    EXPECT_EQ(p.daemon(), false);
    EXPECT_EQ(misuse([&] { (void)p.sentinel(); }),
              "sentinel: process 'calc-1' has not been started; call start() first");
    EXPECT_EQ(misuse([&] { p.kill(); }), "kill: process 'calc-1' has not been started; call start() first");
    auto closed = context().Process(nothing);
    closed.close();
    EXPECT_NE(misuse([&] { closed.start(); }).find("is closed; only its name is left"), std::string::npos);
  }
  channel.in.close();
  channel.out.close();
  EXPECT_EQ(open_descriptors(), before);
  EXPECT_TRUE(active_children().empty());
}

TEST_P(ObjectTest, AMovedFromOneSaysSoWhateverItIsAsked) {
  auto p = context().Process([] { ::_exit(7); });
  p.start();
  Process q = std::move(p);
  const std::vector<std::pair<std::string, std::function<void()>>> uses = {
      {"start", [&] { p.start(); }},  // NOLINT(bugprone-use-after-move): the subject
      {"join", [&] { p.join(1s); }},
      {"is_alive", [&] { (void)p.is_alive(); }},
      {"kill", [&] { p.kill(); }},
      {"close", [&] { p.close(); }},
      {"name", [&] { (void)p.name(); }},
      {"daemon", [&] { (void)p.daemon(); }},
      {"pid", [&] { (void)p.pid(); }},
      {"exitcode", [&] { (void)p.exitcode(); }},
      {"sentinel", [&] { (void)p.sentinel(); }},
      {"authkey", [&] { (void)p.authkey(); }}};
  for (const auto& [name, use] : uses)
    EXPECT_EQ(misuse(use), name + ": this Process has been moved from; nothing is left in it");
  EXPECT_EQ(to_string(p), "<Process moved from>");  // NOLINT(bugprone-use-after-move): the subject
  q.join();
  EXPECT_EQ(q.exitcode(), 7);
  p = std::move(q);
  EXPECT_EQ(p.exitcode(), 7);
}

TEST_P(ObjectTest, AssigningToARunningOneLeavesThatRunning) {
  Channel gate;
  auto p = context().Process([](const Shared& wait) { wait.read_byte(); }, gate.out);
  p.start();
  p = context().Process(nothing);
  EXPECT_EQ(p.pid(), std::nullopt);
  auto children = active_children();
  ASSERT_EQ(children.size(), 1u);
  gate.in.write_byte();
  children[0].join();
  EXPECT_EQ(children[0].exitcode(), 0);
}

TEST_P(ObjectTest, MayBeClosedFromInsideAContainerOfProcesses) {
  std::vector<Process> processes;
  for (int i = 0; i < 3; ++i) processes.push_back(context().Process([](int n) { ::_exit(n); }, i));
  for (auto& p : processes) p.start();
  std::vector<int> codes;
  for (auto& p : processes) {
    p.join();
    codes.push_back(*p.exitcode());
    p.close();
  }
  EXPECT_EQ(codes, (std::vector<int>{0, 1, 2}));
}

}  // namespace
}  // namespace procyon
