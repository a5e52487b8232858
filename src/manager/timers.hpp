// What a loop does later: actions by the moment when they are due.
//
//   const auto timer = timers.at(os::Deadline::after(2s), [] { ... });
//   epoll_wait(..., timers.next().poll_timeout());  timers.run();
//
// One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <unordered_map>
#include <utility>

#include "procyon/detail/os/deadline.hpp"

namespace procyon::manager {

class Timers {
 public:
  using Id = std::uint64_t;

  /// 0 for a deadline that never comes.
  Id at(os::Deadline deadline, std::function<void()> action) {
    if (deadline.is_never()) return 0;
    const Id id = ++last_;
    actions_.emplace(std::pair(deadline, id), std::move(action));
    deadlines_.emplace(id, deadline);
    return id;
  }
  /// One that ran or was cancelled already is ignored.
  void cancel(Id id) {
    const auto found = deadlines_.find(id);
    if (found == deadlines_.end()) return;
    actions_.erase({found->second, id});
    deadlines_.erase(found);
  }
  [[nodiscard]] os::Deadline next() const {
    return actions_.empty() ? os::Deadline::never() : actions_.begin()->first.first;
  }
  /// Runs what is due. Actions may add and cancel timers.
  void run() {
    while (!actions_.empty() && actions_.begin()->first.first.expired()) {
      const auto first = actions_.begin();
      const std::function<void()> action = std::move(first->second);
      deadlines_.erase(first->first.second);
      actions_.erase(first);
      action();
    }
  }
  /// Forgets them all, as a loop ends.
  void clear() {
    deadlines_.clear();
    actions_.clear();
  }

 private:
  Id last_ = 0;
  std::map<std::pair<os::Deadline, Id>, std::function<void()>> actions_;
  std::unordered_map<Id, os::Deadline> deadlines_;
};

}  // namespace procyon::manager
