#include "arena/participants.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <mutex>
#include <new>
#include <string>

#include "arena/blocks.hpp"
#include "arena/liveness.hpp"
#include "arena/local_objects.hpp"
#include "arena/pins.hpp"
#include "os/error.hpp"
#include "procyon/detail/os/crash_point.hpp"
#include "procyon/errors.hpp"

namespace procyon::arena {

namespace {

constinit Identity nobody{};

std::uint32_t next_thread_slot() {
  static std::atomic<std::uint32_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

bool is_free(const ParticipantSlot& slot) {
  return slot.state.load(std::memory_order_acquire) == static_cast<std::uint32_t>(SlotState::free);
}

bool is_named(const ParticipantSlot& slot, ParticipantId id) {
  return !is_free(slot) && slot.id.load(std::memory_order_acquire) == id.bits();
}

// Whose record lock we hold, so nobody else writes it.
ParticipantId occupy(ParticipantSlot& slot, std::uint32_t number) {
  const auto last = ParticipantId::from_bits(slot.id.load(std::memory_order_relaxed));
  const ParticipantId self(number, last.incarnation() + 1);
  slot.id.store(self.bits(), std::memory_order_relaxed);
  slot.pid.store(static_cast<std::uint32_t>(::getpid()), std::memory_order_relaxed);
  slot.state.store(static_cast<std::uint32_t>(SlotState::alive), std::memory_order_release);
  return self;
}

// Takes a free slot, or, if `predecessor` is given, one whose user is dead; then that one is told, and what it left
// must be taken back by the caller (it cannot be before: recovery needs a participant to do it).
ParticipantId try_slot(Session& session, const os::Descriptor& liveness, std::uint32_t number,
                       ParticipantId* predecessor) {
  ParticipantSlot& slot = participant_table(session)[number];
  if ((predecessor == nullptr && !is_free(slot)) || !claim_slot(liveness, number)) return {};
  if (is_free(slot)) return occupy(slot, number);
  if (predecessor != nullptr) {
    *predecessor = ParticipantId::from_bits(slot.id.load(std::memory_order_acquire));
    return occupy(slot, number);
  }
  unclaim_slot(liveness, number);  // another joined here, and died, since we looked
  return {};
}

ParticipantId find_slot(Session& session, const os::Descriptor& liveness, ParticipantId* predecessor) {
  Header& header = session.header();
  const std::uint32_t start = header.next_slot.load(std::memory_order_relaxed);
  for (std::uint32_t step = 0; step < ParticipantId::slot_count; ++step) {
    const std::uint32_t number = (start + step) % ParticipantId::slot_count;
    if (number == 0) continue;
    const ParticipantId joined = try_slot(session, liveness, number, predecessor);
    if (!joined) continue;
    header.next_slot.store(number + 1, std::memory_order_relaxed);
    return joined;
  }
  return {};
}

// What the users of a slot left, `living` excepted. All of them: one may have died before it took back what its
// predecessor left.
void take_back(Session& session, std::uint32_t slot, ParticipantId living) {
  const auto gone = [&](ParticipantId id) { return id.slot() == slot && id != living; };
  free_all_locked(session, [&](BlockState state) {
    return (state.kind == BlockKind::owned || state.kind == BlockKind::committing) &&
           gone(ParticipantId::from_bits(state.owner));
  });
  os::crash_point("arena.recover.blocks_freed");
  drop_pins_locked(session, gone);
  os::crash_point("arena.recover.pins_dropped");
}

void recover_slots(Session& session, const os::Descriptor& liveness, std::uint32_t start,
                   std::uint32_t count) {
  for (std::uint32_t step = 0; step < count; ++step) {
    const ParticipantSlot& slot = participant_table(session)[(start + step) % ParticipantId::slot_count];
    if (!is_free(slot))
      recover(session, liveness, ParticipantId::from_bits(slot.id.load(std::memory_order_acquire)));
  }
}

}  // namespace

constinit std::atomic<Identity*> identity{&nobody};
constinit thread_local std::uint32_t this_thread_slot = 0;

void create_identity_page() {
  void* page = ::mmap(nullptr, page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) os::throw_system_error("mapping the page that says who this process is");
  os::check(::madvise(page, page_size, MADV_WIPEONFORK),
            "having fork wipe the page that says who this process is");
  identity.store(new (page) Identity{}, std::memory_order_release);
}

std::uint64_t join_and_number_thread() {
  if (this_thread_slot == 0) this_thread_slot = next_thread_slot();
  const ParticipantId self = Session::current().self();
  return std::uint64_t{self.bits()} << 32 | this_thread_slot;
}

ParticipantId join(Session& session, const os::Descriptor& liveness) {
  const std::lock_guard guard(local_mutex());
  if (const ParticipantId self = current_participant()) return self;
  ParticipantId predecessor;
  ParticipantId joined = find_slot(session, liveness, nullptr);
  if (!joined) joined = find_slot(session, liveness, &predecessor);
  if (!joined)
    throw SessionError("procyon: this session has " + std::to_string(ParticipantId::slot_count - 1) +
                       " living processes, which is as many as it can have");
  identity.load(std::memory_order_relaxed)->participant.store(joined.bits(), std::memory_order_release);
  if (this_thread_slot == 0) this_thread_slot = next_thread_slot();
  if (predecessor) {
    os::crash_point("arena.join.slot_of_the_dead");
    ArenaLock lock(session);
    take_back(session, joined.slot(), joined);
  }
  repin_after_fork(session);
  // Orphans whose parent died too are nobody's duty: each newcomer looks at a few slots.
  constexpr std::uint32_t slots_to_look_at = 8;
  recover_slots(session, liveness, joined.slot() + 1, slots_to_look_at);
  return joined;
}

bool is_alive(const Session& session, const os::Descriptor& liveness, ParticipantId id) {
  if (!id) return false;
  const ParticipantSlot& slot = participant_table(session)[id.slot()];
  if (!is_named(slot, id)) return false;
  if (id == current_participant()) return true;
  // Asked again afterwards: the slot may have changed hands between the two looks.
  return is_claimed_by_another(liveness, id.slot()) && is_named(slot, id);
}

void leave(Session& session, const os::Descriptor& liveness) {
  const std::lock_guard guard(local_mutex());
  const ParticipantId self = current_participant();
  if (!self) return;
  {
    ArenaLock lock(session);
    if (owned_blocks() != 0) take_back(session, self.slot(), ParticipantId::none());
    drop_pins_locked(session, [&](ParticipantId holder) { return holder == self; });
    forget_pins();
  }
  participant_table(session)[self.slot()].state.store(static_cast<std::uint32_t>(SlotState::free),
                                                      std::memory_order_release);
  unclaim_slot(liveness, self.slot());
  identity.load(std::memory_order_relaxed)->participant.store(0, std::memory_order_relaxed);
}

void recover(Session& session, const os::Descriptor& liveness, ParticipantId dead) {
  ParticipantSlot& slot = participant_table(session)[dead.slot()];
  if (!dead || !is_named(slot, dead) || is_alive(session, liveness, dead)) return;
  ArenaLock lock(session);
  if (!is_named(slot, dead)) return;  // another has done it
  take_back(session, dead.slot(), ParticipantId::none());
  slot.state.store(static_cast<std::uint32_t>(SlotState::free), std::memory_order_release);
}

void recover_everybody(Session& session, const os::Descriptor& liveness) {
  recover_slots(session, liveness, 0, ParticipantId::slot_count);
}

}  // namespace procyon::arena
