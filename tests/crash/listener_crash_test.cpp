// A process is killed at every instruction and system call of listening at a path and closing, and at the crash points of
// starting its guardian. Soon there is no path of it, another may listen there, and nobody else's has been touched.
#include <gtest/gtest.h>
#include <filesystem>
#include <functional>
#include <string>

#include "channel/net/sockets.hpp"
#include "channel/net/test_paths.hpp"
#include "crash_points.hpp"
#include "session_state.hpp"
#include "stepper.hpp"

namespace procyon::crash {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using channel::net::Address;
using channel::net::connect_socket;
using channel::net::ListeningSocket;

class ListenerCrash : public testing::Test {
 protected:
  ListenerCrash() { enter_new_directory(); }

  [[nodiscard]] fs::path path(const char* name = "socket") const {
    return directory_.path() / std::to_string(number_) / name;
  }
  void enter_new_directory() {
    ++number_;
    fs::create_directory(directory_.path() / std::to_string(number_));
  }
  [[nodiscard]] Address address(const char* name = "socket") const {
    return channel::net::parse_address("unix:" + path(name).string());
  }
  [[nodiscard]] bool goes_away() const {
    return comes_true([&] { return !fs::exists(fs::symlink_status(path())); });
  }
  void answers(const Address& where) const { EXPECT_TRUE(connect_socket(where, os::Deadline::after(20s))); }

  /// Of its guardian's start too, if `starts_guardian`.
  Scenario killed_while(const char* name, bool starts_guardian, const std::function<void()>& operation) {
    return {.name = name,
            .victim =
                [=, this] {
                  if (!starts_guardian) const ListeningSocket first(address("first"), 5);
                  begin_window();
                  operation();
                  end_window();
                },
            .check =
                [=, this](const KillPoint&) {
                  EXPECT_TRUE(goes_away());
                  const ListeningSocket again(address(), 5);
                  answers(address());
                }};
  }

 private:
  const channel::net::TestDirectory directory_;
  int number_ = 1'000'000;  // all of one length: each victim goes the same way
};

TEST_F(ListenerCrash, ListenAndClose) {
  expect_survives_every_kill(
      killed_while("listener at a path, closed", false, [&] { const ListeningSocket socket(address(), 5); }),
      slow_check(150));
}

TEST_F(ListenerCrash, ListenAndKeep) {
  expect_survives_every_kill(
      killed_while("listener at a path", false,
                   [&] {
                     alignas(ListeningSocket) static std::byte place[sizeof(ListeningSocket)];
                     ::new (place) ListeningSocket(address(), 5);
                   }),
      slow_check(100));
}

TEST_F(ListenerCrash, TheFirstOfAProcess) {
  expect_survives_every_crash_point(killed_while("listener at a path, the first of a process", true,
                                                 [&] { const ListeningSocket socket(address(), 5); }),
                                    {.least_points = 8});
}

TEST_F(ListenerCrash, TakeOverWhatADeadOneLeft) {
  Scenario scenario = killed_while("listener at a path of a dead one", false,
                                   [&] { const ListeningSocket socket(address(), 5); });
  // Elsewhere each time: the guardian of the victim before may still be about to remove what it was told of.
  scenario.prepare = [&] {
    enter_new_directory();
    channel::net::leave_dead_socket(address());
  };
  // It may have died before it said anything: then the path is as it found it.
  scenario.check = [&](const KillPoint&) {
    const ListeningSocket again(address(), 5);
    answers(address());
  };
  expect_survives_every_kill(scenario, slow_check(100));
}

TEST_F(ListenerCrash, WhoIsRefusedAPathLeavesItToItsOwner) {
  const ListeningSocket owned(address(), 1000);
  const Scenario scenario{.name = "listener at a path that another one has",
                          .victim =
                              [&] {
                                { const ListeningSocket first(address("first"), 5); }
                                begin_window();
                                try {
                                  const ListeningSocket socket(address(), 5);
                                } catch (const std::system_error&) {
                                }
                                end_window();
                              },
                          .check =
                              [&](const KillPoint&) {
                                EXPECT_TRUE(fs::is_socket(path()));
                                answers(address());
                              }};
  expect_survives_every_kill(scenario, slow_check(60));
}

}  // namespace
}  // namespace procyon::crash
