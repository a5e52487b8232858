#include "channel/net/tls_stream.hpp"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <new>
#include <system_error>
#include <utility>

#include "channel/net/tls_relay.hpp"

namespace procyon::channel::net {

namespace {

constexpr std::size_t most_at_once = 16 * 1024;  // a record of TLS

int socket_of(BIO* bio) { return static_cast<int>(reinterpret_cast<std::intptr_t>(::BIO_get_data(bio))); }

int write_socket(BIO* bio, const char* bytes, std::size_t size, std::size_t* written) {
  ::BIO_clear_retry_flags(bio);
  const ssize_t count = ::send(socket_of(bio), bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (count < 0) {
    if (errno == EAGAIN || errno == EINTR) ::BIO_set_retry_write(bio);
    return 0;
  }
  *written = static_cast<std::size_t>(count);
  return 1;
}

int read_socket(BIO* bio, char* room, std::size_t size, std::size_t* read) {
  ::BIO_clear_retry_flags(bio);
  const ssize_t count = ::recv(socket_of(bio), room, size, MSG_DONTWAIT);
  if (count <= 0) {
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) ::BIO_set_retry_read(bio);
    if (count == 0) {
      ::BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
      errno = 0;
    }
    return 0;
  }
  *read = static_cast<std::size_t>(count);
  return 1;
}

long control_socket(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_EOF) return ::BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
  return command == BIO_CTRL_FLUSH || command == BIO_CTRL_DUP ? 1 : 0;
}

// Made once and never freed: a session may outlive everything.
const BIO_METHOD* socket_method() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* made = ::BIO_meth_new(::BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket without SIGPIPE");
    if (made == nullptr) throw std::bad_alloc();
    ::BIO_meth_set_write_ex(made, write_socket);
    ::BIO_meth_set_read_ex(made, read_socket);
    ::BIO_meth_set_ctrl(made, control_socket);
    return made;
  }();
  return method;
}

}  // namespace

std::string take_tls_errors() {
  std::string text;
  while (const unsigned long error = ::ERR_get_error()) {
    const char* const reason = ::ERR_reason_error_string(error);
    if (!text.empty()) text += ", ";
    text += reason != nullptr         ? reason
            : ERR_SYSTEM_ERROR(error) ? std::system_category().message(ERR_GET_REASON(error))
                                      : fmt::format("error {:#x}", error);
  }
  return text.empty() ? "OpenSSL does not say why" : text;
}

void TlsStream::Free::operator()(ssl_st* session) const { ::SSL_free(session); }

TlsStream::TlsStream(os::Descriptor socket, ssl_ctx_st* context, OnBroken on_broken)
    : socket_(std::move(socket)), session_(::SSL_new(context)), on_broken_(std::move(on_broken)) {
  BIO* const bio = session_ ? ::BIO_new(socket_method()) : nullptr;
  if (bio == nullptr) throw std::bad_alloc();
  ::BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(socket_.get())));
  ::BIO_set_init(bio, 1);
  ::SSL_set_bio(session_.get(), bio, bio);
}

StreamResult TlsStream::open() {
  ::ERR_clear_error();
  return result_of(::SSL_do_handshake(session_.get()));
}

StreamResult TlsStream::read(std::span<std::byte> room) {
  ::ERR_clear_error();
  std::size_t count = 0;
  StreamResult result =
      result_of(::SSL_read_ex(session_.get(), room.data(), std::min(room.size(), most_at_once), &count));
  result.bytes = count;
  return result;
}

StreamResult TlsStream::write(std::span<const std::byte> bytes) {
  ::ERR_clear_error();
  std::size_t count = 0;
  StreamResult result =
      result_of(::SSL_write_ex(session_.get(), bytes.data(), std::min(bytes.size(), most_at_once), &count));
  result.bytes = count;
  return result;
}

StreamResult TlsStream::close() {
  ::ERR_clear_error();
  const int returned = ::SSL_shutdown(session_.get());
  return returned >= 0 ? StreamResult{StreamStatus::moved} : result_of(returned);
}

// OpenSSL is told to take it for an end (SSL_OP_IGNORE_UNEXPECTED_EOF): some say no goodbye, and all that came is good.
bool TlsStream::was_cut() const {
  return ::BIO_test_flags(::SSL_get_rbio(session_.get()), BIO_FLAGS_IN_EOF) != 0;
}

TlsStream::TlsStream(os::Descriptor socket, std::unique_ptr<ssl_st, Free> session, OnBroken on_broken)
    : socket_(std::move(socket)), session_(std::move(session)), on_broken_(std::move(on_broken)) {}

os::Descriptor TlsStream::finish() {
  return relay_tls(std::unique_ptr<TlsStream>(
      new TlsStream(std::move(socket_), std::move(session_), std::move(on_broken_))));
}

StreamResult TlsStream::result_of(int returned) {
  if (returned == 1) return {StreamStatus::moved};
  const int error_of_system = errno;
  switch (::SSL_get_error(session_.get(), returned)) {
    case SSL_ERROR_WANT_READ:
      return {StreamStatus::wants_read};
    case SSL_ERROR_WANT_WRITE:
      return {StreamStatus::wants_write};
    case SSL_ERROR_ZERO_RETURN:
      return {StreamStatus::ended};
    case SSL_ERROR_SYSCALL:
      if (error_of_system == 0) return {StreamStatus::ended};
      error_ = error_of_system;
      problem_ = "the connection broke";
      return {StreamStatus::failed};
    default:
      break;
  }
  const unsigned long error = ::ERR_peek_error();
  error_ = EPROTO;
  const long verified = ::SSL_get_verify_result(session_.get());
  if (verified != X509_V_OK && ERR_GET_REASON(error) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
    problem_ = fmt::format("its certificate is not accepted: {}", ::X509_verify_cert_error_string(verified));
    return {StreamStatus::refused};
  }
  problem_ = fmt::format("TLS failed: {}", take_tls_errors());
  const bool alert = ERR_GET_REASON(error) >= SSL_AD_REASON_OFFSET;  // what the other side says of us
  return {alert ? StreamStatus::refused : StreamStatus::failed};
}

}  // namespace procyon::channel::net
