// SimpleQueue: put, get and empty, and nothing else.
//
//   mp::SimpleQueue<std::string> lines;
//   lines.put("hello");
//   std::string line = lines.get();
//
// A Queue without a bound and without its other functions, for programs that come from Python; put() never waits. Passing
// it on is passing the same queue on. Not for anything that may have to give up waiting: Queue.
#pragma once

#include <utility>

#include "procyon/queue.hpp"

namespace procyon {

template <class T>
class SimpleQueue {
 public:
  using procyon_shared_object = void;
  using value_type = T;

  SimpleQueue() = default;
  /// For the library: another reference to a queue.
  explicit SimpleQueue(arena::Reference reference) : queue_(std::move(reference)) {}

  /// Puts a message. Throws what serialising it throws, and SessionError when shared memory is exhausted.
  void put(const T& item) { queue_.put(item); }
  /// Takes the next message, waiting for one. Throws DecodeError.
  [[nodiscard]] T get() { return queue_.get(); }
  [[nodiscard]] bool empty() const { return queue_.empty(); }
  /// This object puts and gets no more: std::logic_error.
  void close() { queue_.close(); }

  /// As of Queue: for event loops, and for wait().
  [[nodiscard]] int fileno() const { return queue_.fileno(); }
  [[nodiscard]] sync::WaitTarget wait_target() const { return queue_.wait_target(); }

  [[nodiscard]] const arena::Reference& reference() const { return queue_.reference(); }

 private:
  Queue<T> queue_;
};

}  // namespace procyon
