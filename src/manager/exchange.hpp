// The client's side of one connection to a server: requests go out, answers find whoever waits for them.
//
//   auto call = exchange.begin(RequestKind::ping, {}, {});
//   if (exchange.wait(*call, deadline)) use(call->take());
//
// How bytes travel is for those who derive: over a socket (socket_exchange.hpp), or within a server (loopback.hpp). All
// functions may be called from any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "manager/protocol.hpp"
#include "os/socket.hpp"
#include "procyon/detail/os/deadline.hpp"
#include "procyon/detail/os/futex.hpp"

namespace procyon::manager {

/// A call whose answer has not been taken.
struct PendingCall {
  explicit PendingCall(std::uint64_t its_number) : number(its_number) {}

  const std::uint64_t number;
  std::uint64_t likeness =
      0;  // the same for calls that take as long as each other, as far as anybody can know
  std::atomic<bool> done{false};  // set under the exchange's mutex, after `answer`
  os::FutexWord signal{0};        // changes when there is something for its waiter to see
  std::vector<std::byte> answer;  // a frame: AnswerHead and value
};

class Exchange {
 public:
  Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  virtual ~Exchange() = default;

  /// Which connection of this process this is; later ones have greater numbers.
  [[nodiscard]] std::uint64_t number() const { return number_; }
  /// Of the server at the other end.
  [[nodiscard]] virtual std::uint64_t instance() const = 0;
  [[nodiscard]] virtual bool is_in_session() const = 0;
  [[nodiscard]] virtual bool is_gone() = 0;

  /// Sends a request: `head` and `tail`, one behind the other. It uses up `further_numbers` after its own. Throws
  /// ManagerGone.
  std::shared_ptr<PendingCall> begin(RequestKind kind, std::span<const std::byte> head,
                                     std::span<const std::byte> tail, std::uint64_t further_numbers = 0);
  /// Sends a request that is not answered. Throws ManagerGone.
  void tell(RequestKind kind, std::span<const std::byte> body);
  /// True once the answer is there; false if the deadline passed. Throws ManagerGone.
  virtual bool wait(PendingCall& call, os::Deadline deadline) = 0;
  /// Whether the answer is there, or will never be.
  virtual bool is_ready(PendingCall& call) = 0;
  /// The answer has been taken, or is not wanted: if it comes, what it refers to is given back.
  void forget(const PendingCall& call);
  /// One reference less. Never throws; what cannot be sent now goes along with the next request.
  void release(ObjectId object) noexcept;

 protected:
  /// Under sending_: a whole request. `may_wait`: for room in the socket, otherwise it is kept and sent with the next.
  virtual void send(std::span<const std::span<const std::byte>> parts, bool may_wait) = 0;
  /// A frame that has come. Under mutex_. Whom it woke.
  std::shared_ptr<PendingCall> take_answer(std::span<const std::byte> frame);
  /// Gives back what unwanted answers brought. Without locks.
  void give_back_unwanted() noexcept;

  std::mutex mutex_;
  std::unordered_map<std::uint64_t, std::shared_ptr<PendingCall>> calls_;  // guarded by mutex_
  std::vector<ObjectId> unwanted_;                                         // guarded by mutex_
  std::atomic<bool> has_unwanted_{false};
  std::mutex sending_;  // taken before mutex_

 private:
  const std::uint64_t number_;
  std::uint64_t last_call_ = 0;  // guarded by sending_
};

}  // namespace procyon::manager
