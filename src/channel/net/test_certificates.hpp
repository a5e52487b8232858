// Certificates for tests, made on the spot: an authority, and what it signs.
//
//   const TestAuthority authority(directory, "authority");
//   Tls tls{.certificate = authority.sign("server", {.host = "localhost"}).certificate, ...};
#pragma once

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

namespace procyon::channel::net {

struct TestCertificate {
  std::filesystem::path certificate;
  std::filesystem::path key;
};

struct TestCertificateOptions {
  std::string names = "DNS:localhost,IP:127.0.0.1";
  long valid_from = -3600;  // seconds from now
  long valid_until = 3600;
};

class TestAuthority {
 public:
  TestAuthority(std::filesystem::path directory, const std::string& name)
      : directory_(std::move(directory)), key_(make_key()), certificate_(::X509_new()) {
    fill(certificate_.get(), name, key_.get(), certificate_.get(), {.names = ""});
    add(certificate_.get(), NID_basic_constraints, "critical,CA:TRUE");
    check(::X509_sign(certificate_.get(), key_.get(), ::EVP_sha256()));
    write_certificate(path(), certificate_.get());
  }

  /// Its own certificate.
  [[nodiscard]] std::filesystem::path path() const { return directory_ / (common_name() + ".pem"); }

  [[nodiscard]] TestCertificate sign(const std::string& name,
                                     const TestCertificateOptions& options = {}) const {
    const Key key = make_key();
    const Certificate certificate(::X509_new());
    fill(certificate.get(), name, key.get(), certificate_.get(), options);
    if (!options.names.empty()) add(certificate.get(), NID_subject_alt_name, options.names);
    check(::X509_sign(certificate.get(), key_.get(), ::EVP_sha256()));
    TestCertificate result{directory_ / (name + ".pem"), directory_ / (name + ".key")};
    write_certificate(result.certificate, certificate.get());
    const File file(std::fopen(result.key.c_str(), "w"));
    check(::PEM_write_PrivateKey(file.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr));
    return result;
  }

 private:
  struct Free {
    void operator()(EVP_PKEY* key) const { ::EVP_PKEY_free(key); }
    void operator()(X509* certificate) const { ::X509_free(certificate); }
    void operator()(X509_EXTENSION* extension) const { ::X509_EXTENSION_free(extension); }
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  using Key = std::unique_ptr<EVP_PKEY, Free>;
  using Certificate = std::unique_ptr<X509, Free>;
  using File = std::unique_ptr<std::FILE, Free>;

  static void check(int result) {
    if (result <= 0) throw std::runtime_error("a certificate for a test could not be made");
  }

  static Key make_key() { return Key(::EVP_EC_gen("P-256")); }

  static void fill(X509* certificate, const std::string& name, EVP_PKEY* key, X509* issuer,
                   const TestCertificateOptions& options) {
    static long serial = 1;
    check(::X509_set_version(certificate, X509_VERSION_3));
    check(::ASN1_INTEGER_set(::X509_get_serialNumber(certificate), ++serial));
    ::X509_gmtime_adj(::X509_getm_notBefore(certificate), options.valid_from);
    ::X509_gmtime_adj(::X509_getm_notAfter(certificate), options.valid_until);
    check(::X509_set_pubkey(certificate, key));
    const auto* text = reinterpret_cast<const unsigned char*>(name.c_str());
    check(::X509_NAME_add_entry_by_txt(::X509_get_subject_name(certificate), "CN", MBSTRING_UTF8, text, -1,
                                       -1, 0));
    check(::X509_set_issuer_name(certificate, ::X509_get_subject_name(issuer)));
  }

  static void add(X509* certificate, int kind, const std::string& value) {
    const std::unique_ptr<X509_EXTENSION, Free> extension(
        ::X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str()));
    check(::X509_add_ext(certificate, extension.get(), -1));
  }

  static void write_certificate(const std::filesystem::path& path, X509* certificate) {
    const File file(std::fopen(path.c_str(), "w"));
    check(::PEM_write_X509(file.get(), certificate));
  }

  [[nodiscard]] std::string common_name() const {
    char name[100] = {};
    ::X509_NAME_get_text_by_NID(::X509_get_subject_name(certificate_.get()), NID_commonName, name,
                                sizeof(name));
    return name;
  }

  std::filesystem::path directory_;
  Key key_;
  Certificate certificate_;
};

}  // namespace procyon::channel::net
