// The limit for large messages: one producer and one consumer copy them through a ring that fits the cache, piece by piece.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "harness.hpp"

namespace bench {

template <std::size_t Size>
class ByteRing {
 public:
  void put(const void* message) {
    const auto* from = static_cast<const std::byte*>(message);
    for (std::size_t done = 0; done < Size; done += piece) {
      const std::uint64_t tail = tail_.load(std::memory_order_relaxed);
      while (tail + piece - head_.load(std::memory_order_acquire) > capacity) pause_briefly();
      std::memcpy(bytes_.data() + tail % capacity, from + done, std::min(piece, Size - done));
      tail_.store(tail + piece, std::memory_order_release);
    }
  }
  void get(void* message) {
    auto* to = static_cast<std::byte*>(message);
    for (std::size_t done = 0; done < Size; done += piece) {
      const std::uint64_t head = head_.load(std::memory_order_relaxed);
      while (tail_.load(std::memory_order_acquire) == head) pause_briefly();
      std::memcpy(to + done, bytes_.data() + head % capacity, std::min(piece, Size - done));
      head_.store(head + piece, std::memory_order_release);
    }
  }

 private:
  static constexpr std::size_t capacity = 1 << 20;
  static constexpr std::size_t piece = 32 << 10;
  alignas(128) std::atomic<std::uint64_t> tail_{0};
  alignas(128) std::atomic<std::uint64_t> head_{0};
  alignas(128) std::array<std::byte, capacity> bytes_;
};

}  // namespace bench
