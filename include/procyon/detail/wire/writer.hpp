// A buffer that bytes are appended to.
//
//   Writer writer;                          grows; up to 256 bytes without taking memory
//   wire::write(writer, value);
//   send(writer.bytes());
//
// A single large piece is written to where its channel wants it, if the channel says so (Attachments::room_for).
//
//   Writer writer(slot);                    writes into the caller's span and never beyond it
//   wire::write(writer, value);
//   if (!writer.fits()) take a block of writer.size() bytes and write again;
//
// One thread at a time. Values are written in the byte order and layout of this machine: for processes of one
// program on one machine, not for files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

#include "procyon/detail/wire/attachments.hpp"
#include "procyon/detail/wire/decode_error.hpp"

namespace procyon::wire {

class Writer {
 public:
  static constexpr std::size_t inline_size = 256;
  static constexpr std::size_t large_piece = 32 << 10;

  // A growing writer.
  explicit Writer(Attachments* attachments = nullptr) noexcept
      : data_(inline_), capacity_(inline_size), attachments_(attachments) {}

  // A writer into `target`, which must outlive it. What does not fit is counted and dropped.
  explicit Writer(std::span<std::byte> target, Attachments* attachments = nullptr) noexcept
      : data_(target.data()), capacity_(target.size()), fixed_(true), attachments_(attachments) {}

  Writer(Writer&& other) noexcept;
  Writer& operator=(Writer&& other) noexcept;
  ~Writer();

  // Appends `length` bytes. Throws std::bad_alloc when a growing writer cannot grow.
  void append(const void* bytes, std::size_t length) {
    if (length > capacity_ || size_ > capacity_ - length) {
      if (!make_room(length)) return;
    }
    if (length != 0) std::memcpy(data_ + size_, bytes, length);
    size_ += length;
  }

  // Appends the bytes of one trivially copyable value.
  template <class T>
  void put(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    if (sizeof(T) > capacity_ || size_ > capacity_ - sizeof(T)) {
      if (!make_room(sizeof(T))) return;
    }
    std::memcpy(data_ + size_, &value, sizeof(T));
    size_ += sizeof(T);
  }

  // Overwrites a value that was written before, at `offset`; for lengths that are known only afterwards.
  template <class T>
  void patch(std::size_t offset, const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    if (offset + sizeof(T) <= size_ && offset + sizeof(T) <= capacity_) {
      std::memcpy(data_ + offset, &value, sizeof(T));
    }
  }

  // How many bytes the message has; in a fixed writer also those that did not fit.
  std::size_t size() const noexcept { return size_; }

  // False once a fixed writer was given more than its span holds.
  bool fits() const noexcept { return size_ <= capacity_; }

  // The message. Of a fixed writer that does not fit: nothing.
  std::span<const std::byte> bytes() const noexcept {
    return fits() ? std::span<const std::byte>(data_, size_) : std::span<const std::byte>();
  }

  // Forgets everything after the first `size` bytes. The memory is kept for the next message.
  void truncate(std::size_t size) noexcept {
    if (size < size_) size_ = size;
  }
  void clear() noexcept {
    if (in_channel_) leave_channel();
    size_ = 0;
  }

  // What this channel can carry beside bytes; null if nothing.
  Attachments* attachments() const noexcept { return attachments_; }
  void set_attachments(Attachments* attachments) noexcept { attachments_ = attachments; }

  // The same, or an exception that says that `type` cannot be sent here.
  Attachments& require_attachments(std::string_view type) const {
    if (attachments_ == nullptr) throw_no_attachments(type, true);
    return *attachments_;
  }

  // Counts how deep the value that is being written lies within others.
  class Nesting {
   public:
    explicit Nesting(Writer& writer) : writer_(writer) {
      if (writer_.depth_ == nesting_limit) throw_too_deep(true);
      ++writer_.depth_;
    }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;
    ~Nesting() { --writer_.depth_; }

   private:
    Writer& writer_;
  };

 private:
  // Grows, or counts what a fixed writer drops. True if there is room now.
  bool make_room(std::size_t length);
  bool move_to_channel(std::size_t needed);
  void leave_channel() noexcept;
  void adopt(Writer& other) noexcept;
  void release() noexcept;

  std::byte* data_;
  std::size_t size_ = 0;
  std::size_t capacity_;
  std::uint32_t depth_ = 0;
  bool fixed_ = false;
  bool in_channel_ = false;  // data_ is the channel's room
  Attachments* attachments_;
  std::byte
      inline_[inline_size];  // deliberately uninitialised: clearing it would cost more than most messages
};

}  // namespace procyon::wire
