// A message of more than 2 GiB, which has a longer header.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "procyon/pipe.hpp"

namespace procyon {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t gibibyte = std::size_t{1} << 30;
constexpr std::size_t message_size = 2 * gibibyte + 123'456;

std::size_t available_memory() {
  std::ifstream file("/proc/meminfo");
  std::string name;
  std::size_t kibibytes = 0;
  while (file >> name >> kibibytes) {
    if (name == "MemAvailable:") return kibibytes * 1024;
    file.ignore(100, '\n');
  }
  return 0;
}

TEST(PipeLarge, AMessageOfMoreThanTwoGibibytesArrivesWhole) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the thread sanitizer takes minutes and many times the memory for this";
#endif
  if (available_memory() < 6 * gibibyte)
    GTEST_SKIP() << "a message of more than 2 GiB needs 6 GiB of memory that is free";
  auto [in, out] = Pipe(one_way);
  const pid_t sender = ::fork();
  if (sender == 0) {
    // Pages that nobody writes to take no memory.
    void* const memory = ::mmap(nullptr, message_size, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) ::_exit(1);
    const std::span bytes(static_cast<std::byte*>(memory), message_size);
    bytes.front() = std::byte{1};
    bytes[2 * gibibyte + 5] = std::byte{2};
    bytes.back() = std::byte{3};
    out.send_bytes(bytes);
    out.send_bytes("next");
    ::_exit(0);
  }
  out.close();
  {
    const std::vector<std::byte> message = in.recv_bytes(100s);
    ASSERT_EQ(message.size(), message_size);
    EXPECT_EQ(message.front(), std::byte{1});
    EXPECT_EQ(message[2 * gibibyte + 5], std::byte{2});
    EXPECT_EQ(message.back(), std::byte{3});
    EXPECT_EQ(message[gibibyte], std::byte{0});
  }
  EXPECT_EQ(in.recv_bytes(60s).size(), 4u);
  int status = 0;
  EXPECT_EQ(::waitpid(sender, &status, 0), sender);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace procyon
