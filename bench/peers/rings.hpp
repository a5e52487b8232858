// The limits of a queue: rings that spin, know nothing of a dead process, and never sleep; and a mailbox that does
// nothing but sleep. All of them may lie in shared memory.
#pragma once

#include <sched.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "harness.hpp"
#include "peers/locks.hpp"

namespace bench {

// One producer, one consumer; each keeps a copy of the other's index, so that a cache line travels only when it must.
template <class T, std::size_t Capacity>
class SpscRing {
 public:
  void put(const T& item) {
    const auto tail = tail_.load(std::memory_order_relaxed);
    while (tail - head_seen_ == Capacity) {
      head_seen_ = head_.load(std::memory_order_acquire);
      if (tail - head_seen_ == Capacity) pause_briefly();
    }
    items_[tail % Capacity] = item;
    tail_.store(tail + 1, std::memory_order_release);
  }
  T get() {
    const auto head = head_.load(std::memory_order_relaxed);
    while (tail_seen_ == head) {
      tail_seen_ = tail_.load(std::memory_order_acquire);
      if (tail_seen_ == head) pause_briefly();
    }
    T item = items_[head % Capacity];
    head_.store(head + 1, std::memory_order_release);
    return item;
  }

 private:
  alignas(128) std::atomic<std::uint64_t> tail_{0};
  std::uint64_t head_seen_ = 0;
  alignas(128) std::atomic<std::uint64_t> head_{0};
  std::uint64_t tail_seen_ = 0;
  alignas(128) std::array<T, Capacity> items_;
};

// Many producers, many consumers, after Dmitry Vyukov's design: a sequence number in each cell says whose turn it is.
template <class T, std::size_t Capacity>
class VyukovRing {
 public:
  VyukovRing() {
    for (std::size_t i = 0; i < Capacity; ++i) cells_[i].turn.store(i, std::memory_order_relaxed);
  }
  void put(const T& item) {
    const auto ticket = claim(tail_, 0);
    Cell& cell = cells_[ticket % Capacity];
    cell.item = item;
    cell.turn.store(ticket + 1, std::memory_order_release);
  }
  T get() {
    const auto ticket = claim(head_, 1);
    Cell& cell = cells_[ticket % Capacity];
    T item = cell.item;
    cell.turn.store(ticket + Capacity, std::memory_order_release);
    return item;
  }

 private:
  struct Cell {
    std::atomic<std::uint64_t> turn;
    T item;
  };

  std::uint64_t claim(std::atomic<std::uint64_t>& index, std::uint64_t ready_after) {
    int waits = 0;
    auto ticket = index.load(std::memory_order_relaxed);
    for (;;) {
      const auto turn = cells_[ticket % Capacity].turn.load(std::memory_order_acquire);
      if (turn == ticket + ready_after) {
        if (index.compare_exchange_weak(ticket, ticket + 1, std::memory_order_relaxed)) return ticket;
      } else {
        // Whom it waits for may need this processor.
        if (turn < ticket + ready_after)
          ++waits % 256 == 0 ? static_cast<void>(::sched_yield()) : pause_briefly();
        ticket = index.load(std::memory_order_relaxed);
      }
    }
  }

  alignas(128) std::atomic<std::uint64_t> tail_{0};
  alignas(128) std::atomic<std::uint64_t> head_{0};
  alignas(128) std::array<Cell, Capacity> cells_;
};

// One item, and a futex on which its reader always sleeps.
template <class T>
class FutexMailbox {
 public:
  void put(const T& item) {
    item_ = item;
    full_.store(1, std::memory_order_release);
    futex_wake(full_);
  }
  T get() {
    while (full_.load(std::memory_order_acquire) == 0) futex_wait(full_, 0);
    T item = item_;
    full_.store(0, std::memory_order_release);
    return item;
  }

 private:
  std::atomic<std::uint32_t> full_{0};
  T item_;
};

}  // namespace bench
