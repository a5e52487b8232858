#include "channel/net/authentication.hpp"

#include <fmt/format.h>

#include <span>
#include <utility>

namespace procyon::channel::net {

Authentication::Authentication(std::unique_ptr<Stream> stream, const std::optional<AuthKey>& key,
                               Handshake::Role role, connection::Generation generation)
    : stream_(std::move(stream)) {
  if (key) handshake_.emplace(*key, role, generation);
}

Authentication::State Authentication::advance() {
  if (!open_) {
    const StreamResult result = stream_->open();
    if (result.status != StreamStatus::moved) return stop(result);
    open_ = true;
  }
  for (;;) {
    if (const auto state = send()) return *state;
    if (!handshake_ || handshake_->progress() == Handshake::Progress::authenticated) return State::done;
    if (handshake_->progress() == Handshake::Progress::refused) {
      reason_ = handshake_->reason();
      return State::refused;
    }
    if (const auto state = receive()) return *state;
  }
}

Authentication::State Authentication::stop(StreamResult result) {
  switch (result.status) {
    case StreamStatus::wants_read:
      return State::wants_read;
    case StreamStatus::wants_write:
      return State::wants_write;
    case StreamStatus::ended:
      reason_ = "it closed the connection before it was authenticated";
      return State::ended;
    case StreamStatus::refused:
      reason_ = stream_->problem();
      return State::refused;
    default:
      reason_ = stream_->problem();
      return State::failed;
  }
}

// All that is to be sent, or where that stops.
std::optional<Authentication::State> Authentication::send() {
  for (;;) {
    while (sent_ < outgoing_.size()) {
      const StreamResult result = stream_->write(std::span(outgoing_).subspan(sent_));
      if (result.status != StreamStatus::moved) return stop(result);
      sent_ += result.bytes;
    }
    const auto message = handshake_ ? handshake_->take_outgoing() : std::nullopt;
    if (!message) return std::nullopt;
    const FramePrefix prefix(message->size());
    outgoing_.assign(prefix.bytes().begin(), prefix.bytes().end());
    outgoing_.insert(outgoing_.end(), message->begin(), message->end());
    sent_ = 0;
  }
}

// One message, or where that stops.
std::optional<Authentication::State> Authentication::receive() {
  while (!incoming_.complete()) {
    if (!incoming_.sensible() || incoming_.length().value_or(0) > Handshake::longest_message) {
      reason_ = "what it sends is not the handshake: no message of that is longer than 256 bytes";
      return State::refused;
    }
    const StreamResult result = stream_->read(incoming_.room());
    if (result.status != StreamStatus::moved) return stop(result);
    incoming_.arrived(result.bytes);
    heard_ = true;
  }
  handshake_->received(incoming_.take());
  return std::nullopt;
}

std::string Authentication::stage() const {
  if (!open_) return "TLS was not agreed on";
  if (!heard_) return "it said nothing";
  return "the handshake was not over";
}

}  // namespace procyon::channel::net
