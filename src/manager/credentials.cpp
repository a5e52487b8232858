#include "manager/credentials.hpp"

#include <cstring>
#include <stdexcept>
#include <string>

#include "manager/protocol.hpp"
#include "procyon/detail/wire/reader.hpp"
#include "procyon/detail/wire/writer.hpp"

namespace procyon::manager {

namespace {

constexpr arena::ObjectType credentials_type{"the key of a manager", 41};

/// FORMAT. `size` bytes follow: as texts of the protocol the key (empty: none), certificate, its key, authorities and host
/// name; then a byte, whether the server's certificate is looked at, and one, whether the server may be another user's.
struct Stored : arena::Counted {
  explicit Stored(std::size_t its_size) : size(its_size) {}
  std::uint64_t size;
};

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

arena::Reference store_credentials(const connection::ClientOptions& options) {
  wire::Writer writer;
  write_text(writer, options.authkey ? text_of(options.authkey->bytes()) : std::string_view());
  write_text(writer, options.tls.certificate.native());
  write_text(writer, options.tls.key.native());
  write_text(writer, options.tls.authorities.native());
  write_text(writer, options.tls.host_name);
  writer.put(static_cast<std::uint8_t>(options.tls.verify_peer ? 1 : 0));
  writer.put(static_cast<std::uint8_t>(options.other_users ? 1 : 0));
  auto reference = arena::Reference::create_with_room<Stored>(writer.size(), credentials_type, writer.size());
  std::memcpy(static_cast<void*>(&reference.get<Stored>() + 1), writer.bytes().data(), writer.size());
  return reference;
}

connection::ClientOptions read_credentials(const arena::Reference& credentials) {
  if (credentials.type_code() != credentials_type.code())
    throw std::logic_error("procyon: a proxy came with an object that is no key of a manager");
  const auto& stored = credentials.get<Stored>();
  wire::Reader reader({reinterpret_cast<const std::byte*>(&stored + 1), stored.size});
  connection::ClientOptions options;
  if (const std::string key = read_text(reader); !key.empty()) options.authkey = AuthKey(key);
  options.tls.certificate = read_text(reader);
  options.tls.key = read_text(reader);
  options.tls.authorities = read_text(reader);
  options.tls.host_name = read_text(reader);
  options.tls.verify_peer = reader.get<std::uint8_t>("the key of a manager") != 0;
  options.other_users = reader.get<std::uint8_t>("the key of a manager") != 0;
  return options;
}

}  // namespace procyon::manager
