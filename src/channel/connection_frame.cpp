#include "channel/connection_frame.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

namespace procyon::channel {

namespace {

constexpr std::size_t short_prefix = 4;
constexpr std::uint64_t longest_short = 0x7fffffff;
constexpr std::uint32_t long_mark = 0xffffffff;  // -1
constexpr auto longest_message = static_cast<std::uint64_t>(std::numeric_limits<std::ptrdiff_t>::max());

template <class Number>
void put_big_endian(std::byte* target, Number number) {
  for (std::size_t i = sizeof(Number); i-- > 0; number = static_cast<Number>(number >> 8))
    target[i] = static_cast<std::byte>(number & 0xff);
}

template <class Number>
Number get_big_endian(const std::byte* source) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < sizeof(Number); ++i)
    number = number << 8 | std::to_integer<std::uint64_t>(source[i]);
  return static_cast<Number>(number);
}

}  // namespace

FramePrefix::FramePrefix(std::uint64_t length) : size_(length <= longest_short ? short_prefix : longest) {
  if (length <= longest_short) {
    put_big_endian(bytes_.data(), static_cast<std::uint32_t>(length));
  } else {
    put_big_endian(bytes_.data(), long_mark);
    put_big_endian(bytes_.data() + short_prefix, length);
  }
}

std::span<std::byte> IncomingMessage::room() {
  if (!length_) {
    const bool is_long =
        prefix_size_ >= short_prefix && get_big_endian<std::uint32_t>(prefix_.data()) == long_mark;
    return std::span(prefix_).first(is_long ? FramePrefix::longest : short_prefix).subspan(prefix_size_);
  }
  const auto length = static_cast<std::size_t>(*length_);
  if (target_ != nullptr) return {target_ + received_, length - received_};
  if (received_ == own_.size()) own_.resize(std::min(length, std::max(first_step, 2 * received_)));
  return std::span(own_).subspan(received_);
}

void IncomingMessage::arrived(std::size_t count) {
  if (length_) {
    received_ += count;
  } else {
    prefix_size_ += count;
    read_prefix();
  }
}

void IncomingMessage::read_prefix() {
  if (prefix_size_ < short_prefix) return;
  const auto number = get_big_endian<std::uint32_t>(prefix_.data());
  if (number <= longest_short) {
    length_ = number;
  } else if (number != long_mark) {
    sensible_ = false;
  } else if (prefix_size_ == FramePrefix::longest) {
    const auto length = get_big_endian<std::uint64_t>(prefix_.data() + short_prefix);
    sensible_ = length <= longest_message;
    if (sensible_) length_ = length;
  }
}

void IncomingMessage::redirect(std::span<std::byte> target) {
  if (received_ != 0) std::memcpy(target.data(), own_.data(), received_);
  target_ = target.data();
  own_.clear();
}

void IncomingMessage::keep() noexcept {
  if (target_ == nullptr) return;
  const std::byte* const target = std::exchange(target_, nullptr);
  try {
    own_.assign(target, target + received_);
  } catch (...) {
    sensible_ = false;  // no memory: what follows in the stream is the rest of a message that is lost
  }
}

std::vector<std::byte> IncomingMessage::take() {
  std::vector<std::byte> message = std::move(own_);
  *this = IncomingMessage();
  return message;
}

}  // namespace procyon::channel
