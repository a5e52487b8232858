// Who may tell an image of the program to be a child instead of running main: the process that started it, and nobody
// when the program has more privileges than its user.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "os/socket.hpp"
#include "process/bootstrap.hpp"
#include "test_support.hpp"

namespace procyon::testing {
namespace {

// What becomes of this image if its main runs, and if it does not.
constexpr int ran_main = 0;
constexpr int refused = process::exit_code_of_failed_bootstrap;

[[noreturn]] void execute_told_to_bootstrap(const char* path, int descriptor) {
  ::fcntl(descriptor, F_SETFD, 0);
  ::setenv(process::bootstrap_variable, std::to_string(descriptor).c_str(), 1);
  ::execl(path, "image", "--gtest_list_tests", nullptr);
  ::_exit(99);
}

int exit_code_of(pid_t pid) {
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(Bootstrap, IsRefusedFromASocketOfAnotherProcessThanTheStarter) {
  Captured errors(STDERR_FILENO);
  const os::SocketPair sockets = os::create_socket_pair();  // this process's
  const pid_t starter = ::fork();
  if (starter == 0) {
    const pid_t image = ::fork();
    if (image == 0) execute_told_to_bootstrap("/proc/self/exe", sockets.second.get());
    ::_exit(exit_code_of(image));
  }
  EXPECT_EQ(exit_code_of(starter), refused);
  EXPECT_NE(errors.text().find("does not lead to the process that started this one"), std::string::npos);
}

TEST(Bootstrap, IsRefusedFromWhatIsNoSocket) {
  Captured errors(STDERR_FILENO);
  const pid_t image = ::fork();
  if (image == 0) execute_told_to_bootstrap("/proc/self/exe", ::open("/dev/null", O_RDWR));
  EXPECT_EQ(exit_code_of(image), refused);
}

TEST(Bootstrap, IsIgnoredByAProgramWithMorePrivilegesThanItsUser) {
  struct statvfs mount {};
  const std::filesystem::path place = std::filesystem::temp_directory_path();
  if (::geteuid() != 0 || ::statvfs(place.c_str(), &mount) != 0 ||
      (mount.f_flag & (ST_NOSUID | ST_NOEXEC)) != 0)
    GTEST_SKIP() << "no program with privileges can be made here";
  const std::filesystem::path program = place / ("procyon-privileged-" + std::to_string(::getpid()));
  std::filesystem::copy_file("/proc/self/exe", program);
  ASSERT_EQ(::chmod(program.c_str(), 04755), 0);
  const pid_t image = ::fork();
  if (image == 0) {
    constexpr uid_t nobody = 65534;
    ::dup2(::open("/dev/null", O_WRONLY), STDOUT_FILENO);
    if (::setuid(nobody) != 0) ::_exit(98);
    execute_told_to_bootstrap(program.c_str(), STDIN_FILENO);
  }
  EXPECT_EQ(exit_code_of(image), ran_main);
  std::filesystem::remove(program);
}

}  // namespace
}  // namespace procyon::testing
