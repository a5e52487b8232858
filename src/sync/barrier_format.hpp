// A barrier in shared memory: its complete format, and what a death at any point leaves behind.
//
// FORMAT. One word, | arrived 32 | generation 31 | broken 1 |, on whose low half those sleep who have arrived; and a place
// for each party, which names the process that arrived there in this generation. Each change is one compare-and-swap of
// the word, and all but one are made under `lock`:
//
//   arrive       place[arrived] := this process; arrived + 1
//   pass         the last to arrive, when the action is done: verdict of the generation := passed; arrived := 0,
//                generation + 1
//   break        broken := 1: a time-out, abort(), an action that threw, a dead party. Without the lock, whose holder may be
//                stopped when a time-out comes: so it may come between another's look at the word and its change. That
//                one's compare-and-swap then fails: it has not arrived, or not passed; reset() tries again.
//   reset        verdict := was_reset; arrived := 0, generation + 1, broken := 0
//
// A verdict is kept for `verdict_count` generations; a sleeper looks many times a second.
//
// WHAT A DEATH LEAVES.
//   before the store of a change     nothing of it happened; a place beyond `arrived` means nothing
//   after an arrival                 its place names somebody dead. Those who sleep look at all places at the end of each
//                                    slice (os::wait_slice), and the last to arrive does before the action: either
//                                    breaks the barrier
//   of the last, in the action       the same: its place is taken
//   after pass, break or reset,      who sleeps sees the word at the end of his slice
//   before the wake
// Nothing needs repair when the lock's owner died. A party that dies before it arrives is nobody that the barrier knows:
// its absence is a time-out.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "procyon/detail/arena/owner_word.hpp"
#include "procyon/detail/arena/reference.hpp"
#include "procyon/detail/os/futex.hpp"

namespace procyon::sync {

/// A decoded word of a barrier.
struct BarrierMark {
  static constexpr std::uint32_t generation_mask = 0x7fff'ffff;

  std::uint32_t arrived = 0;
  std::uint32_t generation = 0;
  bool broken = false;

  static constexpr BarrierMark from_bits(std::uint64_t bits) {
    return {static_cast<std::uint32_t>(bits >> 32), static_cast<std::uint32_t>(bits) >> 1, (bits & 1) != 0};
  }
  [[nodiscard]] constexpr std::uint64_t bits() const { return std::uint64_t{arrived} << 32 | low_half(); }
  [[nodiscard]] constexpr std::uint32_t low_half() const { return generation << 1 | (broken ? 1u : 0u); }
  [[nodiscard]] constexpr BarrierMark next_generation() const {
    return {0, (generation + 1) & generation_mask, false};
  }
};

struct BarrierState : arena::Counted {
  enum class Verdict : std::uint8_t { passed, was_reset };
  static constexpr std::uint32_t verdict_count = 32;
  static constexpr std::uint32_t most_parties = 1 << 16;

  explicit BarrierState(std::uint32_t party_count) : parties(party_count) {}

  [[nodiscard]] BarrierMark load() const {
    return BarrierMark::from_bits(word.load(std::memory_order_acquire));
  }
  /// False if the word is not `from` any more, which then says what it is.
  bool change(BarrierMark& from, BarrierMark to) {
    std::uint64_t expected = from.bits();
    if (word.compare_exchange_strong(expected, to.bits(), std::memory_order_seq_cst)) return true;
    from = BarrierMark::from_bits(expected);
    return false;
  }
  std::atomic<Verdict>& verdict(std::uint32_t generation) { return verdicts[generation % verdict_count]; }

  using Place = std::atomic<std::uint32_t>;  // bits of a ParticipantId
  /// The places follow the state.
  Place* places() { return reinterpret_cast<Place*>(this + 1); }

  arena::OwnerWord lock;
  std::atomic<std::uint64_t> word{0};
  const std::uint32_t parties;
  std::int64_t timeout = -1;      // nanoseconds; negative: none
  std::uint64_t action = 0;       // arena::Handle of the block with the encoded action; 0: none
  std::uint64_t action_size = 0;  // bytes
  std::uint64_t action_references = 0;
  std::array<std::atomic<Verdict>, verdict_count> verdicts{};
};

}  // namespace procyon::sync
