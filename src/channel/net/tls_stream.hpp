// A stream through TLS, on a socket. OpenSSL reads and writes it by send() and recv(), so that no SIGPIPE comes.
//
// open() is TLS's own handshake; finish() gives the stream to the relay (tls_relay.hpp). One thread at a time.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "channel/net/stream.hpp"

struct ssl_st;
struct ssl_ctx_st;

namespace procyon::channel::net {

/// What OpenSSL has said of errors in this thread since the last time, as the rest of a sentence.
std::string take_tls_errors();

class TlsStream final : public Stream {
 public:
  using OnBroken = std::function<void(const std::string& sentence)>;

  /// `on_broken`: for the relay. Throws std::bad_alloc.
  TlsStream(os::Descriptor socket, ssl_ctx_st* context, OnBroken on_broken);

  StreamResult open() override;
  StreamResult read(std::span<std::byte> room) override;
  StreamResult write(std::span<const std::byte> bytes) override;
  [[nodiscard]] int descriptor() const override { return socket_.get(); }
  [[nodiscard]] int error() const override { return error_; }
  [[nodiscard]] std::string problem() const override { return problem_; }
  os::Descriptor finish() override;

  /// Tells the other side that nothing more comes (close_notify).
  StreamResult close();
  /// The other side ended without telling so. What it sent last may be missing: it was killed, or somebody cut the
  /// connection.
  [[nodiscard]] bool was_cut() const;
  [[nodiscard]] const OnBroken& on_broken() const { return on_broken_; }
  [[nodiscard]] ssl_st* session() const { return session_.get(); }

 private:
  struct Free {
    void operator()(ssl_st* session) const;
  };

  TlsStream(os::Descriptor socket, std::unique_ptr<ssl_st, Free> session, OnBroken on_broken);
  StreamResult result_of(int returned);

  os::Descriptor socket_;
  std::unique_ptr<ssl_st, Free> session_;
  OnBroken on_broken_;
  int error_ = 0;
  std::string problem_;
};

}  // namespace procyon::channel::net
