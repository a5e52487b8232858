#include "procyon/manager_barrier.hpp"

#include "procyon/detail/wire/call.hpp"

namespace procyon {

std::size_t BarrierProxy::wait_in(std::optional<manager::WaitingTime> time) const {
  const os::Deadline give_up = time ? time->give_up() : os::Deadline::never();
  const std::int64_t nanoseconds = time ? time->nanoseconds() : 0;
  const auto answer = invoke_until(give_up, "wait(bool,i64)->barrier_answer", time.has_value(), nanoseconds)
                          .get<manager::BarrierAnswer>();
  if (!answer.action.empty()) {
    try {
      wire::Reader reader(std::as_bytes(std::span(answer.action)));
      wire::invoke_call(reader);
    } catch (...) {
      invoke("action_ended(bool)", false);
      throw;
    }
    invoke("action_ended(bool)", true);
  }
  return static_cast<std::size_t>(answer.number);
}

}  // namespace procyon
