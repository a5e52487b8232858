// A server's own link, for proxies that lie in its process: an object that holds a proxy of another, a method that is given
// one. Requests and answers are those of the protocol; they go through the loop instead of a socket.
//
// To be used by threads aside, or other threads of the process. The loop thread would wait for itself: there it throws
// std::logic_error.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "manager/request_link.hpp"
#include "manager/served_client.hpp"

namespace procyon::manager {

class Server;

/// Between the threads and the loop.
class LoopbackExchange final : public Exchange {
 public:
  explicit LoopbackExchange(Server& server);

  [[nodiscard]] std::uint64_t instance() const override { return instance_; }
  [[nodiscard]] bool is_in_session() const override { return true; }
  [[nodiscard]] bool is_gone() override;
  bool wait(PendingCall& call, os::Deadline deadline) override;
  bool is_ready(PendingCall& call) override;

  /// On the loop thread.
  void take(std::span<const std::byte> frame);
  /// The server is gone.
  void detach();

 private:
  void send(std::span<const std::span<const std::byte>> parts, bool may_wait) override;
  void throw_if_gone();

  const std::uint64_t instance_;
  std::mutex attached_;
  Server* server_;  // guarded by attached_; null once it is gone
};

/// The server's side of it.
class LocalClient final : public ServedClient {
 public:
  LocalClient(ClientId id, std::shared_ptr<LoopbackExchange> exchange)
      : ServedClient(id), exchange_(std::move(exchange)) {}
  [[nodiscard]] std::string name() const override { return "the server itself"; }
  void answer(std::uint64_t call, Status status, std::span<const ObjectId> objects,
              std::span<const std::byte> bytes) override;

 private:
  const std::shared_ptr<LoopbackExchange> exchange_;
};

class LoopbackLink final : public RequestLink {
 public:
  LoopbackLink(std::shared_ptr<LoopbackExchange> exchange, std::string address)
      : exchange_(std::move(exchange)), address_(std::move(address)) {}

  [[nodiscard]] const std::string& address() const override { return address_; }

 private:
  [[nodiscard]] std::shared_ptr<Exchange> exchange() const override { return exchange_; }
  void give_up(Exchange&, const std::string&) override {}
  void release(ObjectId object, std::uint64_t) noexcept override { exchange_->release(object); }

  const std::shared_ptr<LoopbackExchange> exchange_;
  const std::string address_;
};

}  // namespace procyon::manager
