// The state of a pool in its master, shared with the foreman's thread: what Engine stands for.
//
// Its functions are in files by subject: who submits (master_submit.cpp), who waits and collects (master_wait.cpp), the
// foreman (foreman.cpp), and its beginning and end (master.cpp). Threads: any of the creating process, but for the
// foreman's functions, which are that thread's.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "arena/participants.hpp"
#include "pool/callbacks.hpp"
#include "pool/certificate.hpp"
#include "pool/interrupts.hpp"
#include "pool/ledger.hpp"
#include "pool/observer.hpp"
#include "pool/restart_pace.hpp"
#include "pool/thread_worker.hpp"
#include "pool/workforce.hpp"
#include "procyon/detail/pool/engine.hpp"

namespace procyon::pool {

class Engine::Master final : public Interruptible {
 public:
  explicit Master(const EngineOptions& options);

  void begin(const EngineOptions& options, EncodedTask& initializer);
  bool end_job(Job& job, const std::exception_ptr& error);
  void end_job_at(const std::shared_ptr<Job>& job, os::Deadline deadline, std::exception_ptr error);
  void submit(TaskDescription description, EncodedTask& task, bool wait_for_slot);
  void submit_all(const TaskDescription& description, EncodedTask& task, const ItemRun& items);
  std::size_t next_chunk(Job& job);
  bool wait_for(Condition condition, os::Deadline deadline);
  bool wait(const Job& job, os::Deadline deadline);
  void collect();
  void collect_in_passing();
  // For wait(), which listens to this process's bell: counted like any waiter, so that nobody asks to be woken late.
  void begin_watch();
  void end_watch();
  void ring_when_complete(std::uint32_t bells);
  bool wait_ready(os::Deadline deadline);
  void interrupt(const std::exception_ptr& cause, os::Deadline drained_by) override;
  void close();
  void terminate();
  bool join(os::Deadline deadline);
  void end();

  PoolStats stats();
  std::string trace_json();

  /// False in a forked child, where the pool is its parent's.
  [[nodiscard]] bool is_creator() const { return arena::current_participant() == creator_; }
  [[nodiscard]] const PoolState& pool() const { return pool_; }
  std::mutex& mutex() { return mutex_; }
  Callbacks& callbacks() { return callbacks_; }
  void tell_everybody() {
    wake_waiters();
    wake_collector();
  }

  /// First thing everywhere: in a forked child even the mutex may be held for ever, and results are the parent's.
  void require_creator() const {
    if (!is_creator())
      throw std::logic_error("procyon: this pool belongs to the process that made it; a child cannot use it");
  }

 private:
  enum class Life : std::uint8_t { open, closed, terminated };

  void require_open() const;
  void require_no_task_of_mine(const char* call) const;
  void check_timeout(TaskDescription& description, const EncodedTask& task) const;
  static void ask_to_stop(const std::vector<Ledger::StopRequest>& requests);
  bool try_submit(const TaskDescription& description, EncodedTask& task);
  void run_here();
  void start_here();
  void start_threads(std::uint32_t count);
  bool end_at_once(const TaskDescription& description);
  void wait_for_room(const Job& job, std::size_t window);
  [[nodiscard]] std::size_t tasks_to_await(std::size_t missing) const;
  static void ring(os::FutexWord& bell);
  void wake_foreman() { ring(*foremans_bell_); }
  void wake_waiters();
  void wake_collector();

  // The foreman's work.
  void run_foreman();
  bool foremans_round();
  void deal_with_ends();
  static std::exception_ptr loss(const Certificate& certificate, const TaskDescription& task,
                                 std::uint32_t item, bool condemned);
  std::exception_ptr initializer_error(std::uint32_t worker);
  void replace(std::uint32_t worker);
  void break_pool(const std::exception_ptr& cause);
  [[nodiscard]] os::Deadline next_round() const;

  arena::Session& session_;
  const arena::ParticipantId creator_;
  arena::Reference reference_;
  PoolState& pool_;

  mutable std::mutex mutex_;  // guards all below up to the next blank line
  Observer observer_;
  Ledger ledger_;
  Life life_ = Life::open;
  std::exception_ptr broken_;
  std::exception_ptr
      interrupted_;  // what the pool is broken with at `drained_by_`, or when all tasks have ended
  os::Deadline drained_by_ = os::Deadline::never();
  std::vector<std::uint32_t> to_end_;  // workers whose running item was condemned by end_job()
  struct Start {
    std::uint32_t worker;
    os::Deadline not_before;
  };
  std::vector<Start> to_start_;  // workers that could not be started yet, or have to wait
  std::uint32_t idle_ends_ = 0;  // ends of workers in a row that were never ready for tasks

  // The foreman sleeps on it. Shared with the supervisor, who may ring it when this pool is gone.
  std::shared_ptr<os::FutexWord> foremans_bell_ = std::make_shared<os::FutexWord>(0);
  const Workers workers_;
  Workforce workforce_;  // of these three, one is in use
  ThreadWorkers threads_;
  std::recursive_mutex here_;                 // held by the caller that runs tasks, which may give out more
  std::exception_ptr thread_failed_;          // an initializer; guarded by mutex_
  std::optional<Certificates> certificates_;  // the foreman's, as are the next two
  RestartPace restart_pace_;
  std::int64_t last_end_ = 0;
  std::atomic<std::uint32_t> waiters_{0};
  std::atomic<std::uint32_t> watches_{0};  // waiters of wait(): told by this process's bell
  std::mutex collecting_;                  // held by the one thread that sleeps on the workers' word
  os::FutexWord local_word_{0};            // waiters who do not collect sleep on it
  std::atomic<bool> is_shut_{false};       // broken or terminated: nothing will be given out any more
  std::atomic<bool> ended_{false};
  std::thread foreman_;
  Callbacks callbacks_;
};

}  // namespace procyon::pool
