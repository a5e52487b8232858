// An owned file descriptor: closed when its owner goes, moved but never copied.
//
//   os::Descriptor file(::open(path, O_RDONLY | O_CLOEXEC));
//   if (!file) throw_system_error("opening ...");
//
// Everything that the library opens is close-on-exec and lies above the standard descriptors 0 to 2: a program that
// runs with one of those closed must not find its next printf in our memory.
#pragma once

#include <utility>

namespace procyon::os {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  ~Descriptor() { reset(); }

  [[nodiscard]] int get() const { return number_; }
  explicit operator bool() const { return number_ >= 0; }
  [[nodiscard]] int release() { return std::exchange(number_, -1); }

  /// Closes what it holds, then owns `number`. errno is kept.
  void reset(int number = -1);

  /// A close-on-exec duplicate above the standard descriptors. Throws std::system_error.
  [[nodiscard]] Descriptor duplicate() const;

  /// Takes the result of a system call that makes a descriptor: moves it above 0 to 2 if need be, sets close-on-exec.
  /// Throws std::system_error "`attempt`: ..." when `number` is negative.
  static Descriptor adopt(int number, const char* attempt);

 private:
  int number_ = -1;
};

}  // namespace procyon::os
