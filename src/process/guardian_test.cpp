#include "process/guardian.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <system_error>
#include <thread>

#include "arena/test_process.hpp"
#include "os/pidfd.hpp"
#include "process/state.hpp"
#include "process/test_support.hpp"

namespace procyon::process {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using arena::testing::Gate;
using arena::testing::TestProcess;
using procyon::testing::check;

/// A directory for a test's files, gone after it.
class GuardianTest : public ::testing::Test {
 protected:
  GuardianTest()
      : directory_(fs::temp_directory_path() / ("procyon-guardian-" + std::to_string(::getpid()))) {
    fs::create_directory(directory_);
  }
  ~GuardianTest() override {
    std::error_code error;  // the guardian of a test's process may be removing the same
    for (int attempt = 0; attempt < 1000; ++attempt)
      if (fs::remove_all(directory_, error); !error) break;
  }

  [[nodiscard]] fs::path path(const std::string& name = "file") const { return directory_ / name; }
  [[nodiscard]] Leftover leftover(const std::string& name = "file") const { return {path(name)}; }
  [[nodiscard]] static bool goes_away(const fs::path& path) {
    const auto end = std::chrono::steady_clock::now() + 1s;  // what is promised
    while (fs::exists(fs::symlink_status(path))) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::sleep_for(1ms);
    }
    return true;
  }
  static void make(const fs::path& path) { ::close(::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY, 0600)); }
  /// In a process of its own.
  static Guardian& guardian() { return State::current().guardian(); }
  void watch_and_make(const std::string& name = "file") const {
    guardian().watch(leftover(name));
    make(path(name));
  }

 private:
  fs::path directory_;
};

bool ends(const os::Descriptor& pidfd) { return os::wait_readable(pidfd, os::Deadline::after(10s)); }

TEST_F(GuardianTest, RemovesWhatAKilledProcessLeaves) {
  Gate made;
  TestProcess creator([&] {
    watch_and_make();
    made.open();
    ::pause();
    return 0;
  });
  made.pass();
  EXPECT_TRUE(fs::exists(path()));
  creator.kill();
  EXPECT_TRUE(goes_away(path()));
}

TEST_F(GuardianTest, LeavesWhatItWasToldToForget) {
  TestProcess creator([&] {
    watch_and_make("kept");
    watch_and_make("left");
    guardian().forget(leftover("kept"));
    ::kill(::getpid(), SIGKILL);
    return 0;
  });
  creator.wait();
  EXPECT_TRUE(goes_away(path("left")));
  EXPECT_TRUE(fs::exists(path("kept")));
}

TEST_F(GuardianTest, HasDoneItsWorkWhenAProcessHasExited) {
  TestProcess creator([&] {
    watch_and_make();
    ::exit(7);
    return 0;
  });
  EXPECT_EQ(creator.wait(), 7);
  EXPECT_FALSE(fs::exists(path()));
}

TEST_F(GuardianTest, RemovesWhatAProcessLeavesThatBecomesAnotherProgram) {
  Gate made;
  TestProcess creator([&] {
    watch_and_make();
    made.open();
    ::execlp("sleep", "sleep", "60", nullptr);
    return 1;
  });
  made.pass();
  EXPECT_TRUE(goes_away(path()));
}

TEST_F(GuardianTest, IsNotDelayedByForkedChildrenThatLiveOn) {
  for (const bool becomes_another_program : {false, true}) {
    Gate made;
    Gate stop;
    TestProcess creator([&] {
      watch_and_make();
      if (::fork() == 0) {
        stop.pass();
        ::_exit(0);
      }
      made.open();
      if (becomes_another_program) ::execlp("sleep", "sleep", "60", nullptr);
      ::pause();
      return 0;
    });
    made.pass();
    if (!becomes_another_program) creator.kill();
    EXPECT_TRUE(goes_away(path())) << becomes_another_program;
    stop.open();
  }
}

TEST_F(GuardianTest, KeepsItsNamesWhileAForkedChildComesAndGoes) {
  Gate forked;
  Gate go_on;
  TestProcess creator([&] {
    watch_and_make();
    const pid_t child = ::fork();
    if (child == 0) ::exit(0);
    ::waitpid(child, nullptr, 0);
    forked.open();
    go_on.pass();
    return guardian().pid() ? 0 : 1;
  });
  forked.pass();
  EXPECT_TRUE(fs::exists(path()));
  go_on.open();
  EXPECT_EQ(creator.wait(), 0);
}

TEST_F(GuardianTest, IsNobodysChildAndHasASessionOfItsOwn) {
  TestProcess creator([&] {
    watch_and_make();
    if (::waitpid(-1, nullptr, 0) != -1 || errno != ECHILD) return 1;
    const pid_t pid = *guardian().pid();
    return ::getsid(pid) == pid || ::getsid(pid) != ::getsid(0) ? 0 : 2;
  });
  EXPECT_EQ(creator.wait(), 0);
}

TEST_F(GuardianTest, HoldsASocketAndAPidfdAndNothingElse) {
  TestProcess creator([&] {
    watch_and_make();
    const fs::path process = "/proc/" + std::to_string(*guardian().pid());
    std::ptrdiff_t count = 0;
    for (const auto& entry : fs::directory_iterator(process / "fd")) {
      ++count;
      const std::string target = fs::read_symlink(entry.path());
      if (target.find("socket:") != 0 && target.find("pidfd") == std::string::npos) return 1;
    }
    if (fs::read_symlink(process / "cwd") != "/") return 2;
    return count == 2 ? 0 : 3;
  });
  EXPECT_EQ(creator.wait(), 0);
}

TEST_F(GuardianTest, OutlivesTheKillOfItsCreatorsProcessGroupAndPoliteSignals) {
  Gate made;
  TestProcess creator([&] {
    ::setpgid(0, 0);
    watch_and_make();
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) ::kill(*guardian().pid(), signal);
    made.open();
    ::pause();
    return 0;
  });
  made.pass();
  ::kill(-creator.pid(), SIGKILL);
  creator.wait();
  EXPECT_TRUE(goes_away(path()));
}

TEST_F(GuardianTest, AKilledOneIsReplacedAtTheNextUse) {
  for (const bool by_forgetting : {false, true}) {
    TestProcess creator([&] {
      watch_and_make("first");
      guardian().watch(leftover("never made"));
      const os::Descriptor first = os::open_pidfd(*guardian().pid());
      os::send_signal(first, SIGKILL);
      check(ends(first), 2);
      check(!guardian().pid(), 3);
      if (by_forgetting)
        guardian().forget(leftover("never made"));
      else
        watch_and_make("second");
      check(guardian().pid().has_value(), 4);
      ::kill(::getpid(), SIGKILL);
      return 0;
    });
    EXPECT_EQ(creator.wait(), -SIGKILL);
    EXPECT_TRUE(goes_away(path("first")));
    EXPECT_TRUE(goes_away(path("second")));
  }
}

TEST_F(GuardianTest, AKilledOneIsReplacedAtTheEnd) {
  TestProcess creator([&] {
    watch_and_make();
    const os::Descriptor first = os::open_pidfd(*guardian().pid());
    os::send_signal(first, SIGKILL);
    check(ends(first), 2);
    ::exit(0);
    return 0;
  });
  EXPECT_EQ(creator.wait(), 0);
  EXPECT_FALSE(fs::exists(path()));
}

TEST_F(GuardianTest, RemovesOnlyTheFileThatTheNameWasFor) {
  TestProcess creator([&] {
    make(path());
    struct stat status {};
    ::stat(path().c_str(), &status);
    guardian().watch({path(), Leftover::Kind::file, {.device = status.st_dev, .inode = status.st_ino}});
    make(path("another"));
    fs::rename(path("another"), path());
    make(path("last"));
    guardian().watch(leftover("last"));
    ::kill(::getpid(), SIGKILL);
    return 0;
  });
  creator.wait();
  EXPECT_TRUE(goes_away(path("last")));
  EXPECT_TRUE(fs::exists(path()));
}

TEST_F(GuardianTest, RemovesADirectoryAfterWhatLiesInIt) {
  TestProcess creator([&] {
    guardian().watch({path("directory"), Leftover::Kind::directory});
    fs::create_directory(path("directory"));
    watch_and_make("directory/file");
    ::exit(0);
    return 0;
  });
  EXPECT_EQ(creator.wait(), 0);
  EXPECT_FALSE(fs::exists(path("directory")));
}

TEST_F(GuardianTest, KeepsThousandsOfNames) {
  TestProcess creator([&] {
    for (int number = 0; number < 3000; ++number) watch_and_make("file" + std::to_string(number));
    for (int number = 0; number < 3000; number += 2)
      guardian().forget(leftover("file" + std::to_string(number)));
    ::exit(0);
    return 0;
  });
  EXPECT_EQ(creator.wait(), 0);
  for (int number = 0; number < 3000; ++number)
    ASSERT_EQ(fs::exists(path("file" + std::to_string(number))), number % 2 == 0) << number;
}

TEST_F(GuardianTest, IsForkedWhereTheProgramCannotBeStartedOnceMore) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may take other privileges";
  Gate made;
  TestProcess creator([&] {
    check(::setegid(12345) == 0, 1);  // as a program with raised privileges: no image of it is started
    watch_and_make();
    check(::waitpid(-1, nullptr, 0) == -1, 2);
    made.open();
    ::pause();
    return 0;
  });
  made.pass();
  creator.kill();
  EXPECT_TRUE(goes_away(path()));
}

/// A socket that listens at a path, or is only bound to it.
os::Descriptor socket_at(const fs::path& path, bool listens) {
  os::Descriptor made(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un where{.sun_family = AF_UNIX, .sun_path = {}};
  path.string().copy(where.sun_path, sizeof(where.sun_path) - 1);
  EXPECT_EQ(::bind(made.get(), reinterpret_cast<const sockaddr*>(&where), sizeof(where)), 0);
  if (listens) ::listen(made.get(), 1);
  return made;
}

TEST_F(GuardianTest, RemovesAPathOfNoKnownSocketOnlyIfNobodyListensThere) {
  const os::Descriptor living = socket_at(path("living"), true);
  socket_at(path("dead"), true).reset();
  make(path("no socket"));
  TestProcess creator([&] {
    watch_and_make("last");
    for (const char* name : {"living", "dead", "no socket", "nothing"})
      guardian().watch({path(name), Leftover::Kind::socket, {}});
    ::kill(::getpid(), SIGKILL);
    return 0;
  });
  creator.wait();
  EXPECT_TRUE(goes_away(path("last")));
  EXPECT_FALSE(fs::exists(path("dead")));
  EXPECT_TRUE(fs::exists(path("living")));
  EXPECT_TRUE(fs::exists(path("no socket")));
}

TEST_F(GuardianTest, RemovesThePathOfAKnownSocketWhoeverElseHoldsIt) {
  const os::Descriptor socket = socket_at(path("socket"), true);
  TestProcess creator([&] {
    watch_and_make("last");
    guardian().watch({path("socket"), Leftover::Kind::socket, os::identity_at(path("socket").c_str())});
    ::kill(::getpid(), SIGKILL);
    return 0;
  });
  creator.wait();
  EXPECT_TRUE(goes_away(path("last")));
  EXPECT_FALSE(fs::exists(path("socket")));
}

TEST_F(GuardianTest, LooksAtThePathOfASocketOnlyWhenNobodyChangesTheDirectory) {
  for (const bool file_is_known : {false, true}) {
    os::Descriptor socket = socket_at(path("socket"), false);
    const os::Descriptor directory(::open(path("socket").parent_path().c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_EQ(::flock(directory.get(), LOCK_EX), 0);
    TestProcess creator([&] {
      ::close(directory.get());
      watch_and_make("last");
      const auto file = file_is_known ? os::identity_at(path("socket").c_str()) : os::FileIdentity{};
      guardian().watch({path("socket"), Leftover::Kind::socket, file});
      ::kill(::getpid(), SIGKILL);
      return 0;
    });
    creator.wait();
    fs::rename(path("socket"), path("of the dead one"));
    socket = socket_at(path("socket"), false);  // nobody listens yet: it would be taken for a dead one's
    ::listen(socket.get(), 1);
    ::flock(directory.get(), LOCK_UN);
    EXPECT_TRUE(goes_away(path("last")));
    EXPECT_TRUE(fs::exists(path("socket")));
    fs::remove(path("socket"));
    fs::remove(path("of the dead one"));
  }
}

TEST_F(GuardianTest, TakesAbsolutePathsOnly) {
  EXPECT_THROW(guardian().watch({"relative"}), std::invalid_argument);
  EXPECT_THROW(guardian().watch({"/" + std::string(Leftover::max_length, 'x')}), std::invalid_argument);
}

}  // namespace
}  // namespace procyon::process
