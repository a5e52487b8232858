// QueueProxy and JoinableQueueProxy: a queue of a manager's server, for processes that need not be of one program or machine.
//
//   mp::Manager manager({.address = "tcp://0.0.0.0:50000"});
//   auto jobs = manager.Queue<Job>();
//   manager.share("jobs", jobs);
//   jobs.put(Job{...});
//   // in another program: remote.find<mp::QueueProxy<Job>>("jobs").get()
//
// An mp::Queue in the memory of its server's session (queue.hpp): processes of that session use it there, without the server,
// and local() gives it to them, with leases, views and wait(). Others put and get through the server; messages with shared
// objects in them cannot leave the session (the client is told, and the message stays). Such clients count as one producer.
//
// Of a JoinableQueue, a message that a client outside the session has taken and not finished by task_done() is given to another
// when that client ends. (Within the session join() throws OwnerDied for it, as with mp::JoinableQueue, unless it was taken
// by get_lease().)
//
// A proxy is a reference: copies, and what arrives in another process, are the same queue. To be used by any thread. Within one
// program an mp::Queue needs no server.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <ranges>
#include <string>
#include <utility>
#include <vector>

#include "procyon/detail/manager/standard_proxy.hpp"
#include "procyon/joinable_queue.hpp"

namespace procyon {

namespace manager {

/// The methods of a server's queue: messages are bytes.
class QueueMethods : public StandardProxy {
 public:
  using Message = std::vector<std::byte>;

 protected:
  explicit QueueMethods(ObjectReference object) : StandardProxy(std::move(object)) {}

  /// Throws Full.
  void put_bytes(const Message& message, WaitingTime time) const;
  /// In order, waiting for room for each until that time; how many were put.
  std::size_t put_all(const std::vector<Message>& messages, WaitingTime time) const;
  /// Waits for one; none if there was none in time.
  [[nodiscard]] std::vector<Message> get_bytes(std::size_t most, WaitingTime time) const;
  void finish_one() const;
  bool join_in(WaitingTime time) const;
  [[nodiscard]] std::size_t count() const;
  [[nodiscard]] bool is_full() const;
};

}  // namespace manager

/// `Local`: the class for processes of the session.
template <class T, class Local>
class BasicQueueProxy : public manager::QueueMethods {
 public:
  using value_type = T;

  explicit BasicQueueProxy(manager::ObjectReference object) : QueueMethods(std::move(object)) {
    wire::check_transferable<T>();
    if (arena::Reference found = find_local(object_reference())) local_.emplace(std::move(found));
  }

  // Putting -----------------------------------------------------------------------------------------------------

  /// Puts a message, waiting for room if the queue is bounded.
  void put(const T& item) const {
    local_ ? local_->put(item) : put_bytes(encode(item), manager::WaitingTime::for_ever());
  }
  /// The same, but throws Full if there is no room for `timeout`.
  template <class Rep, class Period>
  void put(const T& item, std::chrono::duration<Rep, Period> timeout) const {
    local_ ? local_->put(item, timeout) : put_bytes(encode(item), manager::WaitingTime::of(timeout));
  }
  void put_nowait(const T& item) const { put(item, std::chrono::seconds(0)); }
  /// Puts each of `items`, in order: one message to the server for many.
  template <std::ranges::input_range Items>
  void put_many(Items&& items) const {
    if (local_) return local_->put_many(std::forward<Items>(items));
    put_all(encode_all(items), manager::WaitingTime::for_ever());
  }
  /// The same for at most `timeout`; returns how many were put.
  template <std::ranges::input_range Items, class Rep, class Period>
  std::size_t put_many(Items&& items, std::chrono::duration<Rep, Period> timeout) const {
    if (local_) return local_->put_many(std::forward<Items>(items), timeout);
    return put_all(encode_all(items), manager::WaitingTime::of(timeout));
  }

  // Taking ------------------------------------------------------------------------------------------------------

  /// Takes the next message, waiting for one.
  [[nodiscard]] T get() const { return local_ ? local_->get() : *take_one(manager::WaitingTime::for_ever()); }
  /// The same, but throws Empty if none comes for `timeout`.
  template <class Rep, class Period>
  [[nodiscard]] T get(std::chrono::duration<Rep, Period> timeout) const {
    std::optional<T> item = try_get(timeout);
    if (!item) channel::throw_queue_empty();
    return *std::move(item);
  }
  [[nodiscard]] T get_nowait() const { return get(std::chrono::seconds(0)); }
  /// The next message, or nothing if there is none (for `timeout`).
  [[nodiscard]] std::optional<T> try_get() const { return try_get(std::chrono::seconds(0)); }
  template <class Rep, class Period>
  [[nodiscard]] std::optional<T> try_get(std::chrono::duration<Rep, Period> timeout) const {
    return local_ ? local_->try_get(timeout) : take_one(manager::WaitingTime::of(timeout));
  }
  /// Waits for a message and takes it with those behind it that are there already, `most` at most.
  [[nodiscard]] std::vector<T> get_many(std::size_t most) const {
    return local_ ? local_->get_many(most) : decode_all(get_bytes(most, manager::WaitingTime::for_ever()));
  }
  /// The same; nothing if none comes for `timeout`.
  template <class Rep, class Period>
  [[nodiscard]] std::vector<T> get_many(std::size_t most, std::chrono::duration<Rep, Period> timeout) const {
    return local_ ? local_->get_many(most, timeout)
                  : decode_all(get_bytes(most, manager::WaitingTime::of(timeout)));
  }

  // Looking -----------------------------------------------------------------------------------------------------

  [[nodiscard]] std::size_t qsize() const { return local_ ? local_->qsize() : count(); }
  [[nodiscard]] bool empty() const { return qsize() == 0; }
  [[nodiscard]] bool full() const { return local_ ? local_->full() : is_full(); }

  /// The queue itself, if it lies in this process's session.
  [[nodiscard]] const std::optional<Local>& local() const { return local_; }

 protected:
  mutable std::optional<Local> local_;

 private:
  // A proxy inside it goes with its server's address, as anywhere: the consumer may be in the session, or not.
  static Message encode(const T& item) {
    wire::Writer writer;
    wire::write(writer, item);
    return {writer.bytes().begin(), writer.bytes().end()};
  }
  template <class Items>
  static std::vector<Message> encode_all(Items& items) {
    std::vector<Message> messages;
    for (const T& item : items) messages.push_back(encode(item));
    return messages;
  }
  static T decode(const Message& message) {
    wire::Reader reader(message);
    return wire::read<T>(reader);
  }
  static std::vector<T> decode_all(const std::vector<Message>& messages) {
    std::vector<T> items;
    for (const Message& message : messages) items.push_back(decode(message));
    return items;
  }
  [[nodiscard]] std::optional<T> take_one(manager::WaitingTime time) const {
    const std::vector<Message> messages = get_bytes(1, time);
    return messages.empty() ? std::nullopt : std::optional<T>(decode(messages.front()));
  }
};

template <class T>
class QueueProxy : public BasicQueueProxy<T, Queue<T>> {
 public:
  static consteval auto procyon_type() { return manager::type_text<T>(manager::signature::Text("Queue")); }
  using BasicQueueProxy<T, Queue<T>>::BasicQueueProxy;
};

template <class T>
class JoinableQueueProxy : public BasicQueueProxy<T, JoinableQueue<T>> {
 public:
  static consteval auto procyon_type() {
    return manager::type_text<T>(manager::signature::Text("JoinableQueue"));
  }
  using BasicQueueProxy<T, JoinableQueue<T>>::BasicQueueProxy;

  /// One message that was taken is finished. Throws std::logic_error if nobody owes any.
  void task_done() const { this->local_ ? this->local_->task_done() : this->finish_one(); }
  /// Waits until every message that was put is finished. Throws OwnerDied as JoinableQueue does.
  void join() const {
    this->local_ ? this->local_->join() : void(this->join_in(manager::WaitingTime::for_ever()));
  }
  /// The same for at most `timeout`; false if not all are finished by then.
  template <class Rep, class Period>
  [[nodiscard]] bool join(std::chrono::duration<Rep, Period> timeout) const {
    return this->local_ ? this->local_->join(timeout) : this->join_in(manager::WaitingTime::of(timeout));
  }
};

}  // namespace procyon
