// AuthKey: the secret by which processes that belong together know each other.
//
//   mp::AuthKey key = mp::current_process().authkey();          // 32 random bytes, the same in all descendants
//   mp::current_process().set_authkey(mp::AuthKey("a password that both programs know"));
//   process.set_authkey(key);                                   // for one child and its descendants, before its start
//
// The first process of a program makes one at random; children inherit it. Managers and connections by address ask for
// it; nothing else does. Its bytes are overwritten when it is destroyed or assigned to, and printing one shows its length
// only.
//
// A key never crosses to another process by accident: as an argument, in a queue or a pipe it is a compile error. A child
// has its parent's already; another program must get it on a way of yours, from bytes().
//
// Not thread-safe, like any value; different objects are independent.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace procyon {

class AuthKey {
 public:
  /// These bytes. Throws std::invalid_argument when there are none: an empty key would let everybody in.
  explicit AuthKey(std::span<const std::byte> bytes);
  explicit AuthKey(std::string_view text) : AuthKey(std::as_bytes(std::span(text))) {}
  explicit AuthKey(const char* text) : AuthKey(std::string_view(text)) {}
  /// 32 bytes that nobody can guess. Throws std::system_error.
  static AuthKey random();

  AuthKey(const AuthKey&) = default;
  AuthKey(AuthKey&& other) noexcept = default;
  AuthKey& operator=(const AuthKey& other);
  AuthKey& operator=(AuthKey&& other) noexcept;
  ~AuthKey() { wipe(); }

  /// The secret itself. Valid until this is assigned to or destroyed.
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }

  /// Takes as long whatever the bytes are.
  friend bool operator==(const AuthKey& left, const AuthKey& right) noexcept;

  /// Tells the codec to refuse it; see above.
  using procyon_secret = void;

 private:
  void wipe() noexcept;

  std::vector<std::byte> bytes_;
};

/// "<AuthKey of 32 bytes>"
std::string to_string(const AuthKey& key);
std::ostream& operator<<(std::ostream& stream, const AuthKey& key);

}  // namespace procyon
