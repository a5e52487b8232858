#include "manager/loopback.hpp"

#include <stdexcept>
#include <utility>

#include "manager/server.hpp"
#include "procyon/errors.hpp"

namespace procyon::manager {

LoopbackExchange::LoopbackExchange(Server& server) : instance_(server.instance()), server_(&server) {}

bool LoopbackExchange::is_gone() {
  const std::lock_guard lock(attached_);
  return server_ == nullptr || server_->is_ending();
}

void LoopbackExchange::throw_if_gone() {
  if (is_gone()) throw ManagerGone("procyon: the manager that this process served has ended");
}

void LoopbackExchange::send(std::span<const std::span<const std::byte>> parts, bool) {
  std::vector<std::byte> frame;
  for (const auto part : parts) frame.insert(frame.end(), part.begin(), part.end());
  const std::lock_guard lock(attached_);
  if (server_ == nullptr) throw ManagerGone("procyon: the manager that this process served has ended");
  server_->take_local(std::move(frame));
}

bool LoopbackExchange::wait(PendingCall& call, os::Deadline deadline) {
  while (!call.done.load(std::memory_order_acquire)) {
    throw_if_gone();
    {
      const std::lock_guard lock(attached_);
      if (server_ != nullptr && server_->is_loop_thread())
        throw std::logic_error(
            "procyon: a proxy of the manager's own was used by the thread that serves it, which would wait "
            "for itself; "
            "do it aside (Loop::run_aside)");
    }
    const std::uint32_t seen = call.signal.load(std::memory_order_acquire);
    if (call.done.load(std::memory_order_acquire)) break;
    if (deadline.expired()) return false;
    os::futex_wait(call.signal, seen, deadline.slice(os::wait_slice));
  }
  give_back_unwanted();
  return true;
}

bool LoopbackExchange::is_ready(PendingCall& call) {
  return call.done.load(std::memory_order_acquire) || is_gone();
}

void LoopbackExchange::take(std::span<const std::byte> frame) {
  std::shared_ptr<PendingCall> done;
  {
    const std::lock_guard lock(mutex_);
    done = take_answer(frame);
  }
  if (done) os::futex_wake_all(done->signal);
}

void LoopbackExchange::detach() {
  const std::lock_guard lock(attached_);
  server_ = nullptr;
}

void LocalClient::answer(std::uint64_t call, Status status, std::span<const ObjectId> objects,
                         std::span<const std::byte> bytes) {
  wire::Writer frame;
  write_answer_head(frame, call, status, objects);
  frame.append(bytes.data(), bytes.size());
  exchange_->take(frame.bytes());
}

}  // namespace procyon::manager
