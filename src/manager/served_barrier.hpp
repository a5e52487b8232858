// Barrier of a server.
//
// filling (some wait) -- the last arrives --> with an action: acting, in the client of the last one -- done --> filling
// filling or acting -- a time-out, abort(), the end of a client that waits or acts, a failed action --> broken -- reset() -->
// filling. A barrier that nobody waits at is not broken by the end of a client.
//
// Who arrives while the action runs waits for the next round, as if it had come after it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "manager/methods.hpp"
#include "manager/stored_values.hpp"
#include "manager/waiting_calls.hpp"

namespace procyon::manager {

class ServedBarrier final : public ServedObject {
 public:
  /// `action`: a procedure as the clients encode it, empty if there is none.
  ServedBarrier(Loop& loop, std::uint64_t parties, std::int64_t timeout, std::string action)
      : arrived_(loop), early_(loop), parties_(parties), timeout_(timeout), action_(std::move(action)) {}
  static ServedPointer make(Loop& loop, IncomingCall& arguments);

  void call(IncomingCall call) override;
  void cancel(ClientId client, std::uint64_t number) override;
  void client_gone(ClientId client) override;
  [[nodiscard]] std::vector<std::string> methods() const override;
  [[nodiscard]] std::string text() const override;

 private:
  static const Method<ServedBarrier> methods_[];
  using Arrivals = WaitingCalls<os::Deadline>;

  void wait(IncomingCall& call);
  void action_ended(IncomingCall& call);
  void reset(IncomingCall& call);
  void abort(IncomingCall& call);
  void state(IncomingCall& call);

  void arrive(IncomingCall call, os::Deadline deadline);
  void let_go();
  void too_late(Arrivals::Waiter waiter);
  void break_all(const char* why);
  void fail_all(Arrivals& arrivals, const char* why);

  Arrivals arrived_;
  Arrivals early_;  // arrived for the next round, while this one's action runs
  std::uint64_t parties_;
  std::int64_t timeout_;  // nanoseconds of those who give none; negative: none
  std::string action_;
  std::optional<ClientId> acting_;
  bool broken_ = false;
};

}  // namespace procyon::manager
