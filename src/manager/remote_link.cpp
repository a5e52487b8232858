#include "manager/remote_link.hpp"

#include <utility>

#include "manager/credentials.hpp"
#include "os/fork_local.hpp"
#include "procyon/errors.hpp"

namespace procyon::manager {

namespace {

// An object of its own in each process: its address tells a process from those it was forked from, whose objects are still
// there in its memory.
struct ProcessMark {};

const ProcessMark* mark_of_this_process() {
  static constinit os::ForkLocal<ProcessMark> mark;
  return &mark.get_or([] { return new ProcessMark; });
}

}  // namespace

struct RemoteLink::State {
  const ProcessMark* process = mark_of_this_process();
  std::mutex mutex;
  std::shared_ptr<SocketExchange> exchange;  // guarded by mutex, like the next
  std::string closed;                        // why, if it was
  arena::Reference credentials;              // once somebody has asked
};

RemoteLink::RemoteLink(std::string address, Options options)
    : address_(std::move(address)), options_(std::move(options)), state_(new State) {}

RemoteLink::~RemoteLink() {
  State* const state = state_.load(std::memory_order_acquire);
  if (state->process == mark_of_this_process())
    delete state;  // otherwise it is the parent's, and its locks may be held
}

RemoteLink::State& RemoteLink::state() const {
  State* present = state_.load(std::memory_order_acquire);
  if (present->process == mark_of_this_process()) return *present;
  auto fresh = std::make_unique<State>();
  if (state_.compare_exchange_strong(present, fresh.get(), std::memory_order_acq_rel))
    return *fresh.release();
  return *present;  // another thread of this process was first
}

std::shared_ptr<SocketExchange> RemoteLink::make_exchange() const {
  const auto deadline = os::Deadline::after(options_.timeout);
  auto made =
      std::make_shared<SocketExchange>(options_.connect(deadline), address_, options_.describe_end, deadline);
  if (instance_.exchange(made->instance()) != made->instance()) first_connection_.store(made->number());
  return made;
}

std::shared_ptr<Exchange> RemoteLink::exchange() const {
  State& state = this->state();
  const std::lock_guard lock(state.mutex);
  if (!state.closed.empty()) throw ManagerGone(state.closed);
  if (!state.exchange || (options_.reconnects && state.exchange->is_gone())) state.exchange = make_exchange();
  return state.exchange;
}

arena::Reference RemoteLink::credentials() {
  if (!options_.credentials) return {};
  State& state = this->state();
  const std::lock_guard lock(state.mutex);
  if (!state.credentials) state.credentials = store_credentials(*options_.credentials);
  return state.credentials;
}

bool RemoteLink::is_lost() {
  State& state = this->state();
  const std::lock_guard lock(state.mutex);
  return !state.closed.empty() || (!options_.reconnects && state.exchange && state.exchange->is_gone());
}

void RemoteLink::close(const std::string& why) {
  State& state = this->state();
  std::shared_ptr<SocketExchange> exchange;
  {
    const std::lock_guard lock(state.mutex);
    state.closed = why;
    exchange = state.exchange;
  }
  if (exchange) exchange->give_up(why);
}

void RemoteLink::give_up(Exchange& exchange, const std::string& why) {
  static_cast<SocketExchange&>(exchange).give_up(why);
}

void RemoteLink::release(ObjectId object, std::uint64_t connection) noexcept {
  State* const present = state_.load(std::memory_order_acquire);
  if (present->process != mark_of_this_process())
    return;  // the parent's reference: this process never took one
  std::shared_ptr<SocketExchange> exchange;
  {
    const std::lock_guard lock(present->mutex);
    exchange = present->exchange;
  }
  if (exchange && exchange->number() == connection) exchange->release(object);
}

void RemoteLink::hold(ObjectId object, std::atomic<std::uint64_t>& connection) {
  const std::shared_ptr<Exchange> exchange = this->exchange();
  std::uint64_t known = connection.load(std::memory_order_relaxed);
  if (known == exchange->number()) return;
  if (known < first_connection_.load())
    throw ObjectGone("procyon: the object was in another manager, which was at " + address_ +
                     " before the one that is there now");
  // Two threads may both take a reference: the second gives its own back.
  const std::shared_ptr<PendingCall> call = exchange->begin(RequestKind::attach, os::bytes_of(object), {});
  take_attached(*exchange, *call);
  if (!connection.compare_exchange_strong(known, exchange->number())) exchange->release(object);
}

}  // namespace procyon::manager
