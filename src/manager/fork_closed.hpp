// A descriptor that a forked child must not keep: it is closed there as soon as fork() returns.
//
//   ForkClosed socket(std::move(descriptor));
//   recv(socket.get(), ...);                       // in a forked child: -1
//
// A connection says by its end that a process is gone. If a forked child had the descriptor, too, the end of its parent
// would go unnoticed. (Children of other kinds are told by close-on-exec; a raw clone(2) of the user's own passes this by.)
#pragma once

#include <atomic>

#include "procyon/detail/os/descriptor.hpp"

namespace procyon::manager {

class ForkClosed {
 public:
  ForkClosed() = default;
  /// Throws std::system_error if there is no memory to note it.
  explicit ForkClosed(os::Descriptor descriptor);
  ForkClosed(const ForkClosed&) = delete;
  ForkClosed& operator=(const ForkClosed&) = delete;
  ~ForkClosed() { close(); }

  [[nodiscard]] int get() const;
  void close() noexcept;

 private:
  struct Entry;
  static Entry& free_entry();
  static void close_all() noexcept;

  Entry* entry_ = nullptr;  // lives as long as the process; used again by others
};

}  // namespace procyon::manager
