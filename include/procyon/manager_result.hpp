// ManagerResult: what a call of an object in a manager's server will return; the call was sent, and nobody waits for it yet.
//
//   auto first = counter.begin(mp::m<&Counter::inc>, 1);         // of a registered class (proxy.hpp)
//   auto second = ages.async().at("Ada");                        // of a dict, list, ... (manager_dict.hpp)
//   use(first.get(), second.get());                              // one round trip for both
//
// Calls that were begun by one thread begin in that order. An answer that has come stays here until get(): who begins thousands
// of calls keeps a window of some dozens of them. Where all are there at once, a Batch (batch.hpp) is one message.
//
// Dropping it gives the call up: one that still waits in the server is cancelled, one that has run has run, and what it threw
// nobody hears. To be used by one thread at a time; different results of one connection by any number.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include "procyon/detail/manager/link.hpp"

namespace procyon {

template <class R>
class [[nodiscard]] ManagerResult {
 public:
  /// For the library. `read` makes the result of the answer.
  ManagerResult(std::unique_ptr<manager::PendingAnswer> answer, std::function<R(manager::Answer)> read)
      : answer_(std::move(answer)), read_(std::move(read)) {}

  /// Whether get() would not wait.
  [[nodiscard]] bool ready() const { return answer_->ready(); }
  /// Waits, and throws what the method threw, and ManagerGone. Once.
  R get() { return read_(answer_->get(os::Deadline::never())); }
  /// Throws TimeoutError; the result may still come, and get() may be called again.
  template <class Rep, class Period>
  R get(std::chrono::duration<Rep, Period> timeout) {
    return read_(answer_->get(os::Deadline::after(timeout)));
  }

 private:
  std::unique_ptr<manager::PendingAnswer> answer_;
  std::function<R(manager::Answer)> read_;
};

}  // namespace procyon
