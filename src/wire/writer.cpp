#include "procyon/detail/wire/writer.hpp"

#include <algorithm>
#include <cstdlib>
#include <new>
#include <utility>

namespace procyon::wire {

Writer::Writer(Writer&& other) noexcept : data_(inline_), capacity_(inline_size), attachments_(nullptr) {
  adopt(other);
}

Writer& Writer::operator=(Writer&& other) noexcept {
  if (this != &other) {
    release();
    adopt(other);
  }
  return *this;
}

Writer::~Writer() { release(); }

bool Writer::make_room(std::size_t length) {
  if (fixed_) {
    size_ += length;  // from here on size_ > capacity_, and everything is only counted
    return false;
  }
  if (length > static_cast<std::size_t>(-1) / 4 - size_) throw std::bad_alloc();
  if (length >= large_piece && data_ == inline_ && attachments_ != nullptr && move_to_channel(size_ + length))
    return true;
  const std::size_t needed = std::max(size_ + length, capacity_ * 2);
  // realloc: a large message grows by moving pages, not bytes.
  const bool on_heap = data_ != inline_ && !in_channel_;
  void* grown = on_heap ? std::realloc(data_, needed) : std::malloc(needed);
  if (grown == nullptr) throw std::bad_alloc();
  if (!on_heap) std::memcpy(grown, data_, size_);
  data_ = static_cast<std::byte*>(grown);
  capacity_ = needed;
  in_channel_ = false;
  return true;
}

bool Writer::move_to_channel(std::size_t needed) {
  const std::span<std::byte> room = attachments_->room_for(needed);
  if (room.size() < needed) return false;
  std::memcpy(room.data(), data_, size_);
  data_ = room.data();
  capacity_ = room.size();
  in_channel_ = true;
  return true;
}

void Writer::leave_channel() noexcept {
  data_ = inline_;
  capacity_ = inline_size;
  in_channel_ = false;
}

void Writer::adopt(Writer& other) noexcept {
  size_ = other.size_;
  depth_ = 0;
  fixed_ = other.fixed_;
  attachments_ = other.attachments_;
  if (other.data_ == other.inline_) {
    data_ = inline_;
    capacity_ = inline_size;
    std::memcpy(inline_, other.inline_, size_);
  } else {
    data_ = std::exchange(other.data_, other.inline_);
    capacity_ = std::exchange(other.capacity_, inline_size);
    in_channel_ = std::exchange(other.in_channel_, false);
    other.fixed_ = false;
  }
  other.size_ = 0;
}

void Writer::release() noexcept {
  if (!fixed_ && !in_channel_ && data_ != inline_) std::free(data_);
}

}  // namespace procyon::wire
