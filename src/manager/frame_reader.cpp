#include "manager/frame_reader.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "manager/protocol.hpp"

namespace procyon::manager {

namespace {

constexpr std::size_t short_prefix = 4;
constexpr std::size_t long_prefix = 12;
constexpr std::uint64_t longest_short = 0x7fffffff;
constexpr std::uint64_t long_mark = 0xffffffff;

std::uint64_t big_endian(const std::byte* source, std::size_t bytes) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < bytes; ++i) number = number << 8 | std::to_integer<std::uint64_t>(source[i]);
  return number;
}

}  // namespace

void FrameReader::resize(std::size_t size) {
  auto fresh = std::make_unique_for_overwrite<std::byte[]>(size);
  if (end_ != begin_) std::memcpy(fresh.get(), bytes_.get() + begin_, end_ - begin_);
  bytes_ = std::move(fresh);
  size_ = size;
  end_ -= begin_;
  begin_ = 0;
}

std::span<std::byte> FrameReader::room() {
  const std::size_t kept = end_ - begin_;
  if (kept == 0) {
    begin_ = end_ = 0;
    if (size_ == 0 || size_ > 4 * usual_size) resize(usual_size);
  } else if (size_ - end_ < usual_size / 4) {
    // Twice what is there, as a large frame comes, up to what it needs.
    if (wanted_ > size_ && kept >= size_ / 2) {
      resize(std::min(wanted_, 2 * size_));
    } else if (begin_ != 0) {
      std::memmove(bytes_.get(), bytes_.get() + begin_, kept);
      begin_ = 0;
      end_ = kept;
    }
  }
  return {bytes_.get() + end_, size_ - end_};
}

std::optional<std::span<const std::byte>> FrameReader::next() {
  const std::size_t there = end_ - begin_;
  const std::byte* const start = bytes_.get() + begin_;
  wanted_ = 0;
  if (there < short_prefix) return std::nullopt;
  std::size_t prefix = short_prefix;
  std::uint64_t length = big_endian(start, short_prefix);
  if (length == long_mark) {
    if (there < long_prefix) return std::nullopt;
    prefix = long_prefix;
    length = big_endian(start + short_prefix, sizeof(std::uint64_t));
  } else if (length > longest_short) {
    throw ProtocolError("it sent what is no message");
  }
  if (length > longest_)
    throw ProtocolError("it sent a message of " + std::to_string(length) + " bytes, and at most " +
                        std::to_string(longest_) + " are allowed");
  wanted_ = prefix + static_cast<std::size_t>(length);
  if (there < wanted_) return std::nullopt;
  begin_ += wanted_;
  wanted_ = 0;
  return std::span(start + prefix, static_cast<std::size_t>(length));
}

}  // namespace procyon::manager
