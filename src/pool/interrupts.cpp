#include "pool/interrupts.hpp"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "os/signals.hpp"
#include "procyon/detail/os/futex.hpp"
#include "procyon/exit_status.hpp"
#include "procyon/interrupt.hpp"

namespace procyon {

namespace {

constexpr std::array guarded_signals{SIGINT, SIGTERM, SIGHUP};

// What the handler knows. The word: 0, the signal that has come, or `guard_is_gone`.
constexpr std::uint32_t guard_is_gone = UINT32_MAX;
constinit os::FutexWord signal_word{0};
constinit std::atomic<pid_t> guarded_process{0};

struct Registry {
  std::mutex mutex;
  std::vector<std::weak_ptr<pool::Interruptible>> targets;
  std::exception_ptr cause;  // once a signal has come, while its guard lives
  bool has_guard = false;
};
Registry& registry() {
  static auto* const instance = new Registry;  // also for pools that are static objects
  return *instance;
}

void handle_signal(int signal) {
  std::uint32_t expected = 0;
  const bool is_ours = guarded_process.load(std::memory_order_relaxed) == ::getpid();
  if (is_ours && signal_word.compare_exchange_strong(expected, static_cast<std::uint32_t>(signal))) {
    os::futex_wake_all(signal_word);
    return;
  }
  // The second one, or in a child that was forked: as if nobody handled it.
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  ::sigaction(signal, &action, nullptr);
  ::raise(signal);  // arrives when this returns
}

std::exception_ptr cause_of(int signal) {
  return std::make_exception_ptr(Interrupted("procyon: interrupted by " + signal_name(signal) +
                                                 (signal == SIGINT ? " (Ctrl-C)" : "") +
                                                 "; what had not ended was not done",
                                             signal));
}

}  // namespace

class InterruptGuard::Watch {
 public:
  explicit Watch(InterruptOptions options) : options_(options) {
    Registry& all = registry();
    {
      const std::lock_guard guard(all.mutex);
      if (all.has_guard)
        throw std::logic_error("procyon: there is an InterruptGuard in this process already; one is enough");
      all.has_guard = true;
    }
    signal_word.store(0);
    guarded_process.store(::getpid());
    try {
      const os::BlockSignals blocked;
      thread_ = std::thread([this] { run(); });
    } catch (...) {
      release();
      throw;
    }
    struct sigaction action {};
    action.sa_handler = &handle_signal;
    action.sa_flags = SA_RESTART;
    ::sigfillset(&action.sa_mask);
    for (std::size_t index = 0; index < guarded_signals.size(); ++index) {
      ::sigaction(guarded_signals[index], nullptr, &previous_[index]);
      // Somebody wants the program to go on without its terminal (nohup).
      if (previous_[index].sa_handler != SIG_IGN) ::sigaction(guarded_signals[index], &action, nullptr);
    }
  }

  ~Watch() {
    if (guarded_process.load() != ::getpid()) {
      thread_.detach();  // a forked child: the thread is its parent's
      return;
    }
    for (std::size_t index = 0; index < guarded_signals.size(); ++index)
      ::sigaction(guarded_signals[index], &previous_[index], nullptr);
    std::uint32_t expected = 0;
    signal_word.compare_exchange_strong(expected, guard_is_gone);
    os::futex_wake_all(signal_word);
    thread_.join();
    release();
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

 private:
  static void release() {
    Registry& all = registry();
    const std::lock_guard guard(all.mutex);
    all.cause = nullptr;
    all.has_guard = false;
  }

  void run() const {
    while (signal_word.load() == 0) os::futex_wait(signal_word, 0, os::Deadline::after(os::wait_slice));
    const std::uint32_t word = signal_word.load();
    if (word == guard_is_gone) return;
    const auto signal = static_cast<int>(word);
    const os::Deadline drained_by =
        signal == SIGINT ? os::Deadline::now() : os::Deadline::after(options_.drain);
    std::vector<std::weak_ptr<pool::Interruptible>> targets;
    Registry& all = registry();
    const std::exception_ptr cause = cause_of(signal);
    {
      const std::lock_guard guard(all.mutex);
      all.cause = cause;
      targets = all.targets;
    }
    for (const auto& each : targets)
      if (const auto target = each.lock()) target->interrupt(cause, drained_by);
  }

  const InterruptOptions options_;
  std::array<struct sigaction, guarded_signals.size()> previous_{};
  std::thread thread_;
};

InterruptGuard::InterruptGuard(InterruptOptions options) : watch_(std::make_unique<Watch>(options)) {}
InterruptGuard::~InterruptGuard() = default;

std::optional<int> InterruptGuard::signal() const {
  const std::uint32_t word = signal_word.load();
  return word == 0 || word == guard_is_gone ? std::nullopt : std::optional(static_cast<int>(word));
}

namespace pool {

void tell_interrupts(const std::shared_ptr<Interruptible>& target) {
  Registry& all = registry();
  const std::lock_guard guard(all.mutex);
  if (all.cause) std::rethrow_exception(all.cause);
  std::erase_if(all.targets, [](const auto& each) { return each.expired(); });
  all.targets.push_back(target);
}

}  // namespace pool
}  // namespace procyon
