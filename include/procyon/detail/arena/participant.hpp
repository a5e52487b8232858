// Who speaks: one incarnation of a process in the session, and one thread of it.
//
// A participant is not a pid. Pids are reused, survive exec and mean something else in another namespace; a
// participant id names one life of one process in one session: slot number and a count of the slot's uses.
//
//   std::uint64_t me = arena::self_word();       // participant and thread: what a lock word holds
//
// The process's own id lies in a page that the kernel wipes in a forked child (MADV_WIPEONFORK): a child made by the
// user's own fork() finds nothing there and joins the session as itself. It can never speak as its parent.
#pragma once

#include <atomic>
#include <cstdint>

namespace procyon::arena {

/// 12 bits slot (never 0 for somebody), 20 bits incarnation of that slot. Slots are taken in turn, so an id returns
/// after 2^20 uses of its slot, which are some 4 * 10^9 processes of one session.
class ParticipantId {
 public:
  static constexpr int slot_bits = 12;
  static constexpr std::uint32_t slot_count = 1u << slot_bits;

  constexpr ParticipantId() = default;
  constexpr ParticipantId(std::uint32_t slot, std::uint32_t incarnation)
      : bits_(incarnation << slot_bits | slot) {}
  static constexpr ParticipantId from_bits(std::uint32_t bits) {
    ParticipantId id;
    id.bits_ = bits;
    return id;
  }

  /// Nobody.
  static constexpr ParticipantId none() { return {}; }

  [[nodiscard]] constexpr std::uint32_t bits() const { return bits_; }
  [[nodiscard]] constexpr std::uint32_t slot() const { return bits_ & (slot_count - 1); }
  [[nodiscard]] constexpr std::uint32_t incarnation() const { return bits_ >> slot_bits; }
  explicit constexpr operator bool() const { return bits_ != 0; }
  friend constexpr bool operator==(ParticipantId, ParticipantId) = default;

 private:
  std::uint32_t bits_ = 0;
};

/// What the page holds that fork() wipes.
struct Identity {
  std::atomic<std::uint32_t> participant;  // bits of a ParticipantId; 0: this process has not joined
};

/// Points at the wiped page once a session exists, before that at an Identity of zeros.
extern constinit std::atomic<Identity*> identity;

/// A small number of this thread, unique in its process; 0 until the thread first asks. It stays valid in a forked
/// child, where the thread that forked is the only one.
[[gnu::tls_model("initial-exec")]] extern constinit thread_local std::uint32_t this_thread_slot;

/// Joins the session (creating it if there is none) and numbers the thread. Throws SessionError.
std::uint64_t join_and_number_thread();

/// Participant (high half) and thread (low 30 bits) of the caller: its signature in lock words. Two loads once the
/// thread has spoken before.
inline std::uint64_t self_word() {
  const std::uint32_t participant =
      identity.load(std::memory_order_relaxed)->participant.load(std::memory_order_relaxed);
  const std::uint32_t thread = this_thread_slot;
  if (participant == 0 || thread == 0) [[unlikely]]
    return join_and_number_thread();
  return static_cast<std::uint64_t>(participant) << 32 | thread;
}

}  // namespace procyon::arena
