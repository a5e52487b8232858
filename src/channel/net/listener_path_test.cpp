// The path of a listener goes with it, however it ends.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <thread>

#include "arena/test_process.hpp"
#include "channel/net/sockets.hpp"
#include "channel/net/test_paths.hpp"
#include "procyon/connection.hpp"

namespace procyon::channel::net {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using arena::testing::Gate;
using arena::testing::TestProcess;

class ListenerPath : public testing::Test {
 protected:
  static bool goes_away(const fs::path& path) {
    const os::Deadline deadline = os::Deadline::after(20s);
    while (fs::exists(fs::symlink_status(path))) {
      if (deadline.expired()) return false;
      std::this_thread::sleep_for(1ms);
    }
    return true;
  }
  static bool answers(const Address& address) {
    try {
      return bool(connect_socket(address, os::Deadline::after(20s)));
    } catch (const std::system_error&) {
      return false;
    }
  }

  const TestDirectory made;
  const fs::path directory = made.path();
  const fs::path path = directory / "socket";
  const Address address = parse_address("unix:" + path.string());
};

TEST_F(ListenerPath, OfAKilledListenerGoesAway) {
  Gate listening;
  TestProcess creator([&] {
    const connection::Listener listener(address.text, {});
    listening.open();
    for (;;) ::pause();
    return 0;
  });
  listening.pass();
  EXPECT_TRUE(fs::is_socket(path));
  EXPECT_TRUE(answers(address));
  creator.kill();
  EXPECT_TRUE(goes_away(path));
}

TEST_F(ListenerPath, IsGoneWhenAProcessHasExitedThatForgotToClose) {
  TestProcess creator([&] {
    static ListeningSocket* forgotten = nullptr;  // reachable, so that no leak checker minds
    forgotten = new ListeningSocket(address, 5);
    static_cast<void>(forgotten);
    ::exit(7);
    return 0;
  });
  EXPECT_EQ(creator.wait(), 7);
  EXPECT_FALSE(fs::exists(path));
}

// The absolute path is longer than the address of a socket may be.
TEST_F(ListenerPath, MayBeRelativeAndDeep) {
  const fs::path deep = directory / std::string(100, 'd') / std::string(100, 'e');
  fs::create_directories(deep);
  Gate listening;
  TestProcess creator([&] {
    if (::chdir(deep.c_str()) != 0) return 1;
    const ListeningSocket socket(parse_address("unix:socket"), 5);
    if (::chdir("/") != 0) return 2;
    listening.open();
    for (;;) ::pause();
    return 0;
  });
  listening.pass();
  EXPECT_TRUE(fs::is_socket(deep / "socket"));
  creator.kill();
  EXPECT_TRUE(goes_away(deep / "socket"));
}

TEST_F(ListenerPath, WorksWhereNobodyCanBeToldOfIt) {
  fs::path deep = directory;  // longer than a guardian takes
  for (int level = 0; level < 3; ++level) deep /= std::string(200, 'd');
  fs::create_directories(deep);
  TestProcess creator([&] {
    if (::chdir(deep.c_str()) != 0) return 1;
    const Address here = parse_address("unix:socket");
    {
      const ListeningSocket socket(here, 5);
      if (!answers(here)) return 2;
    }
    if (fs::exists("socket")) return 3;
    static_cast<void>(std::make_unique<ListeningSocket>(here, 5).release());
    return 0;
  });
  ASSERT_EQ(creator.wait(), 0);
  EXPECT_TRUE(fs::is_socket(deep / "socket"));
  TestProcess successor([&] {
    if (::chdir(deep.c_str()) != 0) return 1;
    const ListeningSocket socket(parse_address("unix:socket"), 5);
    return answers(parse_address("unix:socket")) ? 0 : 2;
  });
  EXPECT_EQ(successor.wait(), 0);
}

TEST_F(ListenerPath, IsNotKeptByAForkedChildThatLivesOn) {
  Gate listening;
  Gate stop;
  TestProcess creator([&] {
    const ListeningSocket socket(address, 5);
    if (::fork() == 0) {
      stop.pass();
      ::_exit(0);
    }
    listening.open();
    for (;;) ::pause();
    return 0;
  });
  listening.pass();
  creator.kill();
  EXPECT_TRUE(goes_away(path));
  stop.open();
}

TEST_F(ListenerPath, IsNotRemovedByAForkedChildThatEnds) {
  const ListeningSocket socket(address, 5);
  TestProcess child([&] {
    ::exit(0);
    return 0;
  });
  EXPECT_EQ(child.wait(), 0);
  TestProcess killed([&] {
    const ListeningSocket own(parse_address("unix:" + (directory / "own").string()), 5);
    ::kill(::getpid(), SIGKILL);
    return 0;
  });
  EXPECT_EQ(killed.wait(), -SIGKILL);
  EXPECT_TRUE(goes_away(directory / "own"));
  EXPECT_TRUE(answers(address));
}

// However fast it comes, and whichever number the file system gives to its file.
TEST_F(ListenerPath, OfASuccessorIsNotRemovedByTheGuardianOfTheDeadOne) {
  TestProcess successor([&] {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);  // guardians become children of this process
    for (int round = 0; round < 30; ++round) {
      Gate listening;
      TestProcess creator([&] {
        const ListeningSocket socket(address, 5);
        listening.open();
        for (;;) ::pause();
        return 0;
      });
      listening.pass();
      creator.kill();
      const ListeningSocket socket(address, 5);
      while (::waitpid(-1, nullptr, 0) < 0 && errno == EINTR) {  // the dead one's: ours stays
      }
      if (!answers(address)) return 1;
    }
    return 0;
  });
  EXPECT_EQ(successor.wait(), 0);
  EXPECT_FALSE(fs::exists(path));
}

TEST_F(ListenerPath, HasThePermissionsThatTheProcessGives) {
  const mode_t mask = ::umask(0027);
  const ListeningSocket socket(address, 5);
  ::umask(mask);
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0750u);
  EXPECT_EQ(socket.address(), address.text);
}

}  // namespace
}  // namespace procyon::channel::net
