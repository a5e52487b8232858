#include "manager/fork_closed.hpp"

#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>

#include "os/error.hpp"

namespace procyon::manager {

// A list that only grows and is walked without a lock: a forked child finds it whole, whatever other threads were doing.
struct ForkClosed::Entry {
  static constexpr int unused = -1;
  static constexpr int being_taken = -2;
  static constexpr int lost = -3;  // by a fork; its owner still counts on the entry

  std::atomic<int> descriptor{unused};
  Entry* next = nullptr;
};

namespace {

std::atomic<void*> first_entry{nullptr};

}  // namespace

void ForkClosed::close_all() noexcept {
  for (auto* entry = static_cast<Entry*>(first_entry.load(std::memory_order_acquire)); entry != nullptr;
       entry = entry->next) {
    const int descriptor = entry->descriptor.load(std::memory_order_relaxed);
    if (descriptor < 0) continue;
    entry->descriptor.store(Entry::lost, std::memory_order_relaxed);
    ::close(descriptor);
  }
}

ForkClosed::Entry& ForkClosed::free_entry() {
  static std::once_flag once;
  std::call_once(once, [] {
    if (::pthread_atfork(nullptr, nullptr, [] { close_all(); }) != 0)
      os::throw_system_error("a manager: preparing for forks (pthread_atfork)", ENOMEM);
  });
  for (auto* entry = static_cast<Entry*>(first_entry.load(std::memory_order_acquire)); entry != nullptr;
       entry = entry->next) {
    int expected = Entry::unused;
    if (entry->descriptor.compare_exchange_strong(expected, Entry::being_taken)) return *entry;
  }
  auto* const fresh = new Entry;
  fresh->descriptor.store(Entry::being_taken);
  void* head = first_entry.load(std::memory_order_relaxed);
  do fresh->next = static_cast<Entry*>(head);
  while (!first_entry.compare_exchange_weak(head, fresh, std::memory_order_acq_rel));
  return *fresh;
}

ForkClosed::ForkClosed(os::Descriptor descriptor) : entry_(&free_entry()) {
  entry_->descriptor.store(descriptor.release(), std::memory_order_release);
}

int ForkClosed::get() const {
  return entry_ == nullptr ? -1 : entry_->descriptor.load(std::memory_order_relaxed);
}

void ForkClosed::close() noexcept {
  if (entry_ == nullptr) return;
  const int descriptor = entry_->descriptor.exchange(Entry::unused, std::memory_order_acq_rel);
  if (descriptor >= 0) ::close(descriptor);
  entry_ = nullptr;
}

}  // namespace procyon::manager
