// The Link of a process to a server elsewhere: one connection, shared by all threads and proxies.
//
// FORKS.  A forked child has the object and must not touch the connection: it finds that the state was made by another process
// (os::ForkLocal), leaves it as it is, and connects anew with its first use. References that its parent held are taken anew
// when they are used (hold()).
//
// RECONNECTION.  A lost connection stays lost, and every call says so, unless the link was told to connect again: then the
// next call does. Nothing is ever sent twice: calls that were under way end with ManagerGone. References are taken anew, if
// it is the same server still; another one at the same address never had the objects (ObjectGone).
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "manager/request_link.hpp"
#include "manager/socket_exchange.hpp"
#include "procyon/connection_options.hpp"

namespace procyon::manager {

class RemoteLink final : public RequestLink {
 public:
  struct Options {
    /// Makes a connection whose handshakes are over. Throws what connecting throws.
    std::function<os::Descriptor(os::Deadline)> connect;
    std::chrono::nanoseconds timeout = std::chrono::seconds(20);  // for that and the greeting
    bool reconnects = false;
    SocketExchange::DescribeEnd describe_end;
    /// What other processes of the session connect with; nothing if they can do without.
    std::optional<connection::ClientOptions> credentials;
  };

  RemoteLink(std::string address, Options options);
  ~RemoteLink() override;

  [[nodiscard]] const std::string& address() const override { return address_; }
  [[nodiscard]] arena::Reference credentials() override;
  /// Connects, if it has not. Throws ManagerGone, AuthenticationError, TimeoutError, std::system_error.
  void connect() { static_cast<void>(exchange()); }
  /// Whether every further call will throw.
  [[nodiscard]] bool is_lost();
  /// Ends the connection of this process: further calls throw ManagerGone with this sentence.
  void close(const std::string& why);

 private:
  struct State;

  [[nodiscard]] std::shared_ptr<Exchange> exchange() const override;
  void give_up(Exchange& exchange, const std::string& why) override;
  void release(ObjectId object, std::uint64_t connection) noexcept override;
  void hold(ObjectId object, std::atomic<std::uint64_t>& connection) override;
  State& state() const;
  std::shared_ptr<SocketExchange> make_exchange() const;

  const std::string address_;
  const Options options_;
  mutable std::atomic<State*> state_;
  // The server that references are of, and the first connection to it. A forked child goes on from its parent's.
  mutable std::atomic<std::uint64_t> instance_{0};
  mutable std::atomic<std::uint64_t> first_connection_{0};
};

}  // namespace procyon::manager
