#include "channel/net/tls_context.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <stdexcept>

#include "channel/net/tls_stream.hpp"

namespace procyon::channel::net {

using connection::Tls;

namespace {

[[noreturn]] void throw_unusable(const std::string& what, const std::filesystem::path& file) {
  throw std::runtime_error(
      fmt::format("procyon: TLS: {} {} cannot be used: {}", what, file.string(), take_tls_errors()));
}

void check(int result, const std::string& what, const std::filesystem::path& file) {
  if (result != 1) throw_unusable(what, file);
}

// A key with a password is an error: OpenSSL would ask for it at the terminal.
int no_password(char*, int, int, void*) { return -1; }

void use_own_certificate(SSL_CTX* context, const Tls& options) {
  if (options.certificate.empty()) return;
  const std::filesystem::path& key = options.key.empty() ? options.certificate : options.key;
  check(::SSL_CTX_use_certificate_chain_file(context, options.certificate.c_str()), "the certificate",
        options.certificate);
  check(::SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM),
        "the private key (one with a password is refused)", key);
  check(::SSL_CTX_check_private_key(context), "the private key, for that certificate,", key);
}

void use_authorities(SSL_CTX* context, const Tls& options) {
  if (options.authorities.empty()) return;
  if (options.authorities == connection::system_authorities)
    check(::SSL_CTX_set_default_verify_paths(context), "what this machine trusts", options.authorities);
  else
    check(::SSL_CTX_load_verify_file(context, options.authorities.c_str()), "the authorities",
          options.authorities);
}

}  // namespace

void TlsContext::Free::operator()(ssl_ctx_st* context) const { ::SSL_CTX_free(context); }

TlsContext::TlsContext(const Tls& options)
    : context_(::SSL_CTX_new(::TLS_method())), on_broken_(options.on_broken) {
  if (!context_) throw std::runtime_error("procyon: TLS: OpenSSL cannot be used: " + take_tls_errors());
  ::ERR_clear_error();
  SSL_CTX* const context = context_.get();
  ::SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  // What was written is not kept elsewhere while it cannot go on, and a part of it may go.
  ::SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
  // Nothing resumes: tickets would only be one more message after the handshake.
  ::SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  ::SSL_CTX_set_num_tickets(context, 0);
  // A program that is killed says no goodbye: its end is an end of file, as of any other connection.
  ::SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                                     SSL_OP_IGNORE_UNEXPECTED_EOF);
  ::SSL_CTX_set_default_passwd_cb(context, no_password);
  use_own_certificate(context, options);
  use_authorities(context, options);
}

std::shared_ptr<TlsContext> TlsContext::of_listener(const Tls& options) {
  if (options.certificate.empty())
    throw std::invalid_argument(
        "procyon: TLS: a Listener must have a certificate to show: set .tls.certificate and .tls.key");
  std::shared_ptr<TlsContext> result(new TlsContext(options));
  const bool asks = options.verify_peer && !options.authorities.empty();
  ::SSL_CTX_set_verify(result->context_.get(),
                       asks ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : SSL_VERIFY_NONE, nullptr);
  return result;
}

std::shared_ptr<TlsContext> TlsContext::of_client(const Tls& options, const std::string& host) {
  if (options.verify_peer && options.authorities.empty())
    throw std::invalid_argument(
        "procyon: TLS: a Client must know whose certificates to trust: set .tls.authorities to a file or to "
        "mp::connection::system_authorities");
  std::shared_ptr<TlsContext> result(new TlsContext(options));
  ::SSL_CTX_set_verify(result->context_.get(), options.verify_peer ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
                       nullptr);
  if (options.verify_peer) result->expected_name_ = options.host_name.empty() ? host : options.host_name;
  return result;
}

std::unique_ptr<Stream> TlsContext::accept(os::Descriptor socket) {
  auto stream = std::make_unique<TlsStream>(std::move(socket), context_.get(), on_broken_);
  ::SSL_set_accept_state(stream->session());
  return stream;
}

std::unique_ptr<Stream> TlsContext::connect(os::Descriptor socket) {
  auto stream = std::make_unique<TlsStream>(std::move(socket), context_.get(), on_broken_);
  SSL* const session = stream->session();
  ::SSL_set_connect_state(session);
  if (!expected_name_.empty()) {
    X509_VERIFY_PARAM* const parameters = ::SSL_get0_param(session);
    const bool is_number = ::X509_VERIFY_PARAM_set1_ip_asc(parameters, expected_name_.c_str()) == 1;
    if (!is_number) {
      ::ERR_clear_error();
      ::X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
      if (::SSL_set1_host(session, expected_name_.c_str()) != 1 ||
          ::SSL_ctrl(session, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                     expected_name_.data()) != 1)
        throw std::invalid_argument(fmt::format("procyon: TLS: \"{}\" is no name of a host", expected_name_));
    }
  }
  return stream;
}

}  // namespace procyon::channel::net
