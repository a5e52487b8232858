// A table of numbers in another process, asked over a socket: one number set or got at a time.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <unordered_map>

#include "harness.hpp"

namespace bench {
namespace {

constexpr std::uint64_t calls = 40'000;
constexpr std::uint64_t keys = 100;

// As large as a short call with its name and its key; all of the padding is sent.
struct Call {
  enum class Kind : std::uint64_t { get, set };
  Kind kind;
  std::uint64_t key;
  std::uint64_t value;
  std::array<std::uint64_t, 5> padding;
};
static_assert(sizeof(Call) == 64);

bool read_call(int socket, Call& call) {
  return ::recv(socket, &call, sizeof call, MSG_WAITALL) == static_cast<ssize_t>(sizeof call);
}
void write_call(int socket, const Call& call) {
  require(::send(socket, &call, sizeof call, 0) == static_cast<ssize_t>(sizeof call), "send failed");
}

// Until the other side is gone.
void serve(int socket) {
  std::unordered_map<std::uint64_t, std::uint64_t> table;
  for (Call call{}; read_call(socket, call);) {
    if (call.kind == Call::Kind::set)
      table[call.key] = call.value;
    else
      call.value = table[call.key];
    write_call(socket, call);
  }
}

std::uint64_t ask(int socket, Call::Kind kind, std::uint64_t key, std::uint64_t value) {
  Call call{kind, key, value, {}};
  write_call(socket, call);
  require(read_call(socket, call), "the server is gone");
  return call.value;
}

// By turns: what was set is what is got.
Result measure_calls(int socket) {
  const Stopwatch watch;
  for (std::uint64_t i = 0; i < calls / 2; ++i) {
    ask(socket, Call::Kind::set, i % keys, i);
    require(ask(socket, Call::Kind::get, i % keys, 0) == i, "a wrong answer");
  }
  return watch.stop(calls);
}

Result unix_calls() {
  int sockets[2];
  require(::socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0, "socketpair failed");
  const pid_t server = in_child([&] {
    ::close(sockets[0]);
    serve(sockets[1]);
  });
  ::close(sockets[1]);
  const Result result = measure_calls(sockets[0]);
  ::close(sockets[0]);
  join_child(server);
  return result;
}

void send_at_once(int socket) {
  const int yes = 1;
  require(::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) == 0, "setsockopt failed");
}

Result tcp_calls() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  require(::bind(listener, generic, size) == 0 && ::listen(listener, 1) == 0 &&
              ::getsockname(listener, generic, &size) == 0,
          "there is no socket to listen at");
  const pid_t server = in_child([&] {
    const int socket = ::accept(listener, nullptr, nullptr);
    send_at_once(socket);
    serve(socket);
  });
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  require(::connect(socket, generic, size) == 0, "connect failed");
  send_at_once(socket);
  const Result result = measure_calls(socket);
  ::close(socket);
  join_child(server);
  return result;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  using namespace bench;
  return run_contender(argc, argv, {{"local/raw", unix_calls}, {"tcp/raw", tcp_calls}});
}
