#include "channel/net/handshake.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "channel/net/mac.hpp"
#include "procyon/errors.hpp"

namespace procyon::channel::net {

using connection::Generation;

namespace {

constexpr std::string_view challenge_word = "#CHALLENGE#";
constexpr std::string_view welcome_word = "#WELCOME#";
constexpr std::string_view failure_word = "#FAILURE#";
constexpr std::size_t legacy_challenge_size = 20;
constexpr std::size_t legacy_answer_size = 16;
constexpr std::size_t modern_random_size = 40;
constexpr Digest our_digest = Digest::sha256;

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void append(std::vector<std::byte>& target, std::span<const std::byte> bytes) {
  target.insert(target.end(), bytes.begin(), bytes.end());
}
void append(std::vector<std::byte>& target, std::string_view text) {
  append(target, std::as_bytes(std::span(text)));
}

bool is_legacy(std::span<const std::byte> message) {
  return message.size() == legacy_challenge_size || message.size() == legacy_answer_size;
}

/// A digest that the message names, "{sha256}...", and what follows the name.
struct Named {
  Digest digest;
  std::span<const std::byte> rest;
};

std::optional<Named> read_name(std::span<const std::byte> message) {
  const std::string_view text = text_of(message);
  if (!text.starts_with('{')) return std::nullopt;
  const std::size_t end = text.find('}');
  if (end == std::string_view::npos) return std::nullopt;
  const std::optional<Digest> digest = digest_named(text.substr(1, end - 1));
  if (!digest) return std::nullopt;
  return Named{*digest, message.subspan(end + 1)};
}

}  // namespace

Handshake::Handshake(AuthKey key, Role role, Generation generation)
    : key_(std::move(key)),
      role_(role),
      generation_(generation),
      awaited_(role == Role::acceptor ? Awaited::answer : Awaited::challenge) {
  if (role == Role::acceptor) challenge();
}

std::optional<std::vector<std::byte>> Handshake::take_outgoing() {
  return std::exchange(outgoing_, std::nullopt);
}

void Handshake::send(std::string_view word, std::span<const std::byte> rest) {
  std::vector<std::byte> message;
  append(message, word);
  append(message, rest);
  outgoing_ = std::move(message);
}

void Handshake::refuse(std::string reason) {
  progress_ = Progress::refused;
  reason_ = std::move(reason);
}

void Handshake::received(std::span<const std::byte> message) {
  try {
    switch (awaited_) {
      case Awaited::answer:
        return check_answer(message);
      case Awaited::challenge:
        return answer_challenge(message);
      case Awaited::verdict:
        return hear_verdict(text_of(message));
    }
  } catch (const AuthenticationError& error) {
    if (awaited_ == Awaited::answer) send(failure_word);
    refuse(error.what());
  }
}

void Handshake::challenge() {
  challenge_.clear();
  if (generation_ != Generation::legacy) append(challenge_, fmt::format("{{{}}}", name_of(our_digest)));
  const std::size_t named = challenge_.size();
  challenge_.resize(named + (generation_ == Generation::legacy ? legacy_challenge_size : modern_random_size));
  fill_with_random(std::span(challenge_).subspan(named));
  send(challenge_word, challenge_);
  awaited_ = Awaited::answer;
}

void Handshake::check_answer(std::span<const std::byte> answer) {
  const std::optional<Named> named = is_legacy(answer) ? Named{Digest::md5, answer} : read_name(answer);
  std::string reason;
  if (!named) {
    reason = "its answer to the challenge is none of the protocol's";
  } else if (named->digest == Digest::md5 && generation_ == Generation::modern) {
    reason =
        "it answers with HMAC-MD5, as Python did until 3.11, and this side takes the modern handshake only";
  } else if (!equal(Mac(named->digest, key_, challenge_).bytes(), named->rest)) {
    reason = "it does not have the key";
  } else {
    send(welcome_word);
    if (role_ == Role::acceptor)
      awaited_ = Awaited::challenge;  // and now the other way round
    else
      progress_ = Progress::authenticated;
    return;
  }
  send(failure_word);
  refuse(std::move(reason));
}

void Handshake::hear_verdict(std::string_view word) {
  if (word == failure_word) return refuse("it says that our key is not its own");
  if (word != welcome_word) return refuse("it does not say whether our key is its own");
  if (role_ == Role::connector)
    challenge();
  else
    progress_ = Progress::authenticated;
}

void Handshake::answer_challenge(std::span<const std::byte> message) {
  if (!text_of(message).starts_with(challenge_word))
    return refuse("it does not begin with the challenge of the protocol");
  const std::span<const std::byte> challenge = message.subspan(challenge_word.size());
  const bool legacy = is_legacy(challenge);
  const std::optional<Named> named = legacy ? Named{Digest::md5, challenge} : read_name(challenge);
  if (challenge.size() < legacy_challenge_size || !named)
    return refuse("its challenge is too short, or names no digest that is known here");
  if (named->digest == Digest::md5 && generation_ == Generation::modern)
    return refuse(
        "it asks for HMAC-MD5, as Python did until 3.11, and this side takes the modern handshake only");
  const Mac mac(named->digest, key_, challenge);
  send(legacy ? std::string() : fmt::format("{{{}}}", name_of(named->digest)), mac.bytes());
  awaited_ = Awaited::verdict;
}

}  // namespace procyon::channel::net
