#include "channel/net/tls_relay.hpp"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "channel/net/tls_line.hpp"
#include "os/error.hpp"
#include "os/fork_local.hpp"
#include "os/process_end.hpp"
#include "os/threads.hpp"
#include "procyon/detail/os/futex.hpp"

namespace procyon::channel::net {

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t bell_number = 0;
constexpr auto longest_drain = 5s;
// How often lines whose local end is closed are looked at: no event tells that the last byte has arrived.
constexpr auto linger_pace = 20ms;

class Relay {
 public:
  Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  os::Descriptor carry(std::unique_ptr<TlsStream> stream);
  /// Sends what has been written so far, says goodbye, closes all local ends, and moves nothing from then on.
  void drain();

  // Around fork(). The child closes what it has copied.
  void before_fork() { mutex_.lock(); }
  void after_fork() { mutex_.unlock(); }
  void forget_in_child();

 private:
  enum Draining : std::uint32_t { not_yet, asked_for, done };

  struct Line {
    std::uint64_t number;  // even, for its stream; one more for its local socket
    TlsLine line;
    std::uint32_t stream_events = 0;
    std::uint32_t local_events = 0;
  };
  using Lines = std::map<std::uint64_t, std::unique_ptr<Line>>;

  void start();
  [[noreturn]] void run();
  void ring() { static_cast<void>(::eventfd_write(bell_.get(), 1)); }
  void take_new_lines();
  void handle(const epoll_event& event);
  void pump(Lines::iterator one);
  void close(Lines::iterator one);
  void watch(Line& line);
  void watch(int descriptor, bool watched, std::uint64_t number, std::uint32_t wanted,
             std::uint32_t& present);
  void pump_unfinished();
  void close_late_ones();
  [[nodiscard]] os::Deadline next_moment() const;
  [[nodiscard]] bool drained() const;
  void end_lines();

  os::Descriptor epoll_;
  os::Descriptor bell_;
  std::mutex mutex_;  // of the next three; held while sockets of lines are opened and closed
  bool started_ = false;
  std::vector<std::unique_ptr<Line>> new_lines_;
  std::vector<int> descriptors_;
  os::FutexWord draining_{not_yet};
  // The thread's own.
  Lines lines_;
  std::uint64_t next_number_ = 2;
  std::vector<std::uint64_t> unfinished_;  // of lines that have more to move at once
  std::vector<std::uint64_t> lingering_;   // of lines whose local end is closed
};

// What an epoll watches for: never that.
constexpr std::uint32_t removed = UINT32_MAX;

constinit os::ForkLocal<Relay> this_process;
// Only for the moment of a fork: the child finds no `this_process`.
Relay* forking = nullptr;

void prepare() {
  const int error = ::pthread_atfork(
      [] {
        if ((forking = this_process.get()) != nullptr) forking->before_fork();
      },
      [] {
        if (forking != nullptr) forking->after_fork();
      },
      [] {
        if (forking != nullptr) forking->forget_in_child();
      });
  if (error != 0) os::throw_system_error("procyon: preparing for fork (pthread_atfork)", error);
  os::at_process_end([] {
    if (Relay* const relay = this_process.get()) relay->drain();
  });
}

Relay::Relay()
    : epoll_(os::Descriptor::adopt(::epoll_create1(EPOLL_CLOEXEC),
                                   "procyon: making the TLS relay (epoll_create)")),
      bell_(os::Descriptor::adopt(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
                                  "procyon: making the TLS relay (eventfd)")),
      descriptors_{epoll_.get(), bell_.get()} {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = bell_number;
  os::check(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, bell_.get(), &event),
            "procyon: making the TLS relay (epoll_ctl)");
}

void Relay::forget_in_child() {
  for (const int descriptor : descriptors_) ::close(descriptor);
  mutex_.unlock();
}

// Under the mutex.
void Relay::start() {
  if (started_) return;
  pthread_t thread{};
  const int error = os::start_detached_thread(
      thread, [](void* relay) -> void* { static_cast<Relay*>(relay)->run(); }, this, {.name = "procyon-tls"});
  if (error != 0) os::throw_system_error("procyon: starting the thread of the TLS relay", error);
  started_ = true;
}

os::Descriptor Relay::carry(std::unique_ptr<TlsStream> stream) {
  const std::scoped_lock lock(mutex_);
  if (draining_.load(std::memory_order_relaxed) != not_yet)
    os::throw_system_error("procyon: a new TLS connection, while this process ends", ESHUTDOWN);
  start();
  int ends[2];
  os::check(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends),
            "procyon: a TLS connection (socketpair)");
  os::Descriptor theirs(ends[0]);
  os::Descriptor ours(ends[1]);
  if (theirs.get() <= 2) theirs = theirs.duplicate();
  if (ours.get() <= 2) ours = ours.duplicate();
  const int descriptors[] = {ours.get(), stream->descriptor()};
  new_lines_.push_back(std::unique_ptr<Line>(new Line{0, TlsLine(std::move(stream), std::move(ours))}));
  descriptors_.insert(descriptors_.end(), std::begin(descriptors), std::end(descriptors));
  ring();
  return theirs;
}

void Relay::run() {
  for (;;) {
    epoll_event events[64];
    const os::Deadline until = unfinished_.empty() ? next_moment() : os::Deadline::now();
    const int count = ::epoll_wait(epoll_.get(), events, 64, until.poll_timeout());
    for (int i = 0; i < count; ++i) handle(events[i]);
    take_new_lines();  // after the bell has been read: a line that comes in between rings it again
    pump_unfinished();
    close_late_ones();
    if (draining_.load(std::memory_order_acquire) == not_yet || !drained()) continue;
    end_lines();
    draining_.store(done, std::memory_order_release);
    os::futex_wake_all(draining_);
    for (;;) ::pause();  // OpenSSL may be taken apart from now on
  }
}

void Relay::take_new_lines() {
  std::vector<std::unique_ptr<Line>> fresh;
  {
    const std::scoped_lock lock(mutex_);
    fresh.swap(new_lines_);
  }
  for (std::unique_ptr<Line>& line : fresh) {
    line->number = next_number_;
    next_number_ += 2;
    unfinished_.push_back(line->number);
    lines_.emplace(line->number, std::move(line));
  }
}

void Relay::handle(const epoll_event& event) {
  if (event.data.u64 == bell_number) {
    eventfd_t rings = 0;
    static_cast<void>(::eventfd_read(bell_.get(), &rings));
    // Somebody wants to know whether all has been sent.
    if (draining_.load(std::memory_order_acquire) == asked_for)
      for (const auto& [number, line] : lines_) unfinished_.push_back(number);
    return;
  }
  const bool of_local = (event.data.u64 & 1) != 0;
  const auto one = lines_.find(event.data.u64 & ~std::uint64_t{1});
  if (one == lines_.end()) return;
  if ((event.events & (EPOLLHUP | EPOLLERR)) != 0) {
    if (of_local)
      one->second->line.local_hung_up();
    else
      one->second->line.stream_hung_up();
  }
  pump(one);
}

void Relay::pump(Lines::iterator one) {
  Line& line = *one->second;
  const bool lingered = !line.line.linger().is_never();
  try {
    if (line.line.pump()) unfinished_.push_back(line.number);
    if (line.line.over()) return close(one);
    if (!lingered && !line.line.linger().is_never()) lingering_.push_back(line.number);
    watch(line);
  } catch (const std::exception&) {  // no memory, or no watches left
    close(one);
  }
}

void Relay::close(Lines::iterator one) {
  Line& line = *one->second;
  // Closing is not enough: somebody may have a copy, and the epoll then goes on speaking of it.
  for (auto [descriptor, events] : {std::pair{line.line.stream_descriptor(), line.stream_events},
                                    {line.line.local_descriptor(), line.local_events}})
    if (events != 0 && events != removed) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, descriptor, nullptr);
  const std::scoped_lock lock(mutex_);
  std::erase(descriptors_, line.line.stream_descriptor());
  std::erase(descriptors_, line.line.local_descriptor());
  lines_.erase(one);
}

void Relay::watch(Line& line) {
  watch(line.line.stream_descriptor(), line.line.stream_watched(), line.number, line.line.stream_events(),
        line.stream_events);
  watch(line.line.local_descriptor(), line.line.local_watched(), line.number + 1, line.line.local_events(),
        line.local_events);
}

void Relay::watch(int descriptor, bool watched, std::uint64_t number, std::uint32_t wanted,
                  std::uint32_t& present) {
  if (present == removed || (watched && present == wanted)) return;
  epoll_event event{};
  event.events = wanted;
  event.data.u64 = number;
  int operation = present == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  // What is watched for nothing is not watched at all, so that "0" is one state.
  if (!watched || wanted == 0) operation = EPOLL_CTL_DEL;
  if (operation != EPOLL_CTL_DEL || present != 0)
    os::check(::epoll_ctl(epoll_.get(), operation, descriptor, &event),
              "procyon: watching a TLS connection (epoll_ctl)");
  present = watched ? wanted : removed;
}

void Relay::pump_unfinished() {
  std::vector<std::uint64_t> numbers;
  numbers.swap(unfinished_);
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  for (const std::uint64_t number : numbers)
    if (const auto one = lines_.find(number); one != lines_.end()) pump(one);
}

void Relay::close_late_ones() {
  std::erase_if(lingering_, [this](std::uint64_t number) {
    const auto one = lines_.find(number);
    if (one == lines_.end()) return true;
    if (!one->second->line.over()) return false;
    close(one);
    return true;
  });
}

os::Deadline Relay::next_moment() const {
  return lingering_.empty() ? os::Deadline::never() : os::Deadline::after(linger_pace);
}

bool Relay::drained() const {
  return unfinished_.empty() && std::all_of(lines_.begin(), lines_.end(),
                                            [](const auto& one) { return one.second->line.drained(); });
}

void Relay::end_lines() {
  for (const auto& [number, line] : lines_) {
    line->line.end_stream();
    ::shutdown(line->line.local_descriptor(), SHUT_RDWR);
  }
}

void Relay::drain() {
  {
    const std::scoped_lock lock(mutex_);
    if (!started_) return;
  }
  draining_.store(asked_for, std::memory_order_release);
  ring();
  const os::Deadline deadline = os::Deadline::after(longest_drain);
  while (draining_.load(std::memory_order_acquire) != done)
    if (!os::futex_wait(draining_, asked_for, deadline)) return;
}

}  // namespace

os::Descriptor relay_tls(std::unique_ptr<TlsStream> stream) {
  static const bool prepared = (prepare(), true);
  static_cast<void>(prepared);
  return this_process.get_or([] { return new Relay; }).carry(std::move(stream));
}

}  // namespace procyon::channel::net
