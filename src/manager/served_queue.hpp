// Queue and JoinableQueue of a server: a queue in its session's memory. Clients of the session open it and use it there, as
// mp::Queue; for others the server puts and gets, messages being bytes to it.
//
// A message for a client outside the session is taken on lease, so none is lost on the way to a client that is gone. Of a
// Queue it is acknowledged when the answer goes out. Of a JoinableQueue the client holds the lease until its task_done(), and
// when that client is gone, what it had not finished is given to others.
//
// Messages with objects of the session's memory in them cannot leave the session: the client is told so, and the message goes
// to whoever asks next.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
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

  void put(IncomingCall& call);
  void put_many(IncomingCall& call);
  void get_many(IncomingCall& call);
  void task_done(IncomingCall& call);
  void join(IncomingCall& call);
  void forgive_lost(IncomingCall& call);
  void size(IncomingCall& call);
  void full(IncomingCall& call);
  void options(IncomingCall& call);

  bool put_now(const Message& message);
  bool get_now(IncomingCall& call, std::uint64_t most);
  bool join_now(IncomingCall& call);
  bool take_on_lease(IncomingCall& call, std::vector<Message>& messages);

  std::string type_;
  channel::QueueEngine engine_;
  AsideWaits puts_;
  AsideWaits gets_;
  AsideWaits joins_;
  // Of a JoinableQueue: what the clients have taken; what somebody in the session had taken when it died, once told.
  std::map<ClientId, std::deque<channel::LeasedMessage>> unfinished_;
  std::optional<OwnerDied> lost_;
};

}  // namespace procyon::manager
