// A Link as requests of the protocol (protocol.hpp) through an Exchange: what the connection of a client and the server's own
// link have in common.
//
// All functions may be called from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "manager/exchange.hpp"
#include "procyon/detail/manager/link.hpp"

namespace procyon::manager {

class RequestLink : public Link {
 public:
  Answer call(ObjectId object, MethodId method, std::span<const std::byte> arguments,
              std::span<const ObjectReference> objects, os::Deadline deadline) override;
  std::unique_ptr<PendingAnswer> begin(ObjectId object, MethodId method, std::span<const std::byte> arguments,
                                       std::span<const ObjectReference> objects) override;
  std::vector<BatchOutcome> call_many(std::span<const BatchCall> calls, os::Deadline deadline) override;
  ObjectReference create(std::string_view type, std::span<const std::byte> arguments,
                         std::span<const ObjectReference> objects) override;
  ObjectReference find(std::string_view name) override;
  ObjectDescription describe(ObjectId object) override;
  std::vector<std::string> methods(ObjectId object) override;
  std::uint64_t lease(ObjectId object) override;
  ObjectReference claim(ObjectId object, std::uint64_t lease) override;
  [[nodiscard]] bool is_in_session() const override;

  // For BaseManager.
  void share(std::string_view name, const ObjectReference& object);
  /// Asks whether the server is there.
  void ping(os::Deadline deadline);
  /// Asks the server to end. Returns when it has said that it will.
  void shut_down(os::Deadline deadline);
  std::uint64_t number_of_objects();
  std::string debug_info();

 protected:
  /// The present connection. Throws ManagerGone if there is none and none can be had.
  [[nodiscard]] virtual std::shared_ptr<Exchange> exchange() const = 0;
  /// Waits for the answer to `attach`: one reference, counted for the connection.
  static void take_attached(Exchange& exchange, PendingCall& call);
  /// A call's answer did not come and the server does not say that it gives it up.
  virtual void give_up(Exchange& exchange, const std::string& why) = 0;

 private:
  class Pending;
  struct Sent {
    std::shared_ptr<Exchange> exchange;
    std::shared_ptr<PendingCall> call;
  };

  Sent send_call(ObjectId object, MethodId method, std::span<const std::byte> arguments,
                 std::span<const ObjectReference> objects);
  Answer finish(Exchange& exchange, PendingCall& call, os::Deadline deadline);
  Answer ask(RequestKind kind, std::span<const std::byte> head, std::span<const std::byte> tail = {},
             os::Deadline deadline = os::Deadline::never());
  Answer decode(Exchange& exchange, PendingCall& call);
  ObjectReference ask_for_object(RequestKind kind, std::span<const std::byte> head,
                                 std::span<const std::byte> tail = {});
  std::vector<ObjectReference> references(const Exchange& exchange, const std::vector<ObjectId>& objects);
};

/// A number for the calling thread, as Caller::thread.
std::uint32_t number_of_this_thread();

}  // namespace procyon::manager
