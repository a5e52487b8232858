// BaseManager: objects in a server process, which any number of processes and machines use through proxies.
//
//   struct Counter { int n = 0; int inc(int by) { return n += by; } };
//
//   mp::BaseManager server({.address = "tcp://127.0.0.1:50000", .authkey = mp::AuthKey("both know it")});
//   server.register_type<Counter>("Counter", mp::methods<&Counter::inc>());
//   server.start();                                            // a process of its own, which ends with this one
//
//   mp::BaseManager remote({.address = "tcp://127.0.0.1:50000", .authkey = mp::AuthKey("both know it")});   // elsewhere
//   remote.connect();
//   auto counter = remote.create<Counter>("Counter");
//   counter.call(mp::m<&Counter::inc>, 5);
//
// Objects are found by name, too: server.share("jobs", proxy) here, remote.find<Counter>("jobs") there. What calls cost and
// guarantee: proxy.hpp, docs/managers.md. Standard objects (dict, list, Lock, Queue, ...) are those of Manager (manager.hpp).
//
// Whoever connects must have the key (HMAC, both ways); nothing is encrypted unless `tls` is set, which any network that
// others use calls for. Whoever has the key may do all that the registered methods do.
//
// The server ends when this object does, when shutdown() is called, and when the process that started it is gone, however it
// went. A client whose server is gone gets ManagerGone from every call, within a second.
//
// To be used by any thread, but only in the process that made it; a forked child may use the proxies. Misuse throws
// std::logic_error.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "procyon/auth_key.hpp"
#include "procyon/connection_options.hpp"
#include "procyon/detail/manager/link.hpp"
#include "procyon/detail/os/deadline.hpp"
#include "procyon/detail/process/engine.hpp"
#include "procyon/detail/wire/call.hpp"
#include "procyon/manager_server.hpp"
#include "procyon/proxy.hpp"
#include "procyon/registration.hpp"

namespace procyon {

namespace manager {

struct ServedType;
using ListTypes = std::vector<ServedType> (*)();

/// A callable that the server's process runs before it serves; made from whatever a Process takes as its target.
class Initializer {
 public:
  Initializer() = default;
  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, Initializer>)
      Initializer(const F& function) {  // NOLINT: an option
    wire::Writer writer;
    wire::encode_procedure(writer, function);
    call_.assign(writer.bytes().begin(), writer.bytes().end());
  }
  [[nodiscard]] const std::vector<std::byte>& call() const { return call_; }

 private:
  std::vector<std::byte> call_;
};

}  // namespace manager

struct ManagerOptions {
  std::string address = {};             // "unix:..." or "tcp://host:port"; a private one if empty
  std::optional<AuthKey> authkey = {};  // this process's, if none
  std::chrono::nanoseconds shutdown_timeout =
      std::chrono::seconds(1);            // for each of asking, SIGTERM, SIGKILL
  manager::Initializer initializer = {};  // run in the server's process before it serves
  std::string name = {};                  // of the server's process
  std::optional<StartMethod> start_method = {};
  std::uint64_t max_message = std::uint64_t{1}
                              << 30;  // bytes of one request; a longer one ends its connection
  std::chrono::nanoseconds timeout = std::chrono::seconds(20);  // of connecting, with all handshakes
  bool reconnect =
      false;  // connect(): a lost connection is made anew by the next call; nothing is sent twice
  bool other_users = false;  // of a unix: address: processes of other users may connect, too
  connection::TcpOptions tcp = {};
  connection::Tls tls = {};
};

class BaseManager {
 public:
  explicit BaseManager(ManagerOptions options = {});
  BaseManager(BaseManager&&) noexcept;
  BaseManager& operator=(BaseManager&&) noexcept;
  /// shutdown(), if this object started the server.
  virtual ~BaseManager();

  /// Lets clients make objects of T by that name; before start() or serve_forever(). What follows the name: registration.hpp.
  template <class T, class... Parts>
  void register_type(std::string name, Parts...) {
    add_type(std::move(name), &manager::describe_type<T, Parts...>);
  }

  /// Starts the server in a process of its own; it serves when this returns. Throws what its initializer threw,
  /// std::system_error (EADDRINUSE, ...), std::logic_error if it was started before.
  void start();
  /// Uses a server that somebody else started. Throws ManagerGone if there is none, AuthenticationError, TimeoutError.
  void connect();
  /// The server, for this process to serve itself: its address is taken when this returns. Once; manager_server.hpp.
  [[nodiscard]] ManagerServer get_server();
  /// get_server().serve_forever(): serves in the calling thread until a client or another thread calls shutdown().
  void serve_forever();

  /// Ends the server: asks it, then sends SIGTERM, then SIGKILL, each after `shutdown_timeout`. What was under way ends with
  /// ManagerGone. Of one that was connected to: asks it.
  void shutdown();
  /// Waits for the end of the server that this object started.
  void join() { join_until(os::Deadline::never()); }
  template <class Rep, class Period>
  bool join(std::chrono::duration<Rep, Period> timeout) {
    return join_until(os::Deadline::after(timeout));
  }

  /// Makes an object of a registered type; the arguments are those of mp::constructor<>.
  template <class T = void, class... Arguments>
  Proxy<T> create(std::string_view type, const Arguments&... arguments) {
    const std::shared_ptr<manager::Link>& server = link();
    manager::OutgoingObjects outgoing(server);
    wire::Writer writer(&outgoing);
    (wire::detail::write_as<wire::stored_t<const Arguments&>>(writer, arguments), ...);
    return Proxy<T>(server->create(type, writer.bytes(), outgoing.objects()));
  }
  /// Lets others find the object by that name, and keeps it until the server ends or the name is given to another.
  void share(std::string_view name, const manager::ProxyBase& proxy);
  /// What was shared by that name: a Proxy<T>, or if T is a class of proxies (ListProxy<int>), that. Throws
  /// std::invalid_argument, which lists the names there are, or says that the object is of another type than such a class's.
  template <class T = void>
  auto find(std::string_view name) {
    if constexpr (std::is_base_of_v<manager::ProxyBase, T>) {
      manager::ObjectReference found = link()->find(name);
      if constexpr (requires { T::template check_type_of<T>(found); }) T::template check_type_of<T>(found);
      return T(std::move(found));
    } else {
      return Proxy<T>(link()->find(name));
    }
  }

  /// Where clients connect to: with the port, if 0 was asked for, and the private name, if none was given.
  [[nodiscard]] const std::string& address() const;
  [[nodiscard]] AuthKey authkey() const;
  /// Of the server's process, if this object started it.
  [[nodiscard]] std::optional<int> pid() const;
  /// Objects that live in the server.
  [[nodiscard]] std::size_t number_of_objects();
  /// Objects and clients, for people.
  [[nodiscard]] std::string debug_info();

  /// For the library. Throws std::logic_error before start() or connect() and after shutdown().
  [[nodiscard]] const std::shared_ptr<manager::Link>& link() const;

 protected:
  /// Types that the server makes by functions of the engine's: those of Manager.
  void add_types(manager::ListTypes list);

 private:
  struct State;

  void add_type(std::string name, manager::DescribeType describe);
  bool join_until(os::Deadline deadline);
  State& state(const char* what) const;

  std::shared_ptr<State> state_;  // null once moved from
};

}  // namespace procyon
