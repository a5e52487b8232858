#include "procyon/detail/arena/session.hpp"

#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <new>
#include <string>

#include "arena/blocks.hpp"
#include "arena/liveness.hpp"
#include "arena/local_objects.hpp"
#include "arena/participants.hpp"
#include "arena/reservation.hpp"
#include "os/memfd.hpp"
#include "procyon/errors.hpp"

namespace procyon::arena {

namespace {

constinit std::atomic<Session*> the_session{nullptr};
constinit std::mutex creation;  // taken once in the life of a process, before it has children of ours

// A memory lock on all future mappings (mlockall(MCL_FUTURE)) counts the whole reservation against RLIMIT_MEMLOCK.
// Then half of that limit must do: the program wants to map things too.
void* map_what_can_be_had(const os::Descriptor& memory, std::uint64_t& bytes) {
  void* mapping = map_reservation(memory, bytes);
  if (mapping != nullptr || errno != EAGAIN) return mapping;
  rlimit limit{};
  ::getrlimit(RLIMIT_MEMLOCK, &limit);
  bytes = std::min<std::uint64_t>(bytes, limit.rlim_cur / 2) / unit_size * unit_size;
  return map_reservation(memory, bytes);
}

[[noreturn]] void throw_unmappable(std::uint64_t bytes, int error) {
  throw SessionError(
      "procyon: this process cannot map the " + std::to_string(bytes >> 20) +
      " MiB that the session's shared memory reserves: " + std::strerror(error) +
      "; a smaller PROCYON_ARENA_SIZE in the first process, or a larger `ulimit -v` here, helps");
}

std::uint32_t unit_table_units_for(std::uint64_t reserved) {
  return static_cast<std::uint32_t>(((reserved >> unit_bits) * sizeof(Unit) + unit_size - 1) >> unit_bits);
}

void make_secret(std::span<std::byte> secret) {
  for (std::size_t done = 0; done < secret.size();) {
    const ssize_t got = ::getrandom(secret.data() + done, secret.size() - done, 0);
    if (got > 0)
      done += static_cast<std::size_t>(got);
    else if (errno != EINTR)
      throw SessionError(std::string("procyon: no random bytes for the session's secret: ") +
                         std::strerror(errno));
  }
}

void format(void* mapping, std::uint64_t reserved) {
  auto* header = new (mapping) Header{};
  header->version = format_version;
  header->reserved = reserved;
  header->unit_table_units = unit_table_units_for(reserved);
  header->frontier.store(unit_table_unit + header->unit_table_units, std::memory_order_relaxed);
  header->next_slot.store(1, std::memory_order_relaxed);
  make_secret(header->secret);
  header->magic = arena_magic;
}

}  // namespace

Session::Session(os::Descriptor memory, os::Descriptor liveness, void* mapping)
    : memory_(std::move(memory)), liveness_(std::move(liveness)), header_(static_cast<Header*>(mapping)) {}

Session* Session::create() {
  try {
    std::uint64_t reserved = reservation_size();
    os::Descriptor memory = os::create_memfd("procyon-session");
    const std::size_t front = std::size_t{unit_table_unit} * unit_size;
    if (!os::commit(memory, 0, front))
      throw SessionError(std::string("procyon: no memory for the session's shared memory: ") +
                         std::strerror(errno));
    os::seal_against_shrinking(memory);
    void* mapping = map_what_can_be_had(memory, reserved);
    if (mapping == nullptr) throw_unmappable(reserved, errno);
    format(mapping, reserved);
    create_identity_page();
    return new Session(std::move(memory), create_liveness_file(), mapping);
  } catch (const std::system_error& error) {
    throw SessionError(std::string("procyon: the session's shared memory cannot be created: ") +
                       error.what());
  }
}

Session& Session::current() {
  if (Session* session = the_session.load(std::memory_order_acquire)) return *session;
  const std::lock_guard guard(creation);
  if (the_session.load(std::memory_order_relaxed) == nullptr)
    the_session.store(create(), std::memory_order_release);
  return *the_session.load(std::memory_order_relaxed);
}

Session* Session::existing() { return the_session.load(std::memory_order_acquire); }

Session& Session::adopt(os::Descriptor memory, os::Descriptor liveness) {
  const std::lock_guard guard(creation);
  if (the_session.load(std::memory_order_relaxed) != nullptr)
    throw SessionError(
        "procyon: this process used a shared object before its start-up was complete (a static "
        "constructor?), so it has a session of its own and cannot join its parent's");
  std::uint64_t reserved = 0;
  if (::pread(memory.get(), &reserved, sizeof reserved, offsetof(Header, reserved)) != sizeof reserved)
    throw SessionError("procyon: the parent's shared memory cannot be read");
  void* mapping = map_reservation(memory, reserved);
  if (mapping == nullptr) throw_unmappable(reserved, errno);
  const auto* header = static_cast<const Header*>(mapping);
  if (header->magic != arena_magic || header->version != format_version) {
    ::munmap(mapping, reserved);
    throw SessionError(
        "procyon: the parent's shared memory is of another format: both processes must be built with "
        "the same version of the library");
  }
  create_identity_page();
  the_session.store(new Session(std::move(memory), std::move(liveness), mapping), std::memory_order_release);
  return *the_session.load(std::memory_order_relaxed);
}

int Session::liveness_descriptor() const { return liveness_.get(); }
std::uint64_t Session::reserved_bytes() const { return header_->reserved; }
std::span<const std::byte> Session::secret() const { return header_->secret; }

ParticipantId Session::self() {
  const ParticipantId self = current_participant();
  return self ? self : join(*this, liveness_);
}

bool Session::alive(ParticipantId id) const { return is_alive(*this, liveness_, id); }
pid_t Session::pid_of(ParticipantId id) const {
  const ParticipantSlot& slot = participant_table(*this)[id.slot()];
  if (slot.id.load(std::memory_order_acquire) != id.bits()) return 0;
  return static_cast<pid_t>(slot.pid.load(std::memory_order_relaxed));
}
void Session::recover(ParticipantId dead) { arena::recover(*this, liveness_, dead); }
void Session::recover_everybody() { arena::recover_everybody(*this, liveness_); }
void Session::leave() { arena::leave(*this, liveness_); }

bool is_alive(ParticipantId id) {
  const Session* session = Session::existing();
  return session != nullptr && session->alive(id);
}

Handle Session::allocate(std::size_t bytes) {
  const ParticipantId me = self();
  const auto attempt = [&] {
    ArenaLock lock(*this);
    return allocate_locked(*this, bytes, BlockKind::owned, me.bits());
  };
  NewBlock block{};
  try {
    block = attempt();
  } catch (const SessionError&) {
    recover_everybody();  // the dead may hold what we need
    block = attempt();
  }
  owned_blocks().fetch_add(1, std::memory_order_relaxed);
  if (!block.needs_commit) return block.handle;
  // Outside the lock: clearing a gigabyte takes a third of a second.
  StateWord& word = *state_word(*this, block.handle.offset());
  if (!os::commit(memory_, block.handle.offset(), size(block.handle))) {
    const int error = errno;
    release(block.handle);
    throw SessionError("procyon: no memory for a block of " + std::to_string(bytes) +
                       " bytes of the session: " + std::strerror(error));
  }
  word.store(BlockState{BlockKind::owned, block.handle.generation(), me.bits()}.bits(),
             std::memory_order_release);
  return block.handle;
}

void Session::release(Handle block) {
  const ParticipantId me = self();
  constexpr std::uint32_t warm_limit = (64u << 20) >> unit_bits;  // hysteresis: 64 MiB stay warm
  ArenaLock lock(*this);
  const BlockState state = state_of(*this, block);
  if (state.kind == BlockKind::free) return;
  if (state.kind == BlockKind::owned && state.owner == me.bits())
    owned_blocks().fetch_sub(1, std::memory_order_relaxed);
  const bool large = size(block) >= unit_size;
  if (!large || state.kind == BlockKind::committing ||
      header_->warm_units.load(std::memory_order_relaxed) < warm_limit)
    return free_locked(*this, block);
  // Too much warm memory: give this run back to the system, outside the lock (64 MiB cost 5 to 11 ms).
  StateWord& word = *state_word(*this, block.offset());
  word.store(BlockState{BlockKind::committing, block.generation(), me.bits()}.bits(),
             std::memory_order_release);
  const std::size_t bytes = size(block);
  lock.unlock();
  os::decommit(memory_, block.offset(), bytes);
  ArenaLock again(*this);
  free_locked(*this, block);
}

std::byte* Session::bytes(Handle block) const {
  return state_of(*this, block).kind == BlockKind::free ? nullptr : base() + block.offset();
}

std::size_t Session::size(Handle block) const {
  const auto unit = static_cast<std::uint32_t>(block.offset() >> unit_bits);
  const StateWord* word = state_word(*this, block.offset());
  if (word == nullptr) return 0;
  const Unit& entry = unit_table(*this)[unit];
  if (word == &entry.state) return std::size_t{entry.length.load(std::memory_order_relaxed)} << unit_bits;
  return slab_at(*this, unit).cell_size;
}

bool Session::take_over(Handle block, ParticipantId from) {
  StateWord* word = state_word(*this, block.offset());
  if (word == nullptr) return false;
  std::uint64_t expected = BlockState{BlockKind::owned, block.generation(), from.bits()}.bits();
  const BlockState desired{BlockKind::owned, block.generation(), self().bits()};
  if (!word->compare_exchange_strong(expected, desired.bits(), std::memory_order_acq_rel)) return false;
  owned_blocks().fetch_add(1, std::memory_order_relaxed);
  return true;
}

void Session::hand_to(Handle block, Handle object) {
  ObjectHeader& holder = *reinterpret_cast<ObjectHeader*>(base() + object.offset());
  if ((holder.type.load(std::memory_order_relaxed) & ObjectHeader::may_hold_blocks) == 0)
    holder.type.fetch_or(ObjectHeader::may_hold_blocks, std::memory_order_relaxed);
  const auto granule = static_cast<std::uint32_t>(object.offset() >> Handle::granule_bits);
  state_word(*this, block.offset())
      ->store(BlockState{BlockKind::held, block.generation(), granule}.bits(), std::memory_order_release);
  owned_blocks().fetch_sub(1, std::memory_order_relaxed);
}

void Session::take_from(Handle block, Handle object) {
  if (!is_held_by(block, object)) return;
  state_word(*this, block.offset())
      ->store(BlockState{BlockKind::owned, block.generation(), self().bits()}.bits(),
              std::memory_order_release);
  owned_blocks().fetch_add(1, std::memory_order_relaxed);
}

bool Session::is_held_by(Handle block, Handle object) const {
  const BlockState state = state_of(*this, block);
  return state.kind == BlockKind::held && state.owner == object.offset() >> Handle::granule_bits;
}

}  // namespace procyon::arena
