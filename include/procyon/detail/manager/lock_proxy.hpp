// The lock methods of a server's RLock, Condition, Lock, Value and Array, as a client calls them.
//
// An OwnerDied that comes of it holds the lock by its tenure at the server, as one in shared memory does by the lock's word:
// recover() clears the mark, and the end of the exception frees the lock unless the handler has done so.
#pragma once

#include <chrono>
#include <utility>

#include "procyon/detail/manager/calls.hpp"

namespace procyon::manager {

class LockMethods : public AtOnce {
 protected:
  explicit LockMethods(ObjectReference object) : AtOnce(std::move(object)) {}

  /// Whether it was had in time. `object` is its kind, for the sentence of OwnerDied, which it throws.
  bool take(WaitingTime time, const char* object) const;
  void free() const;
  /// As free(), for guards: what went with the server need not be freed.
  void free_if_there() const;
  [[nodiscard]] bool is_held() const;

  /// A call that comes back with the lock: whether it was notified in time. Throws OwnerDied.
  bool come_back(std::string_view method, WaitingTime time, const char* object) const;
};

}  // namespace procyon::manager
