#include "pool/task_ring.hpp"

#include <time.h>

#include <algorithm>

namespace procyon::pool {

namespace {

constexpr int slot_bits = 16;

// At most so many tickets are reserved at a time, and at most an even share of half of what waits: the other half is for
// those who come later.
constexpr std::uint64_t largest_reservation = 16;

constexpr std::uint64_t entry(std::uint64_t ticket, std::uint32_t slot) { return ticket << slot_bits | slot; }
constexpr std::uint64_t ticket_of(std::uint64_t entry) { return entry >> slot_bits; }
constexpr std::uint32_t slot_of(std::uint64_t entry) { return static_cast<std::uint32_t>(entry & 0xffff); }

std::atomic<std::uint64_t>& ring_at(PoolState& pool, std::uint64_t ticket) {
  return pool.ring[ticket & (pool.slot_count - 1)];
}
const std::atomic<std::uint64_t>& ring_at(const PoolState& pool, std::uint64_t ticket) {
  return pool.ring[ticket & (pool.slot_count - 1)];
}

bool is_ready(const PoolState& pool, std::uint64_t ticket) {
  const std::uint64_t found = ring_at(pool, ticket).load(std::memory_order_acquire);
  return ticket_of(found) == ticket && pool.slot(slot_of(found)).state.load(std::memory_order_acquire) ==
                                           SlotState{Phase::ready, 0, ticket}.bits();
}

// The claim: it succeeds for one worker, and only while the ticket is ready.
bool take(PoolState& pool, std::uint32_t worker, std::uint64_t found) {
  std::uint64_t ready = SlotState{Phase::ready, 0, ticket_of(found)}.bits();
  return pool.slot(slot_of(found))
      .state.compare_exchange_strong(ready, SlotState{Phase::taken, worker, ticket_of(found)}.bits(),
                                     std::memory_order_acq_rel, std::memory_order_relaxed);
}

// The lines of the task that will probably come next travel while this one runs.
void prefetch_task(PoolState& pool, std::uint64_t ticket) {
  const std::uint64_t found = ring_at(pool, ticket).load(std::memory_order_relaxed);
  if (ticket_of(found) != ticket) return;
  TaskSlot& slot = pool.slot(slot_of(found));
  __builtin_prefetch(&slot.state, 1);
  __builtin_prefetch(slot.task);
  __builtin_prefetch(slot.result, 1);
}

std::optional<Claim> claim_reserved(PoolState& pool, std::uint32_t worker) {
  std::atomic<std::uint64_t>& reserved = pool.worker(worker).reserved;
  Reservation mine = Reservation::from_bits(reserved.load(std::memory_order_relaxed));
  while (mine.count != 0) {
    const std::uint64_t ticket = mine.first;
    const std::uint64_t found = ring_at(pool, ticket).load(std::memory_order_acquire);
    const bool claimed = ticket_of(found) == ticket && take(pool, worker, found);
    mine = {ticket + 1, mine.count - 1};
    reserved.store(mine.bits(), std::memory_order_release);
    if (!claimed) continue;
    if (mine.count != 0) prefetch_task(pool, ticket + 1);
    return Claim{slot_of(found), ticket};
  }
  return std::nullopt;
}

// How many tickets from `ticket` on this worker may reserve.
std::uint64_t share_of(const PoolState& pool, std::uint64_t ticket) {
  const std::uint64_t end = pool.next_ticket.load(std::memory_order_relaxed);
  if (end <= ticket) return 1;
  return std::clamp<std::uint64_t>((end - ticket) / (std::uint64_t{2} * pool.worker_count), 1,
                                   largest_reservation);
}

// Another worker's, when there is nothing else: the last one first, which its owner needs last.
std::optional<Claim> claim_from_others(PoolState& pool, std::uint32_t worker) {
  for (std::uint32_t other = 0; other < pool.worker_count; ++other) {
    if (other == worker) continue;
    const Reservation theirs =
        Reservation::from_bits(pool.worker(other).reserved.load(std::memory_order_acquire));
    for (std::uint64_t ticket = theirs.first + theirs.count; ticket-- > theirs.first;) {
      if (!is_ready(pool, ticket)) continue;
      const std::uint64_t found = ring_at(pool, ticket).load(std::memory_order_acquire);
      if (ticket_of(found) == ticket && take(pool, worker, found)) return Claim{slot_of(found), ticket};
    }
  }
  return std::nullopt;
}

}  // namespace

bool Publisher::publish(std::uint32_t slot) {
  const std::uint64_t ticket = next_ticket_;
  const std::uint64_t old_entry = ring_at(pool_, ticket).load(std::memory_order_relaxed);
  if (old_entry != 0 && tickets_[slot_of(old_entry)] == ticket_of(old_entry) &&
      is_ready(pool_, ticket_of(old_entry)))
    return false;
  tickets_[slot] = ticket;
  pool_.slot(slot).state.store(SlotState{Phase::ready, 0, ticket}.bits(), std::memory_order_release);
  ring_at(pool_, ticket).store(entry(ticket, slot), std::memory_order_release);
  ++next_ticket_;
  return true;
}

void Publisher::announce() {
  const std::uint64_t news = next_ticket_ - announced_;
  if (news == 0) return;
  announced_ = next_ticket_;
  pool_.next_ticket.exchange(next_ticket_, std::memory_order_seq_cst);
  for (std::uint64_t woken = std::min<std::uint64_t>(news, pool_.worker_count); woken > 0; --woken)
    sync::wake_one(pool_.worker_sleepers);
}

std::optional<Claim> claim(PoolState& pool, std::uint32_t worker) {
  for (;;) {
    if (const auto reserved = claim_reserved(pool, worker)) return reserved;
    std::uint64_t ticket = pool.cursor.load(std::memory_order_acquire);
    const std::uint64_t found = ring_at(pool, ticket).load(std::memory_order_acquire);
    if (ticket_of(found) < ticket) return claim_from_others(pool, worker);  // not published yet
    if (const std::uint64_t share = share_of(pool, ticket); share > 1) {
      std::atomic<std::uint64_t>& mine = pool.worker(worker).reserved;
      mine.store(Reservation{ticket, static_cast<std::uint32_t>(share)}.bits(), std::memory_order_release);
      // If another was faster, these are somebody else's: to look at them as well would do no harm.
      if (!pool.cursor.compare_exchange_strong(ticket, ticket + share, std::memory_order_acq_rel,
                                               std::memory_order_relaxed))
        mine.store(0, std::memory_order_release);
      continue;
    }
    // An entry of a later ticket says that this one was claimed long ago by somebody who did not move the cursor.
    const bool claimed = ticket_of(found) == ticket && take(pool, worker, found);
    pool.cursor.compare_exchange_strong(ticket, ticket + 1, std::memory_order_acq_rel,
                                        std::memory_order_relaxed);
    if (claimed) return Claim{slot_of(found), ticket_of(found)};
  }
}

bool may_have_task(const PoolState& pool) {
  if (pool.cursor.load(std::memory_order_seq_cst) < pool.next_ticket.load(std::memory_order_seq_cst))
    return true;
  for (std::uint32_t worker = 0; worker < pool.worker_count; ++worker) {
    const Reservation reserved =
        Reservation::from_bits(pool.worker(worker).reserved.load(std::memory_order_seq_cst));
    for (std::uint64_t ticket = reserved.first; ticket < reserved.first + reserved.count; ++ticket)
      if (is_ready(pool, ticket)) return true;
  }
  return false;
}

// Some nanoseconds, where the exact time would be twenty.
void note_task_began(WorkerSlot& worker) {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  worker.task_began.store(std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec, std::memory_order_relaxed);
}

void note_task_ended(WorkerSlot& worker) { worker.task_began.store(0, std::memory_order_relaxed); }

void complete(PoolState& pool, std::uint32_t worker, const Claim& claim) {
  pool.slot(claim.slot)
      .state.store(SlotState{Phase::done, worker, claim.ticket}.bits(), std::memory_order_release);
  std::atomic<std::uint64_t>& count = pool.worker(worker).tasks_completed;
  const std::uint64_t position = count.load(std::memory_order_relaxed);
  pool.completed_slot(worker, position)
      .store(static_cast<std::uint16_t>(claim.slot), std::memory_order_relaxed);
  count.exchange(position + 1, std::memory_order_seq_cst);
  if (!sync::detail::somebody_waits(pool.master_sleepers)) [[likely]]
    return;
  if (pool.wake_after.fetch_sub(1, std::memory_order_seq_cst) <= 1) sync::wake_one(pool.master_sleepers);
}

Completions::Completions(PoolState& pool)
    : pool_(pool), taken_(std::make_unique<std::atomic<std::uint64_t>[]>(pool.worker_count)) {}

std::size_t Completions::waiting() const {
  std::size_t waiting = 0;
  for (std::uint32_t worker = 0; worker < pool_.worker_count; ++worker) {
    // In this order: what was taken is never more than what is complete.
    const std::uint64_t taken = taken_[worker].load(std::memory_order_acquire);
    waiting += pool_.worker(worker).tasks_completed.load(std::memory_order_seq_cst) - taken;
  }
  return waiting;
}

void Completions::skip(std::uint32_t worker) {
  taken_[worker].store(pool_.worker(worker).tasks_completed.load(std::memory_order_acquire),
                       std::memory_order_release);
}

void Completions::prefetch_result(std::uint32_t worker, std::uint64_t position, std::uint64_t end) {
  if (position >= end) return;
  TaskSlot& slot = pool_.slot(pool_.completed_slot(worker, position).load(std::memory_order_relaxed));
  __builtin_prefetch(&slot.state, 1);
  __builtin_prefetch(&slot.result_block, 1);
  __builtin_prefetch(slot.result);
}

}  // namespace procyon::pool
