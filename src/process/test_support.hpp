// What the tests of processes share. They are started again as children of their own: the test binary is a program whose
// main lies in a static library, entered through the hook.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <utility>

#include "procyon/context.hpp"
#include "procyon/detail/os/descriptor.hpp"
#include "procyon/process.hpp"

namespace procyon::testing {

using namespace std::chrono_literals;

/// A descriptor that may be an argument of a process.
class Shared {
 public:
  explicit Shared(int number) : descriptor_(number) {}
  [[nodiscard]] int get() const { return descriptor_.get(); }
  void close() { descriptor_.reset(); }
  [[nodiscard]] int procyon_descriptor() const { return descriptor_.get(); }
  static Shared procyon_from_descriptor(int number) { return Shared(number); }

  /// One byte, or false at the end of file.
  bool read_byte() const {
    char byte = 0;
    return ::read(get(), &byte, 1) == 1;
  }
  void write_byte() const { ASSERT_EQ(::write(get(), "x", 1), 1); }
  /// Everything up to the end of file.
  std::string read_all() const {
    std::string text;
    char buffer[512];
    for (ssize_t size = 0; (size = ::read(get(), buffer, sizeof(buffer))) > 0;)
      text.append(buffer, static_cast<std::size_t>(size));
    return text;
  }
  template <class T>
  T read_value() const {
    T value{};
    EXPECT_EQ(::read(get(), &value, sizeof(value)), static_cast<ssize_t>(sizeof(value)));
    return value;
  }
  template <class T>
  void write_value(const T& value) const {
    ASSERT_EQ(::write(get(), &value, sizeof(value)), static_cast<ssize_t>(sizeof(value)));
  }
  /// Within 10 seconds.
  [[nodiscard]] bool becomes_readable() const {
    pollfd entry{get(), POLLIN, 0};
    return ::poll(&entry, 1, 10'000) == 1;
  }

 private:
  os::Descriptor descriptor_;
};

/// A pipe: a gate between processes, and a way to hear that the last holder of an end is gone.
struct Channel {
  Channel() : Channel(make()) {}
  Shared out;  // to read from
  Shared in;   // to write to

 private:
  explicit Channel(std::pair<int, int> ends) : out(ends.first), in(ends.second) {}
  static std::pair<int, int> make() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) ::abort();
    return {ends[0], ends[1]};
  }
};

/// What is written to a standard descriptor while this lives, by this process and its children.
class Captured {
 public:
  explicit Captured(int number) : number_(number), saved_(::dup(number)) {
    std::fflush(stdout);  // or a forked child would write what was buffered before
    ::dup2(channel_.in.get(), number);
  }
  ~Captured() {
    if (saved_ >= 0) restore();
  }
  Captured(const Captured&) = delete;
  Captured& operator=(const Captured&) = delete;
  std::string text() {
    restore();
    return channel_.out.read_all();
  }

 private:
  void restore() {
    ::dup2(saved_, number_);
    ::close(saved_);
    saved_ = -1;
    channel_.in.close();
  }
  int number_;
  int saved_;
  Channel channel_;
};

inline std::ptrdiff_t open_descriptors() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/fd"),
                       std::filesystem::directory_iterator());
}

/// The pids of this process's children, ended ones that nobody waited for included.
inline std::vector<pid_t> children_of(pid_t parent) {
  std::vector<pid_t> result;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream file(entry.path() / "stat");
    std::string text;
    std::getline(file, text);
    const auto end_of_name = text.rfind(')');
    if (end_of_name == std::string::npos || text.size() < end_of_name + 5) continue;
    if (std::stoi(text.substr(end_of_name + 4)) == parent) result.push_back(std::stoi(name));
  }
  return result;
}

/// The sentence of the std::logic_error that `action` throws; empty if it throws none.
inline std::string misuse(const std::function<void()>& action) {
  try {
    action();
  } catch (const std::logic_error& error) {
    return error.what();
  }
  return "";
}

/// Ends a child process of a test with the number of the first check that failed, 0 if none did.
inline void check(bool holds, int number) {
  if (!holds) ::_exit(number);
}

/// Under a sanitizer the children of the fork server are its own.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool server_forks = true;
#else
inline constexpr bool server_forks = false;
#endif

class UnderEachStartMethod : public ::testing::TestWithParam<StartMethod> {
 protected:
  [[nodiscard]] static Context context() {
    constexpr const char* names[] = {"fork", "forkserver", "spawn"};
    return get_context(names[static_cast<int>(GetParam())]);
  }
};

inline std::string name_of_start_method(const ::testing::TestParamInfo<StartMethod>& info) {
  constexpr const char* names[] = {"fork", "forkserver", "spawn"};
  return names[static_cast<int>(info.param)];
}

inline const auto all_start_methods =
    ::testing::Values(StartMethod::forkserver, StartMethod::spawn, StartMethod::fork);

}  // namespace procyon::testing
