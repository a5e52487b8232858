// Who uses a queue: producers, consumers and what they have not finished (queue_tables_format.hpp).
#include <string>

#include "channel/queue_tables.hpp"
#include "procyon/detail/channel/queue_engine.hpp"
#include "procyon/detail/os/crash_point.hpp"
#include "procyon/owner_died.hpp"

namespace procyon::channel {

namespace {

std::uint32_t participant_of(const auto& entry) { return entry.participant.load(std::memory_order_acquire); }

QueueLock lock_consumers(const QueueView& queue, os::Deadline deadline = os::Deadline::never()) {
  return {queue.state.get_lock, queue, recover_consumers, deadline};
}

// What the processes that died hold. Under get_lock.
std::uint32_t debt_of_the_dead(const QueueView& queue) {
  std::uint32_t debt = 0;
  consumers_of(queue).for_each([&](const ConsumerEntry& entry) {
    if (entry.debt() != 0 && is_dead(queue, participant_of(entry))) debt += entry.debt();
  });
  return debt;
}

// One message of the entry's is finished; false if it has taken none that is not.
bool finish_one(ConsumerEntry& entry) {
  std::uint32_t done = entry.done.load(std::memory_order_relaxed);
  while (done != entry.taken.load(std::memory_order_acquire))
    if (entry.done.compare_exchange_weak(done, done + 1, std::memory_order_seq_cst)) return true;
  return false;
}

std::string sentence(std::uint32_t lost) {
  return "procyon: " + std::to_string(lost) + (lost == 1 ? " message was" : " messages were") +
         " taken from this JoinableQueue by a process that died before it called task_done(); lost() names "
         "it. "
         "Put again what must be done, and call recover(): they then count as finished";
}

}  // namespace

// Producers -----------------------------------------------------------------------------------------------------

void register_producer(const QueueView& queue) {
  const std::uint32_t self = own_participant();
  Table<ProducerEntry> producers = producers_of(queue);
  if (producers.find([&](const auto& entry) { return participant_of(entry) == self; }) != nullptr) return;
  ProducerEntry& entry = producers.find_or_grow([&](const auto& candidate) {
    return participant_of(candidate) == 0 || is_dead(queue, participant_of(candidate));
  });
  entry.participant.store(self, std::memory_order_release);
  os::crash_point("queue.put.producer_entered");
  std::atomic<std::uint64_t>& entries = queue.state.tables.producers_entered;
  entries.store(entries.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

void QueueEngine::leave_producers() const {
  if (!state_->settings.ends_with_producers) return;
  const QueueView queue = view_of(reference_, *state_);
  QueueLock lock(state_->put_lock, queue, recover_producers, os::Deadline::never());
  const std::uint32_t self = own_participant();
  ProducerEntry* const entry =
      producers_of(queue).find([&](const auto& candidate) { return participant_of(candidate) == self; });
  if (entry == nullptr) return;
  entry->participant.store(0, std::memory_order_release);
  lock.unlock();
  sync::wake_all(state_->get_sleepers);
}

// Without the lock: one of the producers may be stopped inside it. queue_tables_format.hpp says why that is exact.
bool QueueEngine::producers_are_gone() const {
  if (!state_->settings.ends_with_producers) return false;
  const QueueView queue = view_of(reference_, *state_);
  const std::atomic<std::uint64_t>& entries = state_->tables.producers_entered;
  const std::uint64_t before = entries.load(std::memory_order_acquire);
  if (before == 0) return false;
  const ProducerEntry* const alive = producers_of(queue).find([&](const auto& entry) {
    return participant_of(entry) != 0 && !is_dead(queue, participant_of(entry));
  });
  return alive == nullptr && entries.load(std::memory_order_relaxed) == before;
}

// Consumers -----------------------------------------------------------------------------------------------------

ConsumerEntry& own_consumer(const QueueView& queue) {
  const std::uint32_t self = own_participant();
  Table<ConsumerEntry> consumers = consumers_of(queue);
  if (ConsumerEntry* mine = consumers.find([&](const auto& entry) { return participant_of(entry) == self; }))
    return *mine;
  ConsumerEntry& entry = consumers.find_or_grow([&](const ConsumerEntry& candidate) {
    return candidate.debt() == 0 &&
           (participant_of(candidate) == 0 || is_dead(queue, participant_of(candidate)));
  });
  entry.participant.store(self, std::memory_order_release);
  return entry;
}

void QueueEngine::claim_task(const QueueView& queue, std::uint32_t count) {
  if (consumer_ == nullptr || participant_of(*consumer_) != own_participant())
    consumer_ = &own_consumer(queue);
  QueueTables& tables = state_->tables;
  tables.claimed_taken.store(consumer_->taken.load(std::memory_order_relaxed) + count,
                             std::memory_order_relaxed);
  const auto offset = reinterpret_cast<std::byte*>(consumer_) - queue.session.base();
  tables.claimed_consumer.store(static_cast<std::uint64_t>(offset), std::memory_order_release);
}

void count_claimed_task(const QueueView& queue) {
  QueueTables& tables = queue.state.tables;
  const std::uint64_t offset = tables.claimed_consumer.load(std::memory_order_relaxed);
  if (offset == 0) return;
  auto* consumer = reinterpret_cast<ConsumerEntry*>(queue.session.base() + offset);
  consumer->taken.store(tables.claimed_taken.load(std::memory_order_relaxed), std::memory_order_release);
  os::crash_point("queue.get.task_counted");
  tables.claimed_consumer.store(0, std::memory_order_release);
}

void recover_tables(const QueueView& queue) {
  QueueState& state = queue.state;
  QueueTables& tables = state.tables;
  consumers_of(queue).recover();
  leases_of(queue).recover();
  const Mark head = Mark::from_bits(queue.first().head.load(std::memory_order_acquire));
  const Claim claim = Claim::from_bits(state.claim.load(std::memory_order_relaxed));
  const bool took_from_ring =
      claim.count != 0 && claim.sequence_behind == static_cast<std::uint16_t>(head.sequence);
  const std::optional<std::uint32_t> taker = recover_leases(queue);
  if (took_from_ring || taker) {
    if (state.settings.counts_tasks)
      count_claimed_task(queue);
    else
      record_lost(queue, taker.value_or(claim.participant), taker ? 1 : claim.count);
  }
  os::crash_point("queue.recover.tasks_counted");
  tables.claimed_consumer.store(0, std::memory_order_release);
  state.claim.store(0, std::memory_order_release);
  free_taken_lease(queue);
  tables.pending_lost_place.store(0, std::memory_order_release);
}

// What is finished, and what is lost ----------------------------------------------------------------------------

void wake_joiners(QueueState& state) { sync::wake_all_if_any(state.tables.joiners); }

void QueueEngine::task_done() const {
  const QueueView queue = view_of(reference_, *state_);
  const std::uint32_t self = own_participant();
  const Table<ConsumerEntry> consumers = consumers_of(queue);
  bool finished = consumers.find([&](ConsumerEntry& entry) {
    return participant_of(entry) == self && finish_one(entry);
  }) != nullptr;
  if (!finished) {
    // Taken by another process, which handed the work on: a dead one's first, as nobody else will finish it.
    const QueueLock lock = lock_consumers(queue);
    const auto finish_of = [&](bool dead) {
      return consumers.find([&](ConsumerEntry& entry) {
        return entry.debt() != 0 && is_dead(queue, participant_of(entry)) == dead && finish_one(entry);
      }) != nullptr;
    };
    finished = finish_of(true) || finish_of(false);
  }
  if (!finished)
    throw std::logic_error(
        "procyon: task_done() was called more often than messages were taken from this JoinableQueue");
  wake_joiners(*state_);
}

std::uint32_t unfinished_messages(const QueueView& queue) {
  std::uint32_t finished = 0;
  consumers_of(queue).for_each(
      [&](const ConsumerEntry& entry) { finished += entry.done.load(std::memory_order_seq_cst); });
  leases_of(queue).for_each([&](const LeaseEntry& entry) {
    finished += LeaseState::from_bits(entry.word.load(std::memory_order_seq_cst)).acks;
  });
  // The last look: what was finished by then was put before.
  const Mark tail = Mark::from_bits(queue.last().tail.load(std::memory_order_acquire));
  return (tail.sequence - finished) & LeaseState::acks_mask;
}

bool QueueEngine::join(os::Deadline deadline) const {
  const QueueView queue = view_of(reference_, *state_);
  // Nothing is said to be finished that cannot be looked at in time.
  const auto all_finished = [&] {
    const QueueLock producers(state_->put_lock, queue, recover_producers, deadline);
    return producers.held() && unfinished_messages(queue) == 0;
  };
  // Without the lock: what it reads may be a segment that is freed meanwhile, so it is asked again with it.
  const auto seems_finished = [&] { return unfinished_messages(queue) == 0; };
  while (!all_finished()) {
    std::uint32_t lost = 0;
    {
      const QueueLock lock = lock_consumers(queue, deadline);
      if (!lock.held()) return false;
      lost = debt_of_the_dead(queue);
      return_leases_of_the_dead(queue);
    }
    if (lost != 0 && !all_finished()) throw_lost(lost);
    if (!sync::wait_until(seems_finished, state_->tables.joiners, deadline, sync::fence_for_sleepers) ||
        deadline.expired())
      return all_finished();
  }
  return true;
}

void QueueEngine::throw_lost(std::uint32_t count) const {
  throw OwnerDied(sentence(count), [engine = *this] { engine.finish_tasks_of_the_dead(); });
}

void QueueEngine::finish_tasks_of_the_dead() const {
  const QueueView queue = view_of(reference_, *state_);
  {
    const QueueLock lock = lock_consumers(queue);
    consumers_of(queue).for_each([&](ConsumerEntry& entry) {
      if (is_dead(queue, participant_of(entry)))
        entry.done.store(entry.taken.load(std::memory_order_relaxed), std::memory_order_seq_cst);
    });
  }
  sync::wake_all(state_->tables.joiners);
}

void record_lost(const QueueView& queue, std::uint32_t participant, std::uint32_t count) {
  QueueTables& tables = queue.state.tables;
  const std::uint64_t pid =
      static_cast<std::uint32_t>(queue.session.pid_of(arena::ParticipantId::from_bits(participant)));
  // Computed once, stored as often as repair is begun.
  if (tables.pending_lost_place.load(std::memory_order_acquire) == 0) {
    std::size_t index = 0;
    const auto word_at = [&] { return tables.lost[index].load(std::memory_order_relaxed); };
    while (index + 1 < tables.lost.size() && word_at() != 0 && word_at() >> 32 != pid) ++index;
    const bool is_shared = word_at() != 0 && word_at() >> 32 != pid;
    const std::uint64_t total = (word_at() & UINT32_MAX) + count;
    tables.pending_lost.store((is_shared ? 0 : pid) << 32 | total, std::memory_order_relaxed);
    tables.pending_lost_place.store(static_cast<std::uint32_t>(index + 1), std::memory_order_release);
  }
  os::crash_point("queue.recover.loss_computed");
  tables.lost[tables.pending_lost_place.load(std::memory_order_relaxed) - 1].store(
      tables.pending_lost.load(std::memory_order_relaxed), std::memory_order_relaxed);
}

std::vector<LostMessages> QueueEngine::lost() const {
  const QueueView queue = view_of(reference_, *state_);
  const QueueLock lock = lock_consumers(queue);
  std::vector<LostMessages> lost;
  consumers_of(queue).for_each([&](const ConsumerEntry& entry) {
    if (entry.debt() != 0 && is_dead(queue, participant_of(entry)))
      lost.push_back(
          {queue.session.pid_of(arena::ParticipantId::from_bits(participant_of(entry))), entry.debt()});
  });
  for (const auto& place : state_->tables.lost)
    if (const std::uint64_t word = place.load(std::memory_order_relaxed); word != 0)
      lost.push_back({static_cast<pid_t>(word >> 32), static_cast<std::size_t>(word & UINT32_MAX)});
  return lost;
}

}  // namespace procyon::channel
