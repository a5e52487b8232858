#include "pool/stop_watch.hpp"

#include <pthread.h>

#include <mutex>
#include <stop_token>
#include <thread>

#include "os/signals.hpp"
#include "procyon/detail/pool/stop_aware.hpp"

namespace procyon::pool {

namespace {

// Never destroyed: the thread looks at it while the process ends.
struct Watched {
  std::mutex mutex;
  os::FutexWord* bell = nullptr;
  bool has_thread = false;
  const TaskSlot* slot = nullptr;  // null: no task that takes a token runs
  std::uint32_t item = 0;
  std::stop_source source{std::nostopstate};
};

Watched& watched() {
  static Watched& only = *new Watched;
  return only;
}

bool is_asked(const Watched& task) {
  if (task.slot == nullptr) return false;
  const std::uint32_t stop = task.slot->stop.load(std::memory_order_acquire);
  return stop == TaskSlot::stop_all || stop == task.item + 1;
}

void listen() {
  ::pthread_setname_np(::pthread_self(), "procyon-stop");
  Watched& task = watched();
  for (;;) {
    // Before the look: what is rung after it ends the sleep. Who rings is the master, with whom this process ends.
    const std::uint32_t seen = task.bell->load(std::memory_order_acquire);
    std::stop_source asked(std::nostopstate);
    {
      const std::lock_guard lock(task.mutex);
      if (is_asked(task)) asked = task.source;
    }
    asked.request_stop();  // not under the lock: it calls the user's stop callbacks
    os::futex_wait(*task.bell, seen, os::Deadline::never());
  }
}

}  // namespace

void StopWatch::install(os::FutexWord& bell) { watched().bell = &bell; }

void StopWatch::begin(const TaskSlot& slot, std::uint32_t item) {
  Watched& task = watched();
  const std::lock_guard lock(task.mutex);
  task.slot = &slot;
  task.item = item;
  task.source = std::stop_source(std::nostopstate);
}

void StopWatch::end() {
  Watched& task = watched();
  const std::lock_guard lock(task.mutex);
  task.slot = nullptr;
  task.source = std::stop_source(std::nostopstate);
}

std::stop_token stop_token_of_task() {
  Watched& task = watched();
  std::stop_source source;
  {
    const std::lock_guard lock(task.mutex);
    if (task.slot == nullptr || task.bell == nullptr) return {};
    if (!task.has_thread) {
      const os::BlockSignals blocked;  // it must not take the task's signals
      std::thread(listen).detach();
      task.has_thread = true;
    }
    if (!task.source.stop_possible()) task.source = source;
    source = task.source;
    if (!is_asked(task)) return source.get_token();
  }
  source.request_stop();
  return source.get_token();
}

}  // namespace procyon::pool
