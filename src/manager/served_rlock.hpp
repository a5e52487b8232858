// RLock and Condition of a server: objects of its loop, used through proxies alone.
//
// A Condition has an OwnedLock of its own, or shares that of an RLock: then both, and further Conditions on it, are handles
// of one lock. A thread that took it through one may use it through all, and the lock lives as long as any of them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "manager/methods.hpp"
#include "manager/owned_lock.hpp"

namespace procyon::manager {

class ServedRLock final : public ServedObject {
 public:
  explicit ServedRLock(Loop& loop) : lock_(std::make_shared<OwnedLock>(loop)) {}
  static ServedPointer make(Loop& loop, IncomingCall& arguments);

  void call(IncomingCall call) override;
  void cancel(ClientId client, std::uint64_t number) override { lock_->cancel(client, number); }
  void client_gone(ClientId client) override { lock_->client_gone(client); }
  [[nodiscard]] std::vector<std::string> methods() const override;
  [[nodiscard]] std::string text() const override;

  /// For a Condition that shares it.
  [[nodiscard]] const std::shared_ptr<OwnedLock>& lock() const { return lock_; }

 private:
  static const Method<ServedRLock> methods_[];

  void acquire(IncomingCall& call);
  void release(IncomingCall& call);
  void locked(IncomingCall& call);
  void recover(IncomingCall& call);
  void give_back(IncomingCall& call);

  const std::shared_ptr<OwnedLock> lock_;
};

/// Who waits is notified in the order of coming, and takes the lock again in the order of being notified.
class ServedCondition final : public ServedObject {
 public:
  ServedCondition(Loop& loop, std::shared_ptr<OwnedLock> lock) : lock_(std::move(lock)), waiting_(loop) {}
  /// Its argument, if there is one: the RLock whose lock it shares. Throws std::invalid_argument for anything else.
  static ServedPointer make(Loop& loop, IncomingCall& call);

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

  const std::shared_ptr<OwnedLock> lock_;
  WaitingCalls<std::uint32_t> waiting_;  // with how often each had taken the lock
};

}  // namespace procyon::manager
