// A new connection on its way to being one that can be trusted: its stream is opened (TLS), then comes the handshake.
// Nothing here waits: call advance() when the descriptor is ready for what it asked for.
//
//   Authentication coming(std::make_unique<PlainStream>(std::move(socket)), key, Handshake::Role::acceptor, generation);
//   switch (coming.advance()) {
//     case Authentication::State::done: return coming.finish();
//     case Authentication::State::wants_read: ...
//
// What comes is hostile until it is done: no message is longer than 256 bytes, and no byte beyond the handshake is read.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "channel/connection_frame.hpp"
#include "channel/net/handshake.hpp"
#include "channel/net/stream.hpp"

namespace procyon::channel::net {

class Authentication {
 public:
  enum class State {
    wants_read,
    wants_write,
    done,
    refused,  // one side does not trust the other: reason()
    ended,    // the other side closed the connection
    failed,   // the stream broke: reason(), error()
  };

  /// Without a key there is no handshake.
  Authentication(std::unique_ptr<Stream> stream, const std::optional<AuthKey>& key, Handshake::Role role,
                 connection::Generation generation);

  State advance();
  [[nodiscard]] int descriptor() const { return stream_->descriptor(); }
  /// Why it did not succeed, as the rest of a sentence: "it does not have the key".
  [[nodiscard]] const std::string& reason() const { return reason_; }
  /// The errno of one that failed.
  [[nodiscard]] int error() const { return stream_->error(); }
  /// What it was doing last, for whom the time has run out on.
  [[nodiscard]] std::string stage() const;
  /// The socket of one that is done.
  os::Descriptor finish() { return stream_->finish(); }

 private:
  State stop(StreamResult result);
  std::optional<State> send();
  std::optional<State> receive();

  std::unique_ptr<Stream> stream_;
  std::optional<Handshake> handshake_;
  bool open_ = false;
  bool heard_ = false;               // a byte of the handshake
  std::vector<std::byte> outgoing_;  // a whole frame, of which `sent_` bytes have gone
  std::size_t sent_ = 0;
  IncomingMessage incoming_;
  std::string reason_;
};

}  // namespace procyon::channel::net
