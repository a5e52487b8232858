#include "procyon/manager_semaphore.hpp"

#include <unistd.h>

#include "procyon/errors.hpp"

namespace procyon {

SemaphoreProxy::Permit::Permit(manager::ObjectReference object)
    : object_(std::move(object)), process_(::getpid()) {}

void SemaphoreProxy::Permit::release() noexcept {
  const manager::ObjectReference object = std::exchange(object_, {});
  if (!object || process_ != ::getpid()) return;
  try {
    object.link().call(object.object(), manager::method_id("return_permit()"), {}, {}, os::Deadline::never());
  } catch (...) {
    // With the connection to the server the permit has gone back, or the semaphore is gone.
  }
}

bool SemaphoreProxy::take(manager::WaitingTime time) const {
  return invoke_waiting("acquire(i64)->bool", time).get<bool>();
}

std::optional<SemaphoreProxy::Permit> SemaphoreProxy::take_permit(manager::WaitingTime time) const {
  if (!invoke_waiting("take_permit(i64)->bool", time).get<bool>()) return std::nullopt;
  return Permit(object_reference());
}

void SemaphoreProxy::unlock() const {
  try {
    release();
  } catch (const ManagerGone&) {
  } catch (const ObjectGone&) {
  }
}

}  // namespace procyon
