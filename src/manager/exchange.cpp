#include "manager/exchange.hpp"

#include <array>
#include <utility>

namespace procyon::manager {

namespace {

std::atomic<std::uint64_t> last_number{0};

}  // namespace

Exchange::Exchange() : number_(++last_number) {}

std::shared_ptr<PendingCall> Exchange::begin(RequestKind kind, std::span<const std::byte> head,
                                             std::span<const std::byte> tail, std::uint64_t further_numbers) {
  give_back_unwanted();
  const std::lock_guard sending(sending_);
  auto call = std::make_shared<PendingCall>(++last_call_);
  last_call_ += further_numbers;
  {
    const std::lock_guard lock(mutex_);
    calls_.emplace(call->number, call);
  }
  const std::span<const std::byte> parts[] = {os::bytes_of(call->number), os::bytes_of(kind), head, tail};
  try {
    send(parts, true);
  } catch (...) {
    forget(*call);
    throw;
  }
  return call;
}

void Exchange::tell(RequestKind kind, std::span<const std::byte> body) {
  const std::lock_guard sending(sending_);
  constexpr std::uint64_t none = 0;
  const std::span<const std::byte> parts[] = {os::bytes_of(none), os::bytes_of(kind), body};
  send(parts, true);
}

void Exchange::forget(const PendingCall& call) {
  const std::lock_guard lock(mutex_);
  calls_.erase(call.number);
}

void Exchange::release(ObjectId object) noexcept {
  try {
    const std::lock_guard sending(sending_);
    constexpr std::uint64_t none = 0;
    constexpr RequestKind kind = RequestKind::release;
    constexpr std::uint64_t one = 1;
    const std::span<const std::byte> parts[] = {os::bytes_of(none), os::bytes_of(kind), os::bytes_of(one),
                                                os::bytes_of(object)};
    send(parts, false);
  } catch (...) {  // the connection is gone, and with it the reference
  }
}

std::shared_ptr<PendingCall> Exchange::take_answer(std::span<const std::byte> frame) {
  wire::Reader reader(frame);
  const auto number = reader.get<std::uint64_t>("an answer");
  const auto found = calls_.find(number);
  if (found == calls_.end()) {
    wire::Reader whole(frame);
    const AnswerHead head = read_answer_head(whole);
    unwanted_.insert(unwanted_.end(), head.objects.begin(), head.objects.end());
    if (!unwanted_.empty()) has_unwanted_.store(true, std::memory_order_release);
    return nullptr;
  }
  std::shared_ptr<PendingCall> call = std::move(found->second);
  calls_.erase(found);
  call->answer.assign(frame.begin(), frame.end());
  call->done.store(true, std::memory_order_release);
  call->signal.fetch_add(1, std::memory_order_release);
  return call;
}

void Exchange::give_back_unwanted() noexcept {
  if (!has_unwanted_.load(std::memory_order_acquire)) return;
  std::vector<ObjectId> objects;
  {
    const std::lock_guard lock(mutex_);
    objects.swap(unwanted_);
    has_unwanted_.store(false, std::memory_order_relaxed);
  }
  for (const ObjectId object : objects) release(object);
}

}  // namespace procyon::manager
