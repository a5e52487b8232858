// Keyed digests (HMAC) of messages, by the names that CPython's handshake gives them.
//
//   const Mac mac(Digest::sha256, key, challenge);
//   if (!equal(mac.bytes(), answer)) refuse();
//
// Any thread may call these.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "procyon/auth_key.hpp"

namespace procyon::channel::net {

enum class Digest { md5, sha256, sha384, sha3_256, sha3_384 };

/// As in "sha3_256".
std::string_view name_of(Digest digest);
std::optional<Digest> digest_named(std::string_view name);

/// Wiped when it goes.
class Mac {
 public:
  static constexpr std::size_t longest = 48;

  /// Throws AuthenticationError if this machine's OpenSSL does not offer the digest (MD5, where it keeps to FIPS).
  Mac(Digest digest, const AuthKey& key, std::span<const std::byte> message);
  Mac(const Mac&) = delete;
  Mac& operator=(const Mac&) = delete;
  ~Mac();

  [[nodiscard]] std::span<const std::byte> bytes() const { return std::span(bytes_).first(size_); }

 private:
  std::array<std::byte, longest> bytes_{};
  std::size_t size_ = 0;
};

/// Takes as long whatever the bytes are; their number is no secret.
bool equal(std::span<const std::byte> left, std::span<const std::byte> right);

/// Bytes that nobody can guess. Throws std::system_error.
void fill_with_random(std::span<std::byte> bytes);

}  // namespace procyon::channel::net
