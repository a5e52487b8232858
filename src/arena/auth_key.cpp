#include "procyon/auth_key.hpp"

#include <string.h>
#include <sys/random.h>

#include <array>
#include <cerrno>
#include <ostream>
#include <stdexcept>
#include <utility>

#include "os/error.hpp"

namespace procyon {

AuthKey::AuthKey(std::span<const std::byte> bytes) : bytes_(bytes.begin(), bytes.end()) {
  if (bytes_.empty())
    throw std::invalid_argument(
        "AuthKey: an empty key would let everybody in; give it some bytes, or take AuthKey::random()");
}

AuthKey AuthKey::random() {
  std::array<std::byte, 32> bytes;
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = ::getrandom(bytes.data() + done, bytes.size() - done, 0);
    if (got > 0)
      done += static_cast<std::size_t>(got);
    else if (errno != EINTR)
      os::throw_system_error("AuthKey: getting random bytes (getrandom)");
  }
  AuthKey key{std::span<const std::byte>(bytes)};
  ::explicit_bzero(bytes.data(), bytes.size());
  return key;
}

AuthKey& AuthKey::operator=(const AuthKey& other) { return *this = AuthKey(other); }

AuthKey& AuthKey::operator=(AuthKey&& other) noexcept {
  if (this == &other) return *this;
  wipe();
  bytes_ = std::exchange(other.bytes_, {});
  return *this;
}

void AuthKey::wipe() noexcept {
  if (!bytes_.empty()) ::explicit_bzero(bytes_.data(), bytes_.size());
}

bool operator==(const AuthKey& left, const AuthKey& right) noexcept {
  if (left.size() != right.size()) return false;
  std::byte difference{};
  for (std::size_t i = 0; i < left.size(); ++i) difference |= left.bytes_[i] ^ right.bytes_[i];
  return difference == std::byte{};
}

std::string to_string(const AuthKey& key) { return "<AuthKey of " + std::to_string(key.size()) + " bytes>"; }

std::ostream& operator<<(std::ostream& stream, const AuthKey& key) { return stream << to_string(key); }

}  // namespace procyon
