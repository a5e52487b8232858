#include "pool/task_ring.hpp"

namespace procyon::pool {

namespace {

constexpr int slot_bits = 16;

constexpr std::uint64_t entry(std::uint64_t ticket, std::uint32_t slot) { return ticket << slot_bits | slot; }
constexpr std::uint64_t ticket_of(std::uint64_t entry) { return entry >> slot_bits; }
constexpr std::uint32_t slot_of(std::uint64_t entry) { return static_cast<std::uint32_t>(entry & 0xffff); }

std::atomic<std::uint64_t>& ring_at(PoolState& pool, std::uint64_t ticket) {
  return pool.ring[ticket & (pool.slot_count - 1)];
}

bool is_unclaimed(PoolState& pool, std::uint64_t old_entry) {
  const SlotState ready{Phase::ready, 0, ticket_of(old_entry)};
  return pool.slot(slot_of(old_entry)).state.load(std::memory_order_acquire) == ready.bits();
}

}  // namespace

bool publish(PoolState& pool, std::uint32_t slot) {
  const std::uint64_t ticket = pool.next_ticket.load(std::memory_order_relaxed);
  const std::uint64_t old_entry = ring_at(pool, ticket).load(std::memory_order_relaxed);
  if (old_entry != 0 && is_unclaimed(pool, old_entry)) return false;
  pool.slot(slot).state.store(SlotState{Phase::ready, 0, ticket}.bits(), std::memory_order_release);
  ring_at(pool, ticket).store(entry(ticket, slot), std::memory_order_release);
  pool.next_ticket.exchange(ticket + 1, std::memory_order_seq_cst);
  sync::ring_one(pool.worker_sleepers, pool.submitted);
  return true;
}

std::optional<Claim> claim(PoolState& pool, std::uint32_t worker) {
  for (;;) {
    std::uint64_t ticket = pool.cursor.load(std::memory_order_acquire);
    const std::uint64_t found = ring_at(pool, ticket).load(std::memory_order_acquire);
    if (ticket_of(found) < ticket) return std::nullopt;  // not published yet
    // An entry of a later ticket says that this one was claimed long ago by somebody who did not move the cursor.
    std::uint64_t ready = SlotState{Phase::ready, 0, ticket}.bits();
    const bool claimed =
        ticket_of(found) == ticket &&
        pool.slot(slot_of(found))
            .state.compare_exchange_strong(ready, SlotState{Phase::taken, worker, ticket}.bits(),
                                           std::memory_order_acq_rel, std::memory_order_relaxed);
    std::uint64_t expected = ticket;
    pool.cursor.compare_exchange_strong(expected, ticket + 1, std::memory_order_acq_rel,
                                        std::memory_order_relaxed);
    if (claimed) return Claim{slot_of(found), ticket};
  }
}

bool may_have_task(const PoolState& pool) {
  return pool.cursor.load(std::memory_order_seq_cst) < pool.next_ticket.load(std::memory_order_seq_cst);
}

void complete(PoolState& pool, std::uint32_t worker, const Claim& claim) {
  pool.slot(claim.slot)
      .state.store(SlotState{Phase::done, worker, claim.ticket}.bits(), std::memory_order_release);
  pool.completed[claim.slot / 64].fetch_or(std::uint64_t{1} << claim.slot % 64, std::memory_order_seq_cst);
  sync::ring_one(pool.master_sleepers, pool.completed_count);
}

}  // namespace procyon::pool
