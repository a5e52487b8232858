// The locks that ours is compared with, each as bare as it can be. All of them may lie in shared memory.
#pragma once

#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <boost/interprocess/sync/interprocess_mutex.hpp>
#include <cerrno>
#include <cstdint>

#include "harness.hpp"

namespace bench {

inline void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t while_it_is) {
  ::syscall(SYS_futex, &word, FUTEX_WAIT, while_it_is, nullptr, nullptr, 0);
}
inline void futex_wake(std::atomic<std::uint32_t>& word) {
  ::syscall(SYS_futex, &word, FUTEX_WAKE, 1, nullptr, nullptr, 0);
}

// The limit: one atomic exchange, one store.
class TestAndSetLock {
 public:
  void lock() {
    while (word_.exchange(1, std::memory_order_acquire) != 0) pause_briefly();
  }
  void unlock() { word_.store(0, std::memory_order_release); }

 private:
  std::atomic<std::uint32_t> word_{0};
};

// The classic three states: free, held, held and somebody sleeps. No owner: a dead one holds it for ever.
class FutexMutex {
 public:
  void lock() {
    std::uint32_t free = 0;
    if (word_.compare_exchange_strong(free, 1, std::memory_order_acquire)) return;
    while (word_.exchange(2, std::memory_order_acquire) != 0) futex_wait(word_, 2);
  }
  void unlock() {
    if (word_.exchange(0, std::memory_order_release) == 2) futex_wake(word_);
  }

 private:
  std::atomic<std::uint32_t> word_{0};
};

template <int Robustness>
class PthreadMutex {
 public:
  PthreadMutex() {
    pthread_mutexattr_t attributes;
    ::pthread_mutexattr_init(&attributes);
    ::pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    ::pthread_mutexattr_setrobust(&attributes, Robustness);
    ::pthread_mutex_init(&mutex_, &attributes);
    ::pthread_mutexattr_destroy(&attributes);
  }
  void lock() { require(::pthread_mutex_lock(&mutex_) == 0, "pthread_mutex_lock failed"); }
  void unlock() { ::pthread_mutex_unlock(&mutex_); }

 private:
  pthread_mutex_t mutex_;
};
using SharedPthreadMutex = PthreadMutex<PTHREAD_MUTEX_STALLED>;
using RobustPthreadMutex = PthreadMutex<PTHREAD_MUTEX_ROBUST>;

using BoostMutex = boost::interprocess::interprocess_mutex;

}  // namespace bench
