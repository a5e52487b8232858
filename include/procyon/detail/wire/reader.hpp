// A cursor over the bytes of a message, which checks every step.
//
//   Reader reader(bytes);
//   auto value = wire::read<Job>(reader);
//   reader.expect_end("Job");
//
// The bytes are not copied and must outlive the reader. Whatever they hold, reading ends in a value or in a
// DecodeError; no memory is taken for a length that the message cannot hold. One thread at a time.
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

class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes, Attachments* attachments = nullptr) noexcept
      : begin_(bytes.data()), size_(bytes.size()), attachments_(attachments) {}

  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  std::size_t position() const noexcept { return position_; }
  std::size_t remaining() const noexcept { return size_ - position_; }

  // The next `length` bytes, in place. `type` is what they are to be, for the sentence of the error.
  const std::byte* take(std::size_t length, std::string_view type) {
    if (length > size_ - position_) throw_too_short(type, length, position_, size_);
    const std::byte* bytes = begin_ + position_;
    position_ += length;
    return bytes;
  }

  // One trivially copyable value.
  template <class T>
  T get(std::string_view type) {
    static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_default_constructible_v<T>);
    T value;
    std::memcpy(&value, take(sizeof(T), type), sizeof(T));
    return value;
  }

  // The number of elements that follow, each at least `element_size` (> 0) bytes long, checked against what
  // is there.
  std::size_t get_length(std::size_t element_size, std::string_view type) {
    const auto length = get<std::uint64_t>(type);
    if (length > remaining() / element_size) throw_bad_length(type, length, remaining());
    return static_cast<std::size_t>(length);
  }

  // Throws DecodeError if bytes are left: the message was then written as something else.
  void expect_end(std::string_view type) const {
    if (remaining() != 0) throw_left_over(type, remaining());
  }

  Attachments* attachments() const noexcept { return attachments_; }
  void set_attachments(Attachments* attachments) noexcept { attachments_ = attachments; }

  // The attachments, or an exception that says that `type` cannot be received here.
  Attachments& require_attachments(std::string_view type) const {
    if (attachments_ == nullptr) throw_no_attachments(type, false);
    return *attachments_;
  }

  // Counts how deep the value that is being read lies within others.
  class Nesting {
   public:
    explicit Nesting(Reader& reader) : reader_(reader) {
      if (reader_.depth_ == nesting_limit) throw_too_deep(false);
      ++reader_.depth_;
    }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;
    ~Nesting() { --reader_.depth_; }

   private:
    Reader& reader_;
  };

 private:
  const std::byte* begin_;
  std::size_t size_;
  std::size_t position_ = 0;
  std::uint32_t depth_ = 0;
  Attachments* attachments_;
};

}  // namespace procyon::wire
