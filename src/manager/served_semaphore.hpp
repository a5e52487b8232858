// Semaphore and BoundedSemaphore of a server.
//
// A permit belongs to the client that took it, and comes back when that is gone; what was taken by acquire() belongs to
// nobody, and does not (semaphore.hpp says why).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "manager/methods.hpp"
#include "manager/waiting_calls.hpp"

namespace procyon::manager {

class ServedSemaphore final : public ServedObject {
 public:
  ServedSemaphore(Loop& loop, std::uint64_t value, bool is_bounded)
      : waiting_(loop), value_(value), bound_(is_bounded ? std::optional(value) : std::nullopt) {}
  static ServedPointer make(Loop& loop, IncomingCall& arguments);
  static ServedPointer make_bounded(Loop& loop, IncomingCall& arguments);

  void call(IncomingCall call) override;
  void cancel(ClientId client, std::uint64_t number) override;
  void client_gone(ClientId client) override;
  [[nodiscard]] std::vector<std::string> methods() const override;
  [[nodiscard]] std::string text() const override;

 private:
  static const Method<ServedSemaphore> methods_[];
  enum class Taken : std::uint8_t { for_anybody, as_permit };

  void acquire(IncomingCall& call);
  void release(IncomingCall& call);
  void take_permit(IncomingCall& call);
  void return_permit(IncomingCall& call);
  void value(IncomingCall& call);

  void take(IncomingCall& call, os::Deadline deadline, Taken taken);
  void give(IncomingCall& call, Taken taken);
  void add(std::uint64_t count);
  [[nodiscard]] const char* name() const { return bound_ ? "BoundedSemaphore" : "Semaphore"; }

  WaitingCalls<Taken> waiting_;
  std::uint64_t value_;
  std::optional<std::uint64_t> bound_;
  std::map<ClientId, std::uint64_t> permits_;
};

}  // namespace procyon::manager
