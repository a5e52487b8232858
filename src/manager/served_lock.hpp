// Lock and Event of a server: objects in its session's memory. Clients of the session open them there and need the server no
// more; for all others the server uses them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "manager/methods.hpp"
#include "manager/remote_lock.hpp"
#include "procyon/event.hpp"
#include "procyon/lock.hpp"

namespace procyon::manager {

class ServedLock final : public ServedObject {
 public:
  explicit ServedLock(Loop& loop)
      : remote_(loop, *this, lock_.reference().get<sync::LockState>().word, RemoteLock::Kind::lock) {}
  static ServedPointer make(Loop& loop, IncomingCall& arguments);

  void call(IncomingCall call) override;
  void cancel(ClientId client, std::uint64_t number) override { remote_.cancel(client, number); }
  void client_gone(ClientId client) override { remote_.client_gone(client); }
  [[nodiscard]] std::vector<std::string> methods() const override;
  [[nodiscard]] std::string text() const override;
  [[nodiscard]] std::optional<arena::Handle> local() const override { return lock_.reference().handle(); }

 private:
  static const Method<ServedLock> methods_[];

  void acquire(IncomingCall& call);
  void release(IncomingCall& call);
  void locked(IncomingCall& call);
  void recover(IncomingCall& call);
  void give_back(IncomingCall& call);

  Lock lock_;
  RemoteLock remote_;
};

class ServedEvent final : public ServedObject {
 public:
  explicit ServedEvent(Loop& loop) : waits_(loop, *this) {}
  static ServedPointer make(Loop& loop, IncomingCall& arguments);

  void call(IncomingCall call) override;
  void cancel(ClientId client, std::uint64_t number) override { waits_.cancel(client, number); }
  void client_gone(ClientId client) override { waits_.client_gone(client); }
  [[nodiscard]] std::vector<std::string> methods() const override;
  [[nodiscard]] std::string text() const override;
  [[nodiscard]] std::optional<arena::Handle> local() const override { return event_.reference().handle(); }

 private:
  static const Method<ServedEvent> methods_[];

  void is_set(IncomingCall& call);
  void set(IncomingCall& call);
  void clear(IncomingCall& call);
  void wait(IncomingCall& call);

  Event event_;
  AsideWaits waits_;
};

}  // namespace procyon::manager
