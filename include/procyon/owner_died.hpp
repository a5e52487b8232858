// OwnerDied: the last owner of a lock died while it held it, so what the lock protects may be half changed.
//
// Thrown by lock(), try_lock(), acquire(), Value::with and std::scoped_lock alike, so it cannot be overlooked. The
// exception HOLDS the lock: the handler is the one place that may look at the data and repair it.
//
//   try {
//     std::scoped_lock guard(lock);
//     transfer(accounts);
//   } catch (mp::OwnerDied& died) {
//     recompute(accounts);     // nobody else is inside
//     died.recover();          // said aloud: the data is whole again
//   }                          // the lock is free when the exception goes
//
// JoinableQueue::join() throws it for messages that a dead consumer had taken and not finished; there it holds nothing, and
// recover() lets them count as finished.
//
// A handler that ends without recover() frees the lock and leaves the mark: the next owner is told as well.
#pragma once

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>

#include "procyon/detail/arena/reference.hpp"

namespace procyon {

namespace sync {
class RobustWord;
}

class OwnerDied : public std::runtime_error {
 public:
  /// For the library: `object` names the kind of lock, `reference` keeps it alive, `word` is held by the caller.
  OwnerDied(const char* object, arena::Reference reference, sync::RobustWord& word);
  /// For the library: nothing is held; recover() calls `settle`.
  OwnerDied(const std::string& sentence, std::function<void()> settle);

  /// Says that the data which the lock protects is whole again. Only while the exception lives, in the thread that
  /// caught it.
  void recover();

 private:
  class HeldLock;
  std::shared_ptr<HeldLock> held_;  // shared by the copies that exceptions are made of
  std::function<void()> settle_;
};

}  // namespace procyon
