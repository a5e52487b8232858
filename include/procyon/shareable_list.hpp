// ShareableList: a list of numbers, texts, bytes and Nones in named shared memory, the same list as CPython's
// multiprocessing.shared_memory.ShareableList.
//
//   mp::ShareableList list({1, 2.5, true, "text", mp::none});
//   list.set(0, 7);
//   auto there = mp::ShareableList::attach(list.name());       // or in Python: ShareableList(name=...)
//   if (there[3] == "text") ...
//   list.unlink();
//
// The length is fixed, and so is the room of each text: what it began with, rounded up to the next multiple of 8 bytes that
// is larger. Any kind of value may take the place of any other, if its room does.
//
// Nothing synchronises: put a Lock beside if somebody writes. Who dies in the middle of set() leaves half a text. Between
// processes of one session a Queue, Value or Array is the better choice; this is for CPython and other programs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "procyon/shared_memory.hpp"

namespace procyon {

/// Python's None, in a ShareableList.
using None = std::monostate;
inline constexpr None none{};

/// What a ShareableList holds: None, bool, int (64 bits), float, str (UTF-8), bytes.
using ShareableValue = std::variant<None, bool, std::int64_t, double, std::string, std::vector<std::byte>>;

/// Copies refer to the same list. As an argument of a process, or through a queue, it crosses as a SharedMemory does.
///
/// FORMAT, CPython's, all numbers little-endian of 8 bytes: n; n + 1 offsets of slots from the start of the data; the
/// data; n formats of 8 characters, NUL-padded; n codes of one byte.
///
///   int "q"   float "d"   bool "xxxxxxx?" (byte 7)   None "xxxxxx?x", code 3   str "<room>s", code 1   bytes "<room>s", code 2
///
/// HOW LONG A TEXT IS. A text is padded with NULs and the format has no place for its length, so CPython takes the NULs that
/// it ends with for padding. Of what this class writes the length is kept: if a text ends with NULs, their number follows
/// the format as white space, which CPython overlooks (a base-6 number; its digits are space, \t, \n, \v, \f, \r). CPython
/// still reads such a text without its last NULs; we read all of it. In rooms below 10,000 bytes there is place for 215
/// NULs, for 35 below 100,000, 5 below 1,000,000, and none beyond; more are std::length_error.
class ShareableList {
 public:
  /// Refers to nothing.
  ShareableList() = default;
  /// A new one, under a generated name if that is empty. Throws as SharedMemory does, and std::length_error for a text of
  /// 10 MB or more.
  explicit ShareableList(std::span<const ShareableValue> values, const std::string& name = {});
  ShareableList(std::initializer_list<ShareableValue> values, const std::string& name = {})
      : ShareableList(std::span(values.begin(), values.size()), name) {}
  /// That of another program or process. Throws as SharedMemory does, std::runtime_error for what is no such list.
  static ShareableList attach(const std::string& name);

  [[nodiscard]] std::size_t size() const { return offsets_.empty() ? 0 : offsets_.size() - 1; }
  [[nodiscard]] bool empty() const { return size() == 0; }
  /// Throw std::out_of_range, std::runtime_error when somebody has spoilt the list.
  [[nodiscard]] ShareableValue operator[](std::size_t index) const;
  [[nodiscard]] std::vector<ShareableValue> values() const;
  /// Throws std::out_of_range, and std::length_error when the value needs more room than its slot has.
  void set(std::size_t index, const ShareableValue& value);
  /// How many bytes a text may have there.
  [[nodiscard]] std::size_t capacity(std::size_t index) const;

  /// How many items are equal to it, and which is the first; nothing equal: size().
  [[nodiscard]] std::size_t count(const ShareableValue& value) const;
  [[nodiscard]] std::size_t index(const ShareableValue& value) const;
  /// The formats of all items, one behind the other, as Python's struct has them.
  [[nodiscard]] std::string format() const;

  [[nodiscard]] const SharedMemory& shm() const { return memory_; }
  [[nodiscard]] const std::string& name() const { return memory_.name(); }
  void close() { memory_.close(); }
  void unlink() { memory_.unlink(); }

  /// For the library: how it crosses to another process.
  template <class Archive>
  void serialize(Archive& archive) {
    archive(memory_);
    if constexpr (Archive::is_loading::value) read_layout();
  }

 private:
  struct Slot;

  void read_layout();
  [[nodiscard]] Slot slot(std::size_t index) const;
  [[nodiscard]] Slot slot_in(std::byte* memory, std::size_t index) const;
  [[noreturn]] void throw_spoilt(const std::string& how) const;

  SharedMemory memory_;
  std::vector<std::size_t> offsets_;  // of slots, from the start of the memory; one more than there are items
};

}  // namespace procyon
