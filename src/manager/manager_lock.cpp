#include "procyon/manager_lock.hpp"

namespace procyon {

LockProxy::LockProxy(manager::ObjectReference object) : LockMethods(std::move(object)) {
  if (arena::Reference found = find_local(object_reference())) local_.emplace(std::move(found));
}

bool LockProxy::take_here_or_there(manager::WaitingTime time) const {
  if (!local_) return take(time, "Lock");
  if (time.nanoseconds() >= 0) return local_->acquire(std::chrono::nanoseconds(time.nanoseconds()));
  local_->acquire();
  return true;
}

void LockProxy::release() const { local_ ? local_->release() : free(); }
void LockProxy::unlock() const { local_ ? local_->unlock() : free_if_there(); }

}  // namespace procyon
