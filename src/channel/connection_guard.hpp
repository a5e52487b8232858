// What lets threads share one end of a connection: a descriptor that is closed when nobody uses it, and a turn.
//
//   if (!descriptor.begin_use()) throw ...;          // closed
//   ::poll(descriptor.number() ...);
//   descriptor.end_use();
//
// A descriptor that is closed while another thread waits on it is reused by the next open(), and that thread then reads
// somebody else's bytes. So close() only marks it, and the last user closes it.
//
// Both are kept right across fork(): uses and turns that a child has copied belong to threads that do not exist in it, so
// each word says whose it is.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

#include "procyon/detail/os/deadline.hpp"
#include "procyon/detail/os/descriptor.hpp"
#include "procyon/detail/os/futex.hpp"

namespace procyon::channel {

class GuardedDescriptor {
 public:
  explicit GuardedDescriptor(os::Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

  /// False once closed. Whoever got true calls end_use().
  [[nodiscard]] bool begin_use() noexcept;
  /// True if the descriptor was closed now.
  bool end_use() noexcept;
  /// No use begins any more; the descriptor is closed with the last one. True if that is now.
  bool close() noexcept;
  [[nodiscard]] bool closed() const noexcept;
  /// Only during a use.
  [[nodiscard]] int number() const noexcept { return descriptor_.get(); }

 private:
  os::Descriptor descriptor_;
  // Process id << 32 | closed << 31 | uses.
  std::atomic<std::uint64_t> word_{0};
};

/// Whose turn it is, to send or to receive, among the threads of this process: a std::timed_mutex that fork() cannot leave
/// locked.
class Turn {
 public:
  /// False if the deadline passed first.
  [[nodiscard]] bool take(os::Deadline deadline) noexcept;
  void give() noexcept;

 private:
  os::FutexWord word_{0};  // process id of the holder's, 0: nobody's | waiters << 31
};

}  // namespace procyon::channel
