// What TLS needs to know before a connection: certificates, keys, authorities, read once.
//
//   auto context = TlsContext::of_listener(options.tls);                  // a wrong file is an error here
//   std::unique_ptr<Stream> stream = context->accept(std::move(socket));
//
// Any thread may use one.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "channel/net/stream.hpp"
#include "procyon/connection_options.hpp"

struct ssl_ctx_st;

namespace procyon::channel::net {

class TlsContext : public std::enable_shared_from_this<TlsContext> {
 public:
  /// Both throw std::invalid_argument for options that do not go together, and std::runtime_error for files that cannot
  /// be used, with what OpenSSL says of them.
  static std::shared_ptr<TlsContext> of_listener(const connection::Tls& options);
  /// `host`: of the address, whose name the listener's certificate must have if the options name no other.
  static std::shared_ptr<TlsContext> of_client(const connection::Tls& options, const std::string& host);

  /// The listener's side of a connection.
  std::unique_ptr<Stream> accept(os::Descriptor socket);
  /// The client's.
  std::unique_ptr<Stream> connect(os::Descriptor socket);

 private:
  struct Free {
    void operator()(ssl_ctx_st* context) const;
  };
  explicit TlsContext(const connection::Tls& options);

  std::unique_ptr<ssl_ctx_st, Free> context_;
  std::string expected_name_;  // empty: any
  std::function<void(const std::string&)> on_broken_;
};

}  // namespace procyon::channel::net
