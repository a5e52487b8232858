// Queue and JoinableQueue of a server: a queue in its session's memory. Clients of the session open it and use it there, as
// mp::Queue; for others the server puts and gets, messages being bytes to it.
//
// A message for a client outside the session is taken on lease, so none is lost on the way to a client that is gone. Of a
// Queue it is acknowledged when the answer goes out. Of a JoinableQueue the client holds the lease until its task_done(), and
// when that client is gone, what it had not finished is given to others.
//
// To a get that was begun messages are lent, by a number of the client's: it takes them, or gives them back when nobody wants
// the result any more. Its cancel and its give_back come one behind the other, so after both there is no such loan; and all
// of a client's end with it.
//
// Messages with objects of the session's memory in them cannot leave the session: the client is told so, and the message goes
// to whoever asks next.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "manager/aside_waits.hpp"
#include "manager/methods.hpp"
#include "procyon/detail/channel/queue_engine.hpp"
#include "procyon/owner_died.hpp"

namespace procyon::manager {

class ServedQueue final : public ServedObject {
 public:
  ServedQueue(Loop& loop, std::string type, const arena::ObjectType& object, const QueueOptions& options,
              channel::QueueEngine::Kind kind)
      : type_(std::move(type)),
        engine_(object, options, kind),
        puts_(loop, *this),
        gets_(loop, *this),
        joins_(loop, *this) {}
  static ServedPointer make(Loop& loop, IncomingCall& arguments);
  static ServedPointer make_joinable(Loop& loop, IncomingCall& arguments);

  void call(IncomingCall call) override;
  void cancel(ClientId client, std::uint64_t number) override;
  void client_gone(ClientId client) override;
  [[nodiscard]] std::vector<std::string> methods() const override;
  [[nodiscard]] std::string text() const override;
  [[nodiscard]] std::optional<arena::Handle> local() const override { return engine_.reference().handle(); }

 private:
  static const Method<ServedQueue> methods_[];
  using Message = std::vector<std::byte>;
  struct Leased {
    std::vector<Message> messages;
    std::vector<channel::LeasedMessage> leases;
  };

  void put(IncomingCall& call);
  void put_many(IncomingCall& call);
  void get_many(IncomingCall& call);
  void lend_many(IncomingCall& call);
  void take(IncomingCall& call);
  void give_back(IncomingCall& call);
  void task_done(IncomingCall& call);
  void join(IncomingCall& call);
  void forgive_lost(IncomingCall& call);
  void size(IncomingCall& call);
  void full(IncomingCall& call);
  void options(IncomingCall& call);

  bool put_now(const Message& message);
  bool join_now(IncomingCall& call);
  /// `try_now` replies, if there are messages.
  void wait_for_messages(IncomingCall& call, std::int64_t timeout,
                         std::function<bool(IncomingCall&)> try_now);
  Leased lease(std::uint64_t most);
  bool lease_one(Leased& leased);
  void hand_over(ClientId client, std::span<const channel::LeasedMessage> leases);
  void give_back_all(std::span<const channel::LeasedMessage> leases);

  std::string type_;
  channel::QueueEngine engine_;
  AsideWaits puts_;
  AsideWaits gets_;
  AsideWaits joins_;
  // Of a JoinableQueue: what the clients have taken; what somebody in the session had taken when it died, once told.
  std::map<ClientId, std::deque<channel::LeasedMessage>> unfinished_;
  // By the client and its number.
  std::map<std::pair<ClientId, std::uint64_t>, std::vector<channel::LeasedMessage>> loans_;
  std::optional<OwnerDied> lost_;
};

}  // namespace procyon::manager
