// SharedMemoryScope: named shared memory for a part of a program. All that was made through it is unlinked at its end.
//
//   {
//     mp::SharedMemoryScope scope;
//     mp::SharedMemory samples = scope.SharedMemory(1 << 20);
//     mp::ShareableList settings = scope.ShareableList({1, 2.5, "three"});
//     run_python_with(samples.name(), settings.name());
//   }                                               // both names are gone; who has the memory still has it
//
// As CPython's SharedMemoryManager, without a process of its own: if this one dies, its guardian unlinks (shared_memory.hpp).
// Not for memory that must outlive the scope: make a SharedMemory by itself.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <initializer_list>
#include <span>
#include <vector>

#include "procyon/shareable_list.hpp"
#include "procyon/shared_memory.hpp"

namespace procyon {

/// Used by one thread at a time. A forked child that has a copy of it unlinks nothing.
class SharedMemoryScope {
 public:
  SharedMemoryScope();
  SharedMemoryScope(SharedMemoryScope&& other) noexcept;
  SharedMemoryScope& operator=(SharedMemoryScope&& other) noexcept;
  /// shutdown(), but an error (somebody has made /dev/shm unwritable) is only logged.
  ~SharedMemoryScope();

  /// New ones, under generated names. Throw as their constructors do, std::logic_error after shutdown().
  [[nodiscard]] procyon::SharedMemory SharedMemory(std::size_t size);
  [[nodiscard]] procyon::ShareableList ShareableList(std::span<const ShareableValue> values);
  [[nodiscard]] procyon::ShareableList ShareableList(std::initializer_list<ShareableValue> values);

  /// Ends the scope. What has been unlinked already is no error. Throws std::system_error after having tried all.
  void shutdown();

 private:
  void require_open() const;

  std::vector<procyon::SharedMemory> made_;  // closed: only their names count
  pid_t owner_;
  bool is_over_ = false;
};

}  // namespace procyon
