#include "os/socket.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <iterator>
#include <system_error>

namespace procyon::os {
namespace {

std::ptrdiff_t open_descriptors() {
  const std::filesystem::directory_iterator entries("/proc/self/fd");
  return std::distance(begin(entries), end(entries));
}

TEST(Socket, KeepsMessageBoundaries) {
  auto [left, right] = create_socket_pair();
  const int first = 1;
  const long second = 2;
  ASSERT_TRUE(send_message(left, bytes_of(first)));
  ASSERT_TRUE(send_message(left, bytes_of(second)));
  std::array<std::byte, 64> buffer;
  EXPECT_EQ(receive_message(right, buffer)->size, sizeof(first));
  EXPECT_EQ(receive_message(right, buffer)->size, sizeof(second));
}

TEST(Socket, CarriesDescriptorsThatCloseOnExec) {
  auto [left, right] = create_socket_pair();
  Descriptor null = Descriptor::adopt(::open("/dev/null", O_RDONLY), "opening /dev/null");
  const int sent[] = {null.get(), null.get()};
  ASSERT_TRUE(send_message(left, bytes_of(7), sent));
  int received = 0;
  const auto message = receive_message(right, writable_bytes_of(received));
  ASSERT_TRUE(message);
  EXPECT_EQ(received, 7);
  ASSERT_EQ(message->descriptors.size(), 2u);
  for (const Descriptor& descriptor : message->descriptors)
    EXPECT_TRUE(::fcntl(descriptor.get(), F_GETFD) & FD_CLOEXEC);
}

TEST(Socket, SaysThatTheOtherSideIsGone) {
  auto [left, right] = create_socket_pair();
  right.reset();
  int buffer = 0;
  EXPECT_FALSE(receive_message(left, writable_bytes_of(buffer)));
  EXPECT_FALSE(send_message(left, bytes_of(buffer)));
}

TEST(Socket, AMessageTooLargeIsAnErrorAndClosesWhatCameWithIt) {
  auto [left, right] = create_socket_pair();
  const int sent[] = {left.get()};
  ASSERT_TRUE(send_message(left, bytes_of(7L), sent));
  const auto before = open_descriptors();
  int buffer = 0;
  EXPECT_THROW(receive_message(right, writable_bytes_of(buffer)), std::system_error);
  EXPECT_EQ(open_descriptors(), before);
}

TEST(Socket, StrippedDescriptorsAreNoticed) {
  const pid_t child = ::fork();
  if (child == 0) {
    auto [left, right] = create_socket_pair();
    const int sent[] = {left.get(), left.get(), left.get()};
    int buffer = 7;
    bool noticed = false;
    if (!send_message(left, bytes_of(buffer), sent)) ::_exit(2);
    const rlimit limit{static_cast<rlim_t>(right.get()) + 2, 4096};  // room for one of the three
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) ::_exit(3);
    try {
      (void)receive_message(right, writable_bytes_of(buffer));
    } catch (const std::system_error& error) {
      noticed = error.code() == std::errc::too_many_files_open;
    }
    // Closed again what did arrive: the next number is free.
    const int next = ::dup(right.get());
    ::_exit(noticed && next == right.get() + 1 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(Socket, KnowsWhoMadeTheOtherEnd) {
  auto [left, right] = create_socket_pair();
  EXPECT_EQ(peer_credentials(left).pid, ::getpid());
  EXPECT_EQ(peer_credentials(left).uid, ::getuid());
}

}  // namespace
}  // namespace procyon::os
