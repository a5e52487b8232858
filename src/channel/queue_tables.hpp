// The tables of queue_tables_format.hpp: finding entries, growing, and what the queue's parts do with them.
#pragma once

#include <new>
#include <optional>
#include <utility>

#include "channel/queue_parts.hpp"
#include "procyon/detail/os/crash_point.hpp"

namespace procyon::channel {

/// One table of a queue, used under the lock that it belongs to.
template <class Entry>
class Table {
 public:
  Table(const QueueView& queue, TableHead& head) : queue_(queue), head_(head) {}

  [[nodiscard]] bool exists() const { return head_.first.load(std::memory_order_relaxed) != 0; }

  /// The first entry for which `matches(entry)`; null if there is none.
  template <class Predicate>
  Entry* find(Predicate matches) const {
    for (Block* block = at(head_.first); block != nullptr; block = at(block->next))
      for (Entry& entry : block->entries)
        if (matches(entry)) return &entry;
    return nullptr;
  }
  template <class Visitor>
  void for_each(Visitor visit) const {
    find([&](Entry& entry) { return visit(entry), false; });
  }
  /// The same, after the table has grown if need be. Throws SessionError when shared memory is exhausted.
  template <class Predicate>
  Entry& find_or_grow(Predicate matches) {
    Entry* entry = find(matches);
    return entry != nullptr ? *entry : grow().entries.front();
  }

  /// Settles what a death in grow() left.
  void recover() {
    const std::uint64_t pending = head_.pending.load(std::memory_order_acquire);
    if (pending == 0) return;
    if (last_link().second != pending) queue_.session.release(arena::Handle::from_bits(pending));
    os::crash_point("queue.recover.table_settled");
    head_.pending.store(0, std::memory_order_release);
  }

 private:
  struct Block {
    static constexpr std::size_t bytes = 1024;
    static constexpr std::size_t entry_count = (bytes - 64) / sizeof(Entry);
    alignas(64) std::atomic<std::uint64_t> next{0};
    alignas(64) std::array<Entry, entry_count> entries{};
  };
  using Link = std::atomic<std::uint64_t>;

  Block* at(const Link& link) const {
    const std::uint64_t handle = link.load(std::memory_order_acquire);
    if (handle == 0) return nullptr;
    return reinterpret_cast<Block*>(queue_.session.base() + arena::Handle::from_bits(handle).offset());
  }

  // The link that ends the chain, and what the one before it says: the handle of the last block.
  std::pair<Link*, std::uint64_t> last_link() const {
    Link* link = &head_.first;
    std::uint64_t last = 0;
    while (Block* block = at(*link)) {
      last = link->load(std::memory_order_relaxed);
      link = &block->next;
    }
    return {link, last};
  }

  Block& grow() {
    const arena::Handle handle = queue_.session.allocate(sizeof(Block));
    auto* block = new (queue_.session.bytes(handle)) Block;
    head_.pending.store(handle.bits(), std::memory_order_release);
    os::crash_point("queue.table.block_pending");
    queue_.session.hand_to(handle, queue_.self);
    os::crash_point("queue.table.block_held");
    last_link().first->store(handle.bits(), std::memory_order_release);
    os::crash_point("queue.table.linked");
    head_.pending.store(0, std::memory_order_release);
    return *block;
  }

  const QueueView& queue_;
  TableHead& head_;
};

inline Table<ProducerEntry> producers_of(const QueueView& queue) {
  return {queue, queue.state.tables.producers};
}
inline Table<ConsumerEntry> consumers_of(const QueueView& queue) {
  return {queue, queue.state.tables.consumers};
}
inline Table<LeaseEntry> leases_of(const QueueView& queue) { return {queue, queue.state.tables.leases}; }

/// Bits of this process's ParticipantId.
inline std::uint32_t own_participant() { return static_cast<std::uint32_t>(arena::self_word() >> 32); }
/// Whether a process of the session is dead. False for nobody.
inline bool is_dead(const QueueView& queue, std::uint32_t participant) {
  return participant != 0 && !queue.session.alive(arena::ParticipantId::from_bits(participant));
}

// Under put_lock.

/// Enters this process among the producers, once.
void register_producer(const QueueView& queue);

// Under get_lock.

/// The entry of this process among the consumers.
ConsumerEntry& own_consumer(const QueueView& queue);
/// Settles what a dead consumer left in the tables.
void recover_tables(const QueueView& queue);
/// Settles the leases that it left half made; the participant that was taking a returned message, if one was.
std::optional<std::uint32_t> recover_leases(const QueueView& queue);
/// Frees the message that it was taking.
void free_taken_lease(const QueueView& queue);
/// Makes what dead holders have on lease `returned`.
void return_leases_of_the_dead(const QueueView& queue);
/// Messages that wait to be given to somebody again.
std::uint32_t returned_messages(const QueueView& queue);
/// The claimed number of taken messages becomes the consumer's.
void count_claimed_task(const QueueView& queue);
/// Adds to what lost() tells.
void record_lost(const QueueView& queue, std::uint32_t participant, std::uint32_t count);

// Without a lock.

/// Messages that were put and are not finished. Exact under put_lock.
std::uint32_t unfinished_messages(const QueueView& queue);
/// After a message was finished.
void wake_joiners(QueueState& state);

}  // namespace procyon::channel
