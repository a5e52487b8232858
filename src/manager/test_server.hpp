// A server in a thread of the test, with objects to try it, and links to it over socket pairs.
#pragma once

#include <pthread.h>
#include <sys/socket.h>
#include <time.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "manager/remote_link.hpp"
#include "manager/server.hpp"
#include "procyon/detail/wire/codec.hpp"
#include "procyon/errors.hpp"

namespace procyon::manager::testing {

inline constexpr MethodId echo = method_id("echo(bytes)->bytes");
inline constexpr MethodId keep = method_id("keep()");
inline constexpr MethodId let_go = method_id("let_go()->u64");
inline constexpr MethodId lose = method_id("lose()");
inline constexpr MethodId fail = method_id("fail()");
inline constexpr MethodId aside = method_id("aside()->u64");
inline constexpr MethodId make = method_id("make()->object");
inline constexpr MethodId gone_clients = method_id("gone_clients()->u64");

/// Answers at once, later, from another thread, or never.
class Probe final : public ServedObject {
 public:
  explicit Probe(Loop& loop) : loop_(loop) {}
  static ServedPointer make_one(Loop& loop, IncomingCall&) { return std::make_shared<Probe>(loop); }

  void call(IncomingCall call) override {
    if (call.method() == echo) {
      call.reply_bytes({call.arguments().begin(), call.arguments().end()}, call.objects());
    } else if (call.method() == keep) {
      kept_.push_back(std::move(call));
    } else if (call.method() == let_go) {
      call.reply(static_cast<std::uint64_t>(kept_.size()));
      for (IncomingCall& one : kept_) one.reply(std::uint64_t{7});
      kept_.clear();
    } else if (call.method() == fail) {
      throw std::out_of_range("not there");
    } else if (call.method() == aside) {
      auto shared = std::make_shared<IncomingCall>(std::move(call));
      loop_.run_aside([shared] { shared->reply(std::uint64_t{42}); });
    } else if (call.method() == testing::make) {
      call.reply_object(std::make_shared<Probe>(loop_));
    } else if (call.method() == gone_clients) {
      call.reply(gone_clients_);
    }  // and lose: the call ends unanswered
  }
  void cancel(ClientId client, std::uint64_t number) override {
    std::erase_if(kept_, [&](IncomingCall& one) {
      if (one.caller().client != client || one.number() != number) return false;
      one.fail_with(Cancelled("cancelled by its caller"));
      return true;
    });
  }
  void client_gone(ClientId client) override {
    ++gone_clients_;
    std::erase_if(kept_, [&](const IncomingCall& one) { return one.caller().client == client; });
  }
  [[nodiscard]] std::vector<std::string> methods() const override { return {"echo(bytes)->bytes", "keep()"}; }
  [[nodiscard]] std::string text() const override { return "a probe"; }

 private:
  Loop& loop_;
  std::vector<IncomingCall> kept_;
  std::uint64_t gone_clients_ = 0;
};

class RunningServer {
 public:
  explicit RunningServer(ServerOptions options = {}) : server_(options) {
    server_.set_address("unix:@test-" + std::to_string(server_.instance()));
    server_.add_type({"Probe", &Probe::make_one});
    thread_ = std::thread([this] { server_.serve(); });
  }
  RunningServer(const RunningServer&) = delete;
  RunningServer& operator=(const RunningServer&) = delete;
  ~RunningServer() { stop(); }

  Server& operator*() { return server_; }
  Server* operator->() { return &server_; }
  void stop() {
    server_.end();
    if (thread_.joinable()) thread_.join();
  }

  /// What the loop's thread has taken so far.
  [[nodiscard]] std::chrono::nanoseconds processor_time() {
    clockid_t clock{};
    timespec taken{};
    if (::pthread_getcpuclockid(thread_.native_handle(), &clock) != 0 || ::clock_gettime(clock, &taken) != 0)
      throw std::runtime_error("the thread's clock");
    return std::chrono::seconds(taken.tv_sec) + std::chrono::nanoseconds(taken.tv_nsec);
  }

  /// A connection whose handshakes are over.
  os::Descriptor connect() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
      throw std::runtime_error("socketpair");
    server_.adopt(os::Descriptor(ends[0]), "a test");
    return os::Descriptor(ends[1]);
  }
  std::shared_ptr<RemoteLink> link() {
    RemoteLink::Options options;
    options.connect = [this](os::Deadline) { return connect(); };
    auto link = std::make_shared<RemoteLink>(server_.address(), std::move(options));
    link->connect();
    return link;
  }

 private:
  Server server_;
  std::thread thread_;
};

inline std::vector<std::byte> bytes_of_text(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}
inline std::string text_of(const Answer& answer) {
  return {reinterpret_cast<const char*>(answer.bytes.data()), answer.bytes.size()};
}
inline std::uint64_t number_of(const Answer& answer) {
  wire::Reader reader(answer.bytes);
  return reader.get<std::uint64_t>("a number");
}

}  // namespace procyon::manager::testing
