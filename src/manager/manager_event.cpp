#include "procyon/manager_event.hpp"

namespace procyon {

EventProxy::EventProxy(manager::ObjectReference object) : Remote(std::move(object)) {
  if (arena::Reference found = find_local(object_reference())) local_.emplace(std::move(found));
}

bool EventProxy::wait_in(manager::WaitingTime time) const {
  if (!local_) return invoke_waiting("wait(i64)->bool", time).get<bool>();
  if (time.nanoseconds() >= 0) return local_->wait(std::chrono::nanoseconds(time.nanoseconds()));
  local_->wait();
  return true;
}

}  // namespace procyon
