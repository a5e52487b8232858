// A table of numbers in another process, asked over a socket: one number set or got at a time. Raw sockets, which know no
// types, no other clients and no deaths, and a manager's dict and class.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <deque>
#include <map>
#include <unordered_map>

#include <procyon/manager.hpp>

#include "harness.hpp"

namespace mp = procyon;

namespace bench {
namespace {

constexpr std::uint64_t calls = 40'000;
constexpr std::uint64_t keys = 100;
constexpr std::uint64_t window = 32;
constexpr std::uint64_t proxies = 4'000;
constexpr std::uint64_t batches = 1'000;
constexpr std::uint64_t batch_size = 100;

using Numbers = mp::DictProxy<std::uint64_t, std::uint64_t>;

// As large as a short call with its name and its key; all of the padding is sent.
struct Call {
  enum class Kind : std::uint64_t { get, set };
  Kind kind;
  std::uint64_t key;
  std::uint64_t value;
  std::array<std::uint64_t, 5> padding;
};
static_assert(sizeof(Call) == 64);

enum class Waiting { asleep, looking };

bool read_call(int socket, Call& call, Waiting waiting) {
  ssize_t count = 0;
  if (waiting == Waiting::looking)
    while ((count = ::recv(socket, &call, sizeof call, MSG_DONTWAIT)) < 0 && errno == EAGAIN) ::sched_yield();
  else
    count = ::recv(socket, &call, sizeof call, MSG_WAITALL);
  return count == static_cast<ssize_t>(sizeof call);  // which over AF_UNIX comes whole
}
void write_call(int socket, const Call& call) {
  require(::send(socket, &call, sizeof call, 0) == static_cast<ssize_t>(sizeof call), "send failed");
}

// Until the other side is gone.
void serve(int socket, Waiting waiting) {
  std::unordered_map<std::uint64_t, std::uint64_t> table;
  for (Call call{}; read_call(socket, call, waiting);) {
    if (call.kind == Call::Kind::set)
      table[call.key] = call.value;
    else
      call.value = table[call.key];
    write_call(socket, call);
  }
}

std::uint64_t ask(int socket, Waiting waiting, Call::Kind kind, std::uint64_t key, std::uint64_t value) {
  Call call{kind, key, value, {}};
  write_call(socket, call);
  require(read_call(socket, call, waiting), "the server is gone");
  return call.value;
}

// By turns: what was set is what is got.
Result measure_calls(int socket, Waiting waiting) {
  const Stopwatch watch;
  for (std::uint64_t i = 0; i < calls / 2; ++i) {
    ask(socket, waiting, Call::Kind::set, i % keys, i);
    require(ask(socket, waiting, Call::Kind::get, i % keys, 0) == i, "a wrong answer");
  }
  return watch.stop(calls);
}

Result unix_calls(Waiting waiting) {
  int sockets[2];
  require(::socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0, "socketpair failed");
  const pid_t server = in_child([&] {
    ::close(sockets[0]);
    serve(sockets[1], waiting);
  });
  ::close(sockets[1]);
  const Result result = measure_calls(sockets[0], waiting);
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
    serve(socket, Waiting::asleep);
  });
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  require(::connect(socket, generic, size) == 0, "connect failed");
  send_at_once(socket);
  const Result result = measure_calls(socket, Waiting::asleep);
  ::close(socket);
  join_child(server);
  return result;
}

constexpr const char* here = "";
constexpr const char* by_tcp = "tcp://127.0.0.1:0";

// By turns: what was set is what is got.
Result dict_calls(const char* address) {
  mp::Manager manager({.address = address});
  const Numbers numbers = manager.dict<std::uint64_t, std::uint64_t>();
  const Stopwatch watch;
  for (std::uint64_t i = 0; i < calls / 2; ++i) {
    numbers.set(i % keys, i);
    require(numbers.at(i % keys) == i, "a wrong answer");
  }
  return watch.stop(calls);
}

// The same with calls that are begun, `window` of them on their way at a time.
Result dict_pipelined(const char* address) {
  mp::Manager manager({.address = address});
  const Numbers numbers = manager.dict<std::uint64_t, std::uint64_t>();
  struct Pair {
    mp::ManagerResult<void> set;
    mp::ManagerResult<std::uint64_t> got;
    std::uint64_t value;
  };
  std::deque<Pair> underway;
  const auto finish_oldest = [&] {
    underway.front().set.get();
    require(underway.front().got.get() == underway.front().value, "a wrong answer");
    underway.pop_front();
  };
  const Stopwatch watch;
  for (std::uint64_t i = 0; i < calls / 2; ++i) {
    if (underway.size() == window / 2) finish_oldest();
    underway.push_back({numbers.async().set(i % keys, i), numbers.async().at(i % keys), i});
  }
  while (!underway.empty()) finish_oldest();
  return watch.stop(calls);
}

Result dict_batches(const char* address) {
  mp::Manager manager({.address = address});
  const Numbers numbers = manager.dict<std::uint64_t, std::uint64_t>();
  std::map<std::uint64_t, std::uint64_t> items;
  const Stopwatch watch;
  for (std::uint64_t i = 0; i < batches; ++i) {
    for (std::uint64_t key = 0; key < batch_size; ++key) items[key] = i + key;
    numbers.update(items);
  }
  const Result result = watch.stop(batches * batch_size);
  require(numbers.copy() == items, "a wrong dict");
  return result;
}

Result dict_proxies(const char* address) {
  mp::Manager manager({.address = address});
  const Stopwatch watch;
  for (std::uint64_t i = 0; i < proxies; ++i)
    require(!manager.dict<std::uint64_t, std::uint64_t>().get(i), "a wrong answer");
  return watch.stop(proxies);
}

// A class of one's own, whose calls run on a thread of the server that may wait, or at once.
class Table {
 public:
  void set(std::uint64_t key, std::uint64_t value) { values_[key] = value; }
  std::uint64_t get(std::uint64_t key) { return values_[key]; }

 private:
  std::unordered_map<std::uint64_t, std::uint64_t> values_;
};

template <class... Options>
Result class_calls(Options... options) {
  mp::BaseManager manager;
  manager.register_type<Table>("Table", mp::methods<&Table::get, &Table::set>(), options...);
  manager.start();
  const auto table = manager.create<Table>("Table");
  const Stopwatch watch;
  for (std::uint64_t i = 0; i < calls / 2; ++i) {
    table.call(mp::m<&Table::set>, i % keys, i);
    require(table.call(mp::m<&Table::get>, i % keys) == i, "a wrong answer");
  }
  return watch.stop(calls);
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  using namespace bench;
  return run_contender(argc, argv,
                       {{"local/raw", [] { return unix_calls(Waiting::asleep); }},
                        {"local/raw-looking", [] { return unix_calls(Waiting::looking); }},
                        {"tcp/raw", tcp_calls},
                        {"local/procyon", [] { return dict_calls(here); }},
                        {"tcp/procyon", [] { return dict_calls(by_tcp); }},
                        {"pipelined/local/procyon", [] { return dict_pipelined(here); }},
                        {"pipelined/tcp/procyon", [] { return dict_pipelined(by_tcp); }},
                        {"batch/local/procyon", [] { return dict_batches(here); }},
                        {"batch/tcp/procyon", [] { return dict_batches(by_tcp); }},
                        {"proxy/local/procyon", [] { return dict_proxies(here); }},
                        {"proxy/tcp/procyon", [] { return dict_proxies(by_tcp); }},
                        {"class/procyon", [] { return class_calls(); }},
                        {"class/procyon-quick", [] { return class_calls(mp::quick); }}});
}
