#include "channel/net/mac.hpp"

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "os/error.hpp"
#include "procyon/errors.hpp"

namespace procyon::channel::net {

namespace {

struct DigestNames {
  Digest digest;
  std::string_view python;
  const char* openssl;
};

constexpr DigestNames all_digests[] = {
    {Digest::md5, "md5", "MD5"},
    {Digest::sha256, "sha256", "SHA2-256"},
    {Digest::sha384, "sha384", "SHA2-384"},
    {Digest::sha3_256, "sha3_256", "SHA3-256"},
    {Digest::sha3_384, "sha3_384", "SHA3-384"},
};

const DigestNames& names_of(Digest digest) {
  return *std::find_if(std::begin(all_digests), std::end(all_digests),
                       [&](const DigestNames& names) { return names.digest == digest; });
}

struct Free {
  void operator()(EVP_MAC* algorithm) const { ::EVP_MAC_free(algorithm); }
  void operator()(EVP_MAC_CTX* context) const { ::EVP_MAC_CTX_free(context); }
};

const unsigned char* pointer_to(std::span<const std::byte> bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

}  // namespace

std::string_view name_of(Digest digest) { return names_of(digest).python; }

std::optional<Digest> digest_named(std::string_view name) {
  for (const DigestNames& names : all_digests)
    if (names.python == name) return names.digest;
  return std::nullopt;
}

Mac::~Mac() { ::OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

Mac::Mac(Digest digest, const AuthKey& key, std::span<const std::byte> message) {
  const std::unique_ptr<EVP_MAC, Free> algorithm(::EVP_MAC_fetch(nullptr, "HMAC", nullptr));
  const std::unique_ptr<EVP_MAC_CTX, Free> context(algorithm ? ::EVP_MAC_CTX_new(algorithm.get()) : nullptr);
  // The parameter is only read.
  const OSSL_PARAM parameters[] = {::OSSL_PARAM_construct_utf8_string(
                                       OSSL_MAC_PARAM_DIGEST, const_cast<char*>(names_of(digest).openssl), 0),
                                   ::OSSL_PARAM_construct_end()};
  const bool done = context &&
                    ::EVP_MAC_init(context.get(), pointer_to(key.bytes()), key.size(), parameters) == 1 &&
                    ::EVP_MAC_update(context.get(), pointer_to(message), message.size()) == 1 &&
                    ::EVP_MAC_final(context.get(), reinterpret_cast<unsigned char*>(bytes_.data()), &size_,
                                    bytes_.size()) == 1;
  if (!done) {
    throw AuthenticationError(
        fmt::format("procyon: this machine's OpenSSL does not offer HMAC with the digest {}, which the other "
                    "side asks for",
                    name_of(digest)));
  }
}

bool equal(std::span<const std::byte> left, std::span<const std::byte> right) {
  return left.size() == right.size() && ::CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

void fill_with_random(std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::getrandom(bytes.data(), bytes.size(), 0);
    if (count > 0)
      bytes = bytes.subspan(static_cast<std::size_t>(count));
    else if (errno != EINTR)
      os::throw_system_error("procyon: getting random bytes (getrandom)");
  }
}

}  // namespace procyon::channel::net
