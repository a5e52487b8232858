// A process is killed at every instruction and system call of creating and unlinking named shared memory, and at the crash
// points of starting its guardian. Within a second there is no name of it, and nobody else's has been touched.
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "crash_points.hpp"
#include "procyon/shareable_list.hpp"
#include "procyon/shared_memory.hpp"
#include "session_state.hpp"
#include "stepper.hpp"

namespace procyon::crash {
namespace {

using namespace std::chrono_literals;

std::string name_of_victims() { return "procyon-crash-" + std::to_string(::getpid()); }

bool exists(const std::string& name) { return ::access(("/dev/shm/" + name).c_str(), F_OK) == 0; }

bool goes_away(const std::string& name) {
  const auto end = std::chrono::steady_clock::now() + 1s;
  while (exists(name)) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(100us);
  }
  return true;
}

/// Of its guardian's start too, if `starts_guardian`.
Scenario killed_while(const char* name, bool starts_guardian, const std::string& of_victim,
                      const std::function<void()>& operation) {
  return {.name = name,
          .victim =
              [=] {
                if (!starts_guardian) SharedMemory({.create = true, .size = 1}).unlink();
                begin_window();
                operation();
                end_window();
              },
          .check =
              [=](const KillPoint&) {
                EXPECT_TRUE(goes_away(of_victim));
                // And it can be made by somebody else.
                SharedMemory again({.name = of_victim, .create = true, .size = 10});
                again.unlink();
              }};
}

TEST(SharedMemoryCrash, CreateAndUnlink) {
  const std::string name = name_of_victims();
  expect_survives_every_kill(
      killed_while("shared memory, created and unlinked", false, name,
                   [&] { SharedMemory({.name = name, .create = true, .size = 10}).unlink(); }),
      slow_check(150));
}

TEST(SharedMemoryCrash, CreateAndKeep) {
  const std::string name = name_of_victims();
  expect_survives_every_kill(
      killed_while("shared memory, created", false, name,
                   [&] { const SharedMemory memory({.name = name, .create = true, .size = 10}); }),
      slow_check(100));
}

TEST(SharedMemoryCrash, CreateTheFirst) {
  const std::string name = name_of_victims();
  const auto operation = [&] { SharedMemory({.name = name, .create = true, .size = 10}).unlink(); };
  expect_survives_every_crash_point(
      killed_while("shared memory, the first of a process", true, name, operation), {.least_points = 6});
}

TEST(SharedMemoryCrash, CreateAList) {
  const std::string name = name_of_victims();
  const auto operation = [&] { ShareableList({1, "text"}, name).unlink(); };
  expect_survives_every_crash_point(
      killed_while("shareable list, created and unlinked", false, name, operation), {.least_points = 4});
}

// While others look, they see nothing or all of it.
TEST(SharedMemoryCrash, AListIsThereWhollyOrNotAtAll) {
  const std::string name = name_of_victims();
  const Scenario scenario{.name = "shareable list, looked at while it is created",
                          .prepare =
                              [&] {
                                start_helper([name] {
                                  while (::getppid() != 1) {
                                    try {
                                      if (ShareableList::attach(name).size() != 2) return 1;
                                      return 0;
                                    } catch (const std::system_error& error) {
                                      if (error.code() != std::errc::no_such_file_or_directory) return 2;
                                    }
                                    if (exists(name + "-done")) return 0;
                                  }
                                  return 3;
                                });
                              },
                          .victim =
                              [&] {
                                SharedMemory({.create = true, .size = 1}).unlink();
                                begin_window();
                                const ShareableList list({1, "text"}, name);
                                end_window();
                              },
                          .check =
                              [&](const KillPoint&) {
                                EXPECT_TRUE(goes_away(name));
                                SharedMemory done({.name = name + "-done", .create = true, .size = 1});
                                EXPECT_EQ(end_of_helper(), 0);
                                done.unlink();
                              }};
  expect_survives_every_crash_point(scenario, {.least_points = 3});
}

TEST(SharedMemoryCrash, WhoIsRefusedANameLeavesItToItsOwner) {
  const std::string name = name_of_victims();
  SharedMemory owned({.name = name, .create = true, .size = 10});
  const Scenario scenario{.name = "shared memory, of a taken name",
                          .victim =
                              [&] {
                                SharedMemory({.create = true, .size = 1}).unlink();
                                begin_window();
                                try {
                                  SharedMemory({.name = name, .create = true, .size = 10});
                                } catch (const std::system_error&) {
                                }
                                end_window();
                              },
                          .check =
                              [&](const KillPoint&) {
                                EXPECT_TRUE(exists(name));
                                EXPECT_EQ(SharedMemory({.name = name}).size(), 10u);
                              }};
  expect_survives_every_kill(scenario, slow_check(60));
  owned.unlink();
}

}  // namespace
}  // namespace procyon::crash
