// RLock and Condition of a server: objects of its loop, used through proxies alone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "manager/methods.hpp"
#include "manager/owned_lock.hpp"

namespace procyon::manager {

class ServedRLock final : public ServedObject {
 public:
  explicit ServedRLock(Loop& loop) : lock_(loop) {}
  static ServedPointer make(Loop& loop, IncomingCall& arguments);

  void call(IncomingCall call) override;
  void cancel(ClientId client, std::uint64_t number) override { lock_.cancel(client, number); }
  void client_gone(ClientId client) override { lock_.client_gone(client); }
  [[nodiscard]] std::vector<std::string> methods() const override;
  [[nodiscard]] std::string text() const override;

 private:
  static const Method<ServedRLock> methods_[];

  void acquire(IncomingCall& call);
  void release(IncomingCall& call);
  void locked(IncomingCall& call);
  void recover(IncomingCall& call);
  void give_back(IncomingCall& call);

  OwnedLock lock_;
};

/// Who waits is notified in the order of coming, and takes the lock again in the order of being notified.
class ServedCondition final : public ServedObject {
 public:
  explicit ServedCondition(Loop& loop) : lock_(loop), waiting_(loop) {}
  static ServedPointer make(Loop& loop, IncomingCall& arguments);

  void call(IncomingCall call) override;
  void cancel(ClientId client, std::uint64_t number) override;
  void client_gone(ClientId client) override;
  [[nodiscard]] std::vector<std::string> methods() const override;
  [[nodiscard]] std::string text() const override;

 private:
  static const Method<ServedCondition> methods_[];

  void acquire(IncomingCall& call);
  void release(IncomingCall& call);
  void locked(IncomingCall& call);
  void recover(IncomingCall& call);
  void give_back(IncomingCall& call);
  void wait(IncomingCall& call);
  void notify(IncomingCall& call);

  void require_held(const IncomingCall& call, const char* what) const;

  OwnedLock lock_;
  WaitingCalls<std::uint32_t> waiting_;  // with how often each had taken the lock
};

}  // namespace procyon::manager
