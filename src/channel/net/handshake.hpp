// The handshake by which two programs prove to each other that they have the same key, without sending it: that of
// CPython's multiprocessing.connection, in both generations. No input or output: messages go in and come out.
//
//   Handshake handshake(key, Handshake::Role::acceptor, connection::Generation::any);
//   while (handshake.progress() == Handshake::Progress::going_on) {
//     if (auto message = handshake.take_outgoing()) send(*message);
//     handshake.received(receive(Handshake::longest_message));
//   }
//   if (auto message = handshake.take_outgoing()) send(*message);      // the last word, to a refused one as well
//
// MESSAGES, of at most 256 bytes each. First the acceptor is the challenger, then the connector:
//   challenger   "#CHALLENGE#" + challenge
//   the other    answer: a MAC of the challenge
//   challenger   "#WELCOME#" or "#FAILURE#"
//
//                 up to Python 3.11         3.12 and later
//   challenge     20 random bytes           "{sha256}" + 40 random bytes
//   answer        HMAC-MD5, 16 bytes        "{digest}" + HMAC by that digest, of the challenge with its name
//
// A challenge of 20 bytes and an answer of 16 are of the old generation; nothing of the new one is so short. An old answerer
// takes the whole modern challenge for the random bytes and answers with HMAC-MD5; so a modern challenge does for both.
//
// WHAT IT IS WORTH: whoever has not the key cannot pass either side. What comes after the handshake is not protected by it.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "procyon/auth_key.hpp"
#include "procyon/connection_options.hpp"

namespace procyon::channel::net {

class Handshake {
 public:
  enum class Role { acceptor, connector };
  enum class Progress {
    going_on,
    authenticated,
    refused,  // reason() says why
  };
  static constexpr std::size_t longest_message = 256;

  /// Throws std::system_error if there are no random bytes.
  Handshake(AuthKey key, Role role, connection::Generation generation);

  /// The next message for the other side; nothing until more has come.
  std::optional<std::vector<std::byte>> take_outgoing();
  /// A message has come. Only while going on.
  void received(std::span<const std::byte> message);

  [[nodiscard]] Progress progress() const { return progress_; }
  /// Of what was refused: "it does not have the key".
  [[nodiscard]] const std::string& reason() const { return reason_; }

 private:
  enum class Awaited { answer, challenge, verdict };

  void challenge();
  void check_answer(std::span<const std::byte> answer);
  void answer_challenge(std::span<const std::byte> message);
  void hear_verdict(std::string_view word);
  void refuse(std::string reason);
  void send(std::string_view word, std::span<const std::byte> rest = {});

  AuthKey key_;
  Role role_;
  connection::Generation generation_;
  Progress progress_ = Progress::going_on;
  Awaited awaited_;
  std::vector<std::byte> challenge_;
  std::optional<std::vector<std::byte>> outgoing_;
  std::string reason_;
};

}  // namespace procyon::channel::net
