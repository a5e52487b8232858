// The handshake: the input is what somebody without the key says. Its first byte: which side he talks to and of which
// generation. Then messages, each behind its length; 255 sends back the last thing that was heard, changed by nothing.
#include <cstdlib>
#include <vector>

#include "channel/net/handshake.hpp"
#include "fuzz_target.hpp"

using namespace procyon;
using channel::net::Handshake;

void fuzz(std::span<const std::byte> input) {
  static const AuthKey key = AuthKey::random();
  if (input.empty()) return;
  const auto kind = std::to_integer<unsigned>(input.front());
  input = input.subspan(1);
  Handshake handshake(key, kind % 2 == 0 ? Handshake::Role::acceptor : Handshake::Role::connector,
                      static_cast<connection::Generation>(kind / 2 % 3));
  std::vector<std::byte> heard;
  while (handshake.progress() == Handshake::Progress::going_on) {
    if (auto message = handshake.take_outgoing()) heard = std::move(*message);
    if (heard.size() > Handshake::longest_message) std::abort();
    if (input.empty()) return;
    const auto length = std::to_integer<std::size_t>(input.front());
    input = input.subspan(1);
    if (length == 255) {
      handshake.received(heard);
      continue;
    }
    const std::span<const std::byte> message = input.first(std::min(length, input.size()));
    handshake.received(message);
    input = input.subspan(message.size());
  }
  if (handshake.progress() == Handshake::Progress::authenticated || handshake.reason().empty()) std::abort();
}
