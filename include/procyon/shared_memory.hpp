// SharedMemory: named memory for programs that are not related, CPython's multiprocessing.shared_memory among them.
//
//   mp::SharedMemory ours({.create = true, .size = 1 << 20});      // name() is generated: "psm_5f3a91c0"
//   mp::SharedMemory theirs({.name = "psm_5f3a91c0"});             // in any program of this machine
//   theirs.buf()[0] = std::byte{42};
//   for (double& sample : ours.view<double>()) sample = 0;         // a view keeps the memory mapped
//   ours.unlink();                                                 // the name goes, and the memory with its last user
//
// Whoever made it unlinks it. If its creator ends without having done so, in order or killed at any instruction, a guardian
// process does (src/process/guardian.hpp); who attaches never unlinks by accident. The name appears with the memory
// complete, of its full size and filled with zeroes: a program that attaches early finds nothing or all of it.
//
// Nothing here synchronises: between processes of one session use a Value or an Array, which need no name, are never
// left behind and tell of a death; and put a Lock beside. For whom it is: other programs, CPython, memory that must
// outlive its creator's object.
//
// SharedMemoryScope (shared_memory_scope.hpp) unlinks all that was made through it at its end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

namespace procyon {

/// Objects in a SharedMemory. Keeps the memory mapped, whatever becomes of the SharedMemory; reads as a std::span.
template <class T>
class SharedMemoryView {
 public:
  using value_type = T;

  SharedMemoryView() = default;
  /// For the library.
  SharedMemoryView(std::shared_ptr<const void> keeper, std::span<T> items)
      : keeper_(std::move(keeper)), items_(items) {}

  [[nodiscard]] std::size_t size() const { return items_.size(); }
  [[nodiscard]] bool empty() const { return items_.empty(); }
  [[nodiscard]] T* data() const { return items_.data(); }
  [[nodiscard]] T* begin() const { return items_.data(); }
  [[nodiscard]] T* end() const { return items_.data() + items_.size(); }
  [[nodiscard]] T& operator[](std::size_t index) const { return items_[index]; }
  /// Not beyond the life of this view.
  [[nodiscard]] std::span<T> items() const { return items_; }

 private:
  std::shared_ptr<const void> keeper_;
  std::span<T> items_;
};

class ShareableList;

/// A copy refers to the same memory, and has to be closed for itself. As an argument of a process, or through a queue, the
/// name crosses and the receiver attaches: so it must not have been unlinked by then. Different objects may be used by
/// different threads.
class SharedMemory {
 public:
  struct Options {
    std::string name;      // created under a generated one if empty
    bool create = false;   // or attach to what is there
    std::size_t size = 0;  // of what is created, in bytes; attached to: what it must have at least
  };

  /// Refers to nothing.
  SharedMemory() = default;
  /// Throws std::system_error: file_exists, no_such_file_or_directory, permission_denied, no_space_on_device, ... and
  /// std::invalid_argument for a size of 0 or an impossible name.
  explicit SharedMemory(const Options& options);

  /// Without a slash.
  [[nodiscard]] const std::string& name() const { return name_; }
  /// In bytes, exactly; also after close().
  [[nodiscard]] std::size_t size() const { return size_; }

  /// The memory, until close() and no longer than the last copy of this object. Throws std::logic_error after close().
  [[nodiscard]] std::span<std::byte> buf() const;
  /// The memory from byte `offset` on, as `count` objects of T; all that fit by default. It lasts as long as the view.
  /// Throws std::out_of_range, std::invalid_argument if the offset is none for a T, std::logic_error after close().
  template <class T = std::byte>
  [[nodiscard]] SharedMemoryView<T> view(std::size_t offset = 0, std::size_t count = all_that_fit) const {
    static_assert(
        std::is_trivially_copyable_v<T> && std::is_object_v<T>,
        "procyon: a SharedMemory is seen by other programs, so it holds trivially copyable types only");
    return {mapping_, {reinterpret_cast<T*>(part(offset, count, sizeof(T), alignof(T))), count}};
  }

  /// This object gives the memory up; copies and views do not. May be called again.
  void close();
  /// Takes the name away, so that nobody attaches any more; who has the memory keeps it. Throws std::system_error
  /// (no_such_file_or_directory) if it has been done, or if the name is by now another's.
  void unlink();

  /// For the library: how it crosses to another process.
  template <class Archive>
  void serialize(Archive& archive) {
    archive(name_, device_, inode_);
    if constexpr (Archive::is_loading::value) attach_as_received();
  }

  static constexpr std::size_t all_that_fit = std::numeric_limits<std::size_t>::max();

 private:
  friend class ShareableList;
  struct Mapping;
  using Fill = std::function<void(std::span<std::byte>)>;

  /// Creates one, and fills it before it has its name.
  SharedMemory(const std::string& name, std::size_t size, const Fill& fill);
  void create(std::size_t size, const Fill& fill);
  bool create_by_name(const std::string& name, std::size_t size, const Fill& fill);
  void attach(std::size_t least_size);
  void attach_as_received();
  [[nodiscard]] std::byte* part(std::size_t offset, std::size_t& count, std::size_t size,
                                std::size_t alignment) const;
  void require_open() const;

  std::string name_;
  std::uint64_t device_ = 0;  // with the inode: what the name is for
  std::uint64_t inode_ = 0;
  std::size_t size_ = 0;
  std::shared_ptr<Mapping> mapping_;
};

}  // namespace procyon
