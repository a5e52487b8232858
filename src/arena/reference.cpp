#include "procyon/detail/arena/reference.hpp"

#include <pthread.h>

#include <string>
#include <unordered_map>

#include "arena/blocks.hpp"
#include "arena/local_objects.hpp"
#include "arena/participants.hpp"
#include "arena/pins.hpp"
#include "procyon/errors.hpp"

namespace procyon::arena {

namespace {

using Registry = std::unordered_map<std::uint64_t, LocalObject*>;

// Neither is ever destroyed: References in static objects outlive every static of ours.
Registry& registry() {
  static auto* const objects = new Registry;
  return *objects;
}

std::mutex& make_local_mutex() {
  static std::mutex mutex;
  ::pthread_atfork([] { local_mutex().lock(); }, [] { local_mutex().unlock(); },
                   [] { local_mutex().unlock(); });
  return mutex;
}

[[noreturn]] void throw_gone() {
  throw ObjectGone(
      "procyon: the shared object that this handle names is gone: nobody kept a reference to it");
}

std::uint32_t type_code_at(const Session& session, Handle object) {
  return object_header(session, object).type.load(std::memory_order_relaxed) & ~ObjectHeader::may_hold_blocks;
}

// With mutex and arena lock held: a local entry for `object`, which is pinned by it or was before.
LocalObject* use_local(Session& session, Handle object) {
  LocalObject* local = find_local(object);
  if (local == nullptr) {
    const ParticipantId self = current_participant();
    return insert_local(object, self, add_pin_locked(session, object, PinHolder::participant(self)));
  }
  local->uses.fetch_add(1, std::memory_order_relaxed);
  return local;
}

Pin& travelling_pin(const Session& session, TravellingPin::Number number, Handle object) {
  Pin* pin = pin_at(session, number);
  if (pin == nullptr || pin->holder.load(std::memory_order_relaxed) == 0 ||
      pin->object.load(std::memory_order_relaxed) != object.bits() ||
      state_of(session, object).kind != BlockKind::object)
    throw_gone();
  return *pin;
}

}  // namespace

std::mutex& local_mutex() {
  static std::mutex& mutex = make_local_mutex();
  return mutex;
}

std::atomic<std::int64_t>& owned_blocks() {
  static std::atomic<std::int64_t> count{0};
  return count;
}

LocalObject* find_local(Handle handle) {
  const auto found = registry().find(handle.bits());
  return found == registry().end() ? nullptr : found->second;
}

LocalObject* insert_local(Handle handle, ParticipantId pinned_by, PinNumber pin) {
  auto* local = new LocalObject{handle, 1, pinned_by, pin};
  registry().emplace(handle.bits(), local);
  return local;
}

void repin_after_fork(Session& session) {
  owned_blocks().store(0, std::memory_order_relaxed);
  if (registry().empty()) return;
  const ParticipantId self = current_participant();
  ArenaLock lock(session);
  for (auto& [bits, local] : registry()) {
    if (local->pinned_by == self || state_of(session, local->handle).kind != BlockKind::object) continue;
    local->pin = add_pin_locked(session, local->handle, PinHolder::participant(self));
    local->pinned_by = self;
  }
}

void forget_pins() {
  for (auto& [bits, local] : registry()) local->pinned_by = ParticipantId::none();
}

Reference::Reference(const Reference& other) noexcept : object_(other.object_), address_(other.address_) {
  if (object_ != nullptr) object_->uses.fetch_add(1, std::memory_order_relaxed);
}

Reference Reference::allocate(ObjectType, std::size_t bytes) {
  Session& session = Session::current();
  const Handle block = session.allocate(bytes);
  auto* local = new LocalObject{block, 1, ParticipantId::none(), 0};
  return {local, session.bytes(block)};
}

void Reference::publish(ObjectType type) {
  Session& session = Session::current();
  const ParticipantId self = session.self();
  const std::lock_guard guard(local_mutex());
  object_header(session, object_->handle).type.store(type.code(), std::memory_order_relaxed);
  object_header(session, object_->handle).pins.store(0, std::memory_order_relaxed);
  ArenaLock lock(session);
  object_->pin = add_pin_locked(session, object_->handle, PinHolder::participant(self));
  object_->pinned_by = self;
  StateWord& word = *state_word(session, object_->handle.offset());
  word.store(BlockState{BlockKind::object, object_->handle.generation(), 0}.bits(),
             std::memory_order_release);
  owned_blocks().fetch_sub(1, std::memory_order_relaxed);
  registry().emplace(object_->handle.bits(), object_);
}

Reference Reference::open(Handle handle, ObjectType type) {
  Session& session = Session::current();
  session.self();
  const std::lock_guard guard(local_mutex());
  ArenaLock lock(session);
  if (state_of(session, handle).kind != BlockKind::object) throw_gone();
  if (type_code_at(session, handle) != type.code())
    throw std::logic_error(std::string("procyon: this handle names an object of another type than ") +
                           type.name);
  return {use_local(session, handle), session.base() + handle.offset()};
}

Reference Reference::open(Handle handle) {
  Session& session = Session::current();
  session.self();
  const std::lock_guard guard(local_mutex());
  ArenaLock lock(session);
  if (state_of(session, handle).kind != BlockKind::object) throw_gone();
  return {use_local(session, handle), session.base() + handle.offset()};
}

Handle Reference::handle() const { return object_ == nullptr ? Handle() : object_->handle; }

std::uint32_t Reference::type_code() const { return type_code_at(Session::current(), handle()); }

void Reference::drop() noexcept {
  std::uint32_t uses = object_->uses.load(std::memory_order_relaxed);
  while (uses > 1)
    if (object_->uses.compare_exchange_weak(uses, uses - 1, std::memory_order_release,
                                            std::memory_order_relaxed))
      return;
  const std::lock_guard guard(local_mutex());
  if (object_->uses.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  registry().erase(object_->handle.bits());
  // A pin of another participant (our parent before a fork) is not ours to drop; nor is one of a session we have left.
  if (object_->pinned_by && object_->pinned_by == current_participant()) {
    Session& session = Session::current();
    ArenaLock lock(session);
    if (Pin* pin = pin_at(session, object_->pin)) drop_pin_locked(session, *pin);
  }
  delete object_;
}

TravellingPin::Number TravellingPin::pack(const Reference& reference) {
  Session& session = Session::current();
  const ParticipantId self = session.self();
  ArenaLock lock(session);
  if (state_of(session, reference.handle()).kind != BlockKind::object) throw_gone();
  return add_pin_locked(session, reference.handle(), PinHolder::participant(self));
}

void TravellingPin::hand_to(const Number* pins, std::size_t count, Handle carrier) {
  if (count == 0) return;
  Session& session = Session::current();
  ArenaLock lock(session);
  for (std::size_t index = 0; index < count; ++index)
    if (Pin* pin = pin_at(session, pins[index]))
      change_holder_locked(session, *pin, PinHolder::block(carrier));
}

Reference TravellingPin::take(Number number, Handle object) {
  Session& session = Session::current();
  const ParticipantId self = session.self();
  const std::lock_guard guard(local_mutex());
  ArenaLock lock(session);
  Pin& pin = travelling_pin(session, number, object);
  LocalObject* local = find_local(object);
  if (local == nullptr) {
    change_holder_locked(session, pin, PinHolder::participant(self));
    local = insert_local(object, self, number);
  } else {
    local->uses.fetch_add(1, std::memory_order_relaxed);
    drop_pin_locked(session, pin);
  }
  return {local, session.base() + object.offset()};
}

Reference TravellingPin::copy(Number number, Handle object) {
  Session& session = Session::current();
  session.self();
  const std::lock_guard guard(local_mutex());
  ArenaLock lock(session);
  travelling_pin(session, number, object);
  return {use_local(session, object), session.base() + object.offset()};
}

void TravellingPin::drop(Number number, Handle object) noexcept {
  Session& session = Session::current();
  ArenaLock lock(session);
  Pin* pin = pin_at(session, number);
  if (pin != nullptr && pin->holder.load(std::memory_order_relaxed) != 0 &&
      pin->object.load(std::memory_order_relaxed) == object.bits())
    drop_pin_locked(session, *pin);
}

}  // namespace procyon::arena
