#include "channel/net/address.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <system_error>

#include "channel/net/mac.hpp"
#include "os/threads.hpp"
#include "procyon/detail/os/futex.hpp"
#include "procyon/errors.hpp"

namespace procyon::channel::net {

namespace {

constexpr std::string_view unix_scheme = "unix:";
constexpr std::string_view tcp_scheme = "tcp://";
constexpr std::size_t longest_local_name = sizeof(sockaddr_un::sun_path) - 1;

[[noreturn]] void throw_not_an_address(std::string_view text, std::string_view reason) {
  throw std::invalid_argument(
      fmt::format("procyon: \"{}\" is not an address: {}; write unix:/a/path, unix:@name, tcp://host:port or "
                  "tcp://[::1]:port",
                  text, reason));
}

Address parse_local(std::string_view text) {
  Address address{std::string(text), Address::Kind::path, std::string(text.substr(unix_scheme.size())), {}};
  if (address.name.starts_with('@')) {
    address.kind = Address::Kind::abstract;
    address.name.erase(0, 1);
  }
  if (address.name.empty()) throw_not_an_address(text, "it has no name");
  if (address.name.find('\0') != std::string::npos) throw_not_an_address(text, "there is a zero in its name");
  if (address.name.size() > longest_local_name)
    throw_not_an_address(text, fmt::format("its name is longer than {} characters", longest_local_name));
  return address;
}

Address parse_tcp(std::string_view text) {
  std::string_view rest = text.substr(tcp_scheme.size());
  Address address{std::string(text), Address::Kind::tcp, {}, {}};
  const bool bracketed = rest.starts_with('[');
  const std::size_t end_of_host = bracketed ? rest.find(']') : rest.find(':');
  if (end_of_host == std::string_view::npos) throw_not_an_address(text, "it has no port");
  address.name = rest.substr(bracketed ? 1 : 0, end_of_host - (bracketed ? 1 : 0));
  rest.remove_prefix(end_of_host + (bracketed ? 1 : 0));
  if (address.name.empty())
    throw_not_an_address(text, "it has no host (0.0.0.0 or [::] is every one of this machine's)");
  if (!rest.starts_with(':')) throw_not_an_address(text, "it has no port");
  rest.remove_prefix(1);
  if (rest.find(':') != std::string_view::npos)
    throw_not_an_address(text, "a number of IPv6 stands in brackets, a port behind one colon");
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(rest.begin(), rest.end(), port);
  if (rest.empty() || error != std::errc() || end != rest.end())
    throw_not_an_address(text, "its port is not a number from 0 to 65535");
  address.port = rest;
  return address;
}

SocketAddress local_address(const Address& address) {
  SocketAddress result;
  sockaddr_un local{};
  local.sun_family = AF_UNIX;
  const std::size_t start = address.kind == Address::Kind::abstract ? 1 : 0;
  std::memcpy(local.sun_path + start, address.name.data(), address.name.size());
  // A path with its final zero; an abstract name has none.
  result.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.name.size() + 1);
  std::memcpy(&result.storage, &local, sizeof(local));
  return result;
}

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

struct LookUp {
  int error = 0;
  int system_error = 0;
  std::vector<SocketAddress> found;
};

LookUp look_up(const std::string& host, const std::string& port, int flags) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* first = nullptr;
  LookUp result;
  result.error = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &first);
  result.system_error = errno;
  if (result.error != 0) return result;
  const std::unique_ptr<addrinfo, FreeAddresses> list(first);
  for (const addrinfo* one = list.get(); one != nullptr; one = one->ai_next) {
    SocketAddress address;
    std::memcpy(&address.storage, one->ai_addr, one->ai_addrlen);
    address.size = one->ai_addrlen;
    result.found.push_back(address);
  }
  return result;
}

/// getaddrinfo() has no time limit: a thread waits for it, and is left behind when the time is over.
struct SlowLookUp {
  std::string host;
  std::string port;
  LookUp result;
  os::FutexWord done{0};
};

LookUp look_up_until(const Address& address, os::Deadline deadline) {
  const auto shared = std::make_shared<SlowLookUp>();
  shared->host = address.name;
  shared->port = address.port;
  auto argument = std::make_unique<std::shared_ptr<SlowLookUp>>(shared);
  pthread_t thread{};
  const int error = os::start_detached_thread(
      thread,
      [](void* passed) -> void* {
        const std::unique_ptr<std::shared_ptr<SlowLookUp>> own(
            static_cast<std::shared_ptr<SlowLookUp>*>(passed));
        SlowLookUp& work = **own;
        work.result = look_up(work.host, work.port, 0);
        work.done.store(1, std::memory_order_release);
        os::futex_wake_all(work.done);
        return nullptr;
      },
      argument.get());
  if (error != 0)
    throw std::system_error(error, std::system_category(),
                            fmt::format("procyon: looking up the host of {} (a thread)", address.text));
  static_cast<void>(argument.release());
  while (shared->done.load(std::memory_order_acquire) == 0) {
    if (!os::futex_wait(shared->done, 0, deadline) && shared->done.load(std::memory_order_acquire) == 0)
      throw TimeoutError(
          fmt::format("procyon: the host of {} was not found in time: no name server answers", address.text));
  }
  return shared->result;
}

}  // namespace

Address parse_address(std::string_view text) {
  if (text.starts_with(tcp_scheme)) return parse_tcp(text);
  if (text.starts_with(unix_scheme)) return parse_local(text);
  throw_not_an_address(text, "it begins with neither unix: nor tcp://");
}

Address private_address() {
  std::array<std::byte, 16> secret;
  fill_with_random(secret);
  std::string text = "unix:@procyon-";
  for (const std::byte byte : secret) text += fmt::format("{:02x}", std::to_integer<int>(byte));
  return parse_address(text);
}

std::vector<SocketAddress> resolve(const Address& address, os::Deadline deadline) {
  if (!address.is_tcp()) return {local_address(address)};
  LookUp result = look_up(address.name, address.port, AI_NUMERICHOST);
  if (result.error == EAI_NONAME) result = look_up_until(address, deadline);
  if (result.error == 0 && !result.found.empty()) return std::move(result.found);
  const std::string sentence = fmt::format("procyon: looking up the host of {}", address.text);
  if (result.error == EAI_SYSTEM)
    throw std::system_error(result.system_error, std::system_category(), sentence);
  throw std::system_error(EHOSTUNREACH, std::system_category(),
                          fmt::format("{} ({})", sentence, ::gai_strerror(result.error)));
}

std::string text_of(const SocketAddress& address) {
  std::array<char, INET6_ADDRSTRLEN> number{};
  switch (address.family()) {
    case AF_INET: {
      sockaddr_in in{};
      std::memcpy(&in, &address.storage, sizeof(in));
      ::inet_ntop(AF_INET, &in.sin_addr, number.data(), number.size());
      return fmt::format("tcp://{}:{}", number.data(), ntohs(in.sin_port));
    }
    case AF_INET6: {
      sockaddr_in6 in{};
      std::memcpy(&in, &address.storage, sizeof(in));
      ::inet_ntop(AF_INET6, &in.sin6_addr, number.data(), number.size());
      return fmt::format("tcp://[{}]:{}", number.data(), ntohs(in.sin6_port));
    }
    default: {
      constexpr std::size_t start = offsetof(sockaddr_un, sun_path);
      if (address.size <= start) return "unix:";
      std::string name(reinterpret_cast<const char*>(&address.storage) + start, address.size - start);
      if (name.front() == '\0') return "unix:@" + name.substr(1);
      return "unix:" + name.substr(0, name.find('\0'));
    }
  }
}

}  // namespace procyon::channel::net
