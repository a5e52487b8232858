// QueueProxy and JoinableQueueProxy: a queue of a manager's server, for processes that need not be of one program or machine.
//
//   mp::Manager manager({.address = "tcp://0.0.0.0:50000"});
//   auto jobs = manager.Queue<Job>();
//   manager.share("jobs", jobs);
//   jobs.put(Job{...});
//   // in another program: remote.find<mp::QueueProxy<Job>>("jobs").get()
//   auto next = jobs.async().get();                       // asked for; next.get() waits (manager_result.hpp)
//
// An mp::Queue in the memory of its server's session (queue.hpp): processes of that session use it there, without the server,
// and local() gives it to them, with leases, views and wait(). Others put and get through the server, and so do async() and
// batches, everywhere: such messages cannot have shared objects in them (the client is told, and the message stays). Such
// clients count as one producer. What was put at once may come before what was begun earlier.
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
#include <memory>
#include <optional>
#include <ranges>
#include <string>
#include <utility>
#include <vector>

#include "procyon/detail/manager/calls.hpp"
#include "procyon/joinable_queue.hpp"

namespace procyon {

namespace manager {

using QueueMessage = std::vector<std::byte>;

// A proxy inside it goes with its server's address, as anywhere: the consumer may be in the session, or not.
template <class T>
QueueMessage encode_message(const T& item) {
  wire::Writer writer;
  wire::write(writer, item);
  return {writer.bytes().begin(), writer.bytes().end()};
}
template <class T>
T decode_message(const QueueMessage& message) {
  wire::Reader reader(message);
  return wire::read<T>(reader);
}

/// Throws Full, with the bounds of the queue.
[[noreturn]] void throw_full(const ObjectReference& queue);

/// What a proxy that waits has beyond QueueCalls; messages are bytes.
class QueueMethods : public AtOnce {
 protected:
  using AtOnce::AtOnce;

  /// In order, waiting for room for each until that time; how many were put.
  std::size_t put_all(const std::vector<QueueMessage>& messages, WaitingTime time) const;
  /// Waits for one; none if there was none in time.
  [[nodiscard]] std::vector<QueueMessage> get_bytes(std::size_t most, WaitingTime time) const;
  void finish_one() const;
  bool join_in(WaitingTime time) const;
};

/// Begins a get: messages on loan, which get() of the answer takes, and dropping it leaves in the queue.
std::unique_ptr<PendingAnswer> begin_get(const ObjectReference& queue, std::size_t most, WaitingTime time);

}  // namespace manager

/// The methods of a queue that are one call each, through the server: begun by async(), in a batch by Batch::on()
/// (detail/manager/calls.hpp). Result<R> is an R, a ManagerResult<R>, or its place in the batch.
template <class T, class How>
class QueueCalls : public How {
 public:
  template <class R>
  using Result = typename How::template Result<R>;
  using How::How;

  /// Puts a message, waiting for room if the queue is bounded.
  Result<void> put(const T& item) const { return put_within(item, manager::WaitingTime::for_ever()); }
  /// The same, but throws Full if there is no room for `timeout`.
  template <class Rep, class Period>
  Result<void> put(const T& item, std::chrono::duration<Rep, Period> timeout) const {
    return put_within(item, manager::WaitingTime::of(timeout));
  }
  Result<void> put_nowait(const T& item) const { return put(item, std::chrono::seconds(0)); }

  [[nodiscard]] Result<std::size_t> qsize() const { return this->call("size()->u64", manager::ReadSize{}); }
  [[nodiscard]] Result<bool> empty() const { return this->call("size()->u64", manager::ReadIsZero{}); }
  [[nodiscard]] Result<bool> full() const { return this->call("full()->bool", manager::ReadPlain<bool>{}); }

 private:
  struct ReadPut {
    manager::ObjectReference queue;
    void operator()(manager::ValueReader& answer) const {
      if (!answer.get<bool>()) manager::throw_full(queue);
    }
  };
  Result<void> put_within(const T& item, manager::WaitingTime time) const {
    return this->call_waiting(time, "put(bytes,i64)->bool", ReadPut{this->object_reference()},
                              manager::encode_message(item));
  }
};

/// What QueueProxy::async() has: the methods of QueueCalls, and get().
///
/// A message that was got by a call that was begun is on loan until get() of its result takes it: when the result is dropped,
/// or this process ends before, it goes to whoever asks next. If the connection breaks just as get() takes it, another may
/// get it, too.
template <class T>
class BegunQueueCalls : public QueueCalls<T, manager::Begun> {
 public:
  using QueueCalls<T, manager::Begun>::QueueCalls;

  /// Takes the next message, waiting for one. In the order in which they were begun.
  [[nodiscard]] ManagerResult<T> get() const { return get_within(manager::WaitingTime::for_ever()); }
  /// The same, but ends with Empty if none comes for `timeout`.
  template <class Rep, class Period>
  [[nodiscard]] ManagerResult<T> get(std::chrono::duration<Rep, Period> timeout) const {
    return get_within(manager::WaitingTime::of(timeout));
  }
  /// Waits for a message and takes it with those behind it that are there already, `most` at most.
  [[nodiscard]] ManagerResult<std::vector<T>> get_many(std::size_t most) const {
    return {manager::begin_get(this->object_reference(), most, manager::WaitingTime::for_ever()),
            manager::read_by(ReadAll{})};
  }

 private:
  struct ReadAll {
    std::vector<T> operator()(manager::ValueReader& answer) const {
      std::vector<T> items;
      for (const auto& message : answer.get<std::vector<manager::QueueMessage>>())
        items.push_back(manager::decode_message<T>(message));
      return items;
    }
  };
  struct ReadOne {
    T operator()(manager::ValueReader& answer) const {
      std::vector<T> items = ReadAll{}(answer);
      if (items.empty()) channel::throw_queue_empty();
      return std::move(items.front());
    }
  };
  [[nodiscard]] ManagerResult<T> get_within(manager::WaitingTime time) const {
    return {manager::begin_get(this->object_reference(), 1, time), manager::read_by(ReadOne{})};
  }
};

/// `Local`: the class for processes of the session.
template <class T, class Local>
class BasicQueueProxy : public QueueCalls<T, manager::QueueMethods> {
  using Remote = QueueCalls<T, manager::QueueMethods>;

 public:
  using value_type = T;
  template <class How>
  using Calls = QueueCalls<T, How>;

  explicit BasicQueueProxy(manager::ObjectReference object) : Remote(std::move(object)) {
    wire::check_transferable<T>();
    if (arena::Reference found = this->find_local(this->object_reference())) local_.emplace(std::move(found));
  }

  // Putting -----------------------------------------------------------------------------------------------------

  /// Puts a message, waiting for room if the queue is bounded.
  void put(const T& item) const { local_ ? local_->put(item) : Remote::put(item); }
  /// The same, but throws Full if there is no room for `timeout`.
  template <class Rep, class Period>
  void put(const T& item, std::chrono::duration<Rep, Period> timeout) const {
    local_ ? local_->put(item, timeout) : Remote::put(item, timeout);
  }
  void put_nowait(const T& item) const { put(item, std::chrono::seconds(0)); }
  /// Puts each of `items`, in order: one message to the server for many.
  template <std::ranges::input_range Items>
  void put_many(Items&& items) const {
    if (local_) return local_->put_many(std::forward<Items>(items));
    this->put_all(encode_all(items), manager::WaitingTime::for_ever());
  }
  /// The same for at most `timeout`; returns how many were put.
  template <std::ranges::input_range Items, class Rep, class Period>
  std::size_t put_many(Items&& items, std::chrono::duration<Rep, Period> timeout) const {
    if (local_) return local_->put_many(std::forward<Items>(items), timeout);
    return this->put_all(encode_all(items), manager::WaitingTime::of(timeout));
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
    return local_ ? local_->get_many(most)
                  : decode_all(this->get_bytes(most, manager::WaitingTime::for_ever()));
  }
  /// The same; nothing if none comes for `timeout`.
  template <class Rep, class Period>
  [[nodiscard]] std::vector<T> get_many(std::size_t most, std::chrono::duration<Rep, Period> timeout) const {
    return local_ ? local_->get_many(most, timeout)
                  : decode_all(this->get_bytes(most, manager::WaitingTime::of(timeout)));
  }

  // Looking -----------------------------------------------------------------------------------------------------

  [[nodiscard]] std::size_t qsize() const { return local_ ? local_->qsize() : Remote::qsize(); }
  [[nodiscard]] bool empty() const { return qsize() == 0; }
  [[nodiscard]] bool full() const { return local_ ? local_->full() : Remote::full(); }

  /// The queue itself, if it lies in this process's session.
  [[nodiscard]] const std::optional<Local>& local() const { return local_; }

 protected:
  mutable std::optional<Local> local_;

 private:
  using Message = manager::QueueMessage;

  template <class Items>
  static std::vector<Message> encode_all(Items& items) {
    std::vector<Message> messages;
    for (const T& item : items) messages.push_back(manager::encode_message(item));
    return messages;
  }
  static std::vector<T> decode_all(const std::vector<Message>& messages) {
    std::vector<T> items;
    for (const Message& message : messages) items.push_back(manager::decode_message<T>(message));
    return items;
  }
  [[nodiscard]] std::optional<T> take_one(manager::WaitingTime time) const {
    const std::vector<Message> messages = this->get_bytes(1, time);
    return messages.empty() ? std::nullopt : std::optional<T>(manager::decode_message<T>(messages.front()));
  }
};

template <class T>
class QueueProxy : public BasicQueueProxy<T, Queue<T>> {
 public:
  static consteval auto procyon_type() { return manager::type_text<T>(manager::signature::Text("Queue")); }
  using BasicQueueProxy<T, Queue<T>>::BasicQueueProxy;

  /// Calls that are sent to the server without waiting, also within its session: they return ManagerResults.
  [[nodiscard]] BegunQueueCalls<T> async() const { return BegunQueueCalls<T>(this->object_reference()); }
};

template <class T>
class JoinableQueueProxy : public BasicQueueProxy<T, JoinableQueue<T>> {
 public:
  static consteval auto procyon_type() {
    return manager::type_text<T>(manager::signature::Text("JoinableQueue"));
  }
  using BasicQueueProxy<T, JoinableQueue<T>>::BasicQueueProxy;

  /// As QueueProxy's, without get(): who is to call task_done() would be the server in the session, and the client outside.
  [[nodiscard]] QueueCalls<T, manager::Begun> async() const {
    return QueueCalls<T, manager::Begun>(this->object_reference());
  }

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
