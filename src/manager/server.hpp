// The server of a manager: one thread that waits for nobody, and threads aside for what may wait.
//
//   Server server({.address = "unix:@example", .authkey = key});
//   server.add_type(...);
//   server.serve();                             // until somebody asks for its end
//
// THE LOOP.  One thread, one epoll: it takes connections (channel/net/acceptor.hpp, which does the handshakes), reads
// requests, begins calls, and sends answers. Clients take turns: from each at most `requests_per_turn` are taken before the
// next has its turn, so one that floods, one that says nothing and one that reads nothing delay nobody. Completions from
// other threads are posted and wake the loop by an eventfd, if it sleeps. Before it sleeps it looks for a moment whether
// more comes, for as long as that pays (os/adaptive_spin.hpp).
//
// WHAT A DEATH LEAVES.  A client's: the end of its connection, upon which all that it held is given back (dispatcher.hpp).
// The server's: the end of every connection; its objects are gone, and its clients are told so (ManagerGone).
//
// serve() is called once. end() and what Loop says so may be called from any thread; the rest before serve().
#pragma once

#include <sys/epoll.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "manager/aside_threads.hpp"
#include "manager/dispatcher.hpp"
#include "manager/served_object.hpp"
#include "manager/socket_client.hpp"
#include "manager/timers.hpp"
#include "os/adaptive_spin.hpp"
#include "procyon/detail/os/descriptor.hpp"

namespace procyon::manager {

class LoopbackExchange;
class LoopbackLink;
class LocalClient;

struct ServerOptions {
  std::uint64_t max_message = std::uint64_t{1} << 30;  // bytes of a request
  std::size_t max_unread = std::size_t{256} << 20;     // bytes of answers that a client does not read
  std::chrono::nanoseconds greeting_timeout = std::chrono::seconds(20);
};

class Server final : public Loop, private Dispatcher::Host {
 public:
  static constexpr int requests_per_turn = 64;

  explicit Server(ServerOptions options = {});
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() override;

  void add_type(std::string name, Maker make) { dispatcher_.add_type(std::move(name), std::move(make)); }
  void add_type(const ServedType& type);
  /// Something that brings connections: `step` is called on the loop thread whenever `descriptor` is readable.
  void watch_for_connections(int descriptor, std::function<void()> step);
  /// A connection whose handshakes are over. Any thread.
  void adopt(os::Descriptor socket, std::string peer);
  /// A name by which clients find an object. Any thread.
  void share(std::string name, ServedPointer object);
  /// For proxies in this process.
  [[nodiscard]] std::shared_ptr<Link> loopback();
  /// References of this process's own to objects that a call came with. Loop thread.
  std::vector<ObjectReference> refer_locally(const std::vector<ServedPointer>& objects);
  /// Completes a call from a thread aside; `objects` are references of this process's own. The call, and the objects with
  /// it, end on the loop thread.
  void complete_aside(IncomingCall call, std::vector<std::byte> bytes, std::vector<ObjectReference> objects);
  void complete_aside(IncomingCall call, std::exception_ptr error);
  /// A request of this process's own. Any thread.
  void take_local(std::vector<std::byte> frame);
  /// Where clients connect to, for the proxies that this server gives out.
  void set_address(std::string address) { address_ = std::move(address); }
  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] std::uint64_t instance() const { return instance_; }

  /// Serves until end(). Then lets go of clients and objects, and waits for the threads aside; true once they have ended,
  /// false if `patience` was over before.
  bool serve(os::Deadline::Nanoseconds patience = std::chrono::hours(24 * 365));
  /// Ends serve(), soon.
  void end();

  // Loop
  void post(std::function<void()> action) override;
  TimerId at(os::Deadline deadline, std::function<void()> action) override;
  void cancel_timer(TimerId timer) override { timers_.cancel(timer); }
  void run_aside(std::function<void()> action) override;
  [[nodiscard]] bool is_ending() const override { return ending_.load(std::memory_order_acquire); }
  [[nodiscard]] bool is_loop_thread() const override;

 private:
  // Dispatcher::Host
  void shut_down() override { end(); }
  bool is_proof(const ServedClient& client, std::span<const std::byte> proof) override;

  void handle_events();
  int wait_for_events(std::span<epoll_event> events);
  int look_for_events(std::span<epoll_event> events, int timeout);
  bool has_posted();
  void run_posted();
  void add_client(os::Descriptor socket, std::string peer);
  void take_turn(SocketClient& client);
  void give_another_turn(SocketClient& client);
  bool handle_frames(SocketClient& client);
  void greet(SocketClient& client, std::span<const std::byte> frame);
  void flush(SocketClient& client);
  void flush_all();
  void watch(SocketClient& client);
  void drop(SocketClient& client, const std::string& reason);
  void let_go();

  const ServerOptions options_;
  const std::uint64_t instance_;
  std::string address_;
  os::Descriptor epoll_;
  os::Descriptor bell_;
  Dispatcher dispatcher_;
  Timers timers_;
  std::function<void()> step_connections_;
  ClientId last_client_ = 0;
  std::unordered_map<ClientId, std::unique_ptr<SocketClient>> clients_;
  std::shared_ptr<LoopbackExchange> loopback_exchange_;
  std::unique_ptr<LocalClient> local_client_;
  std::vector<ClientId> to_flush_;
  std::vector<ClientId> with_more_;
  os::AdaptiveSpin spin_;

  std::atomic<std::thread::id> loop_thread_{};
  std::atomic<bool> ending_{false};
  std::atomic<bool> sleeping_{false};
  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;  // guarded by mutex_, like the next
  std::shared_ptr<LoopbackLink> loopback_;

  AsideThreads aside_;
};

}  // namespace procyon::manager
