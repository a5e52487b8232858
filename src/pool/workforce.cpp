#include "pool/workforce.hpp"

#include <signal.h>

#include <algorithm>

#include "pool/worker.hpp"
#include "procyon/detail/wire/call.hpp"

namespace procyon::pool {

namespace {

process::EncodedCall encode_worker_call(const arena::Reference& pool, std::uint32_t index,
                                        os::SignalBits blocked, const LastWords* words) {
  process::EncodedCall call;
  process::CallAttachments attachments(call);
  wire::Writer writer(&attachments);
  std::vector<Descriptor> standard_error;
  if (words != nullptr) standard_error.push_back(Descriptor::duplicate_of(words->file().get()));
  wire::encode_procedure(writer, &worker_main, PoolShare(pool), index, blocked, standard_error);
  call.bytes.assign(writer.bytes().begin(), writer.bytes().end());
  return call;
}

}  // namespace

Workforce::Workforce(arena::Reference pool, Options options, std::function<void()> when_one_ends)
    : pool_(std::move(pool)),
      options_(options),
      when_one_ends_(std::move(when_one_ends)),
      workers_(pool_.get<PoolState>().worker_count) {}

pid_t Workforce::start(std::uint32_t index) {
  WorkerSlot& slot = pool_.get<PoolState>().worker(index);
  slot.is_ready.store(0, std::memory_order_relaxed);
  slot.retired.store(0, std::memory_order_relaxed);
  slot.participant.store(0, std::memory_order_relaxed);
  slot.task_began.store(0, std::memory_order_relaxed);
  clear(pool_.get<PoolState>().crash(index));
  const std::string name = "PoolWorker-" + std::to_string(++started_);
  const auto words = options_.keeps_stderr ? std::make_shared<LastWords>() : nullptr;
  auto child = process::make_child({.name = name, .daemon = true, .start_method = options_.start_method},
                                   encode_worker_call(pool_, index, blocked_signals_, words.get()));
  {
    const os::BlockSignals
        blocked;  // the worker begins with this mask: Ctrl-C must not hit it before it ignores that
    child->start();
  }
  const pid_t pid = child->pid().value_or(0);
  {
    const std::lock_guard guard(mutex_);
    workers_[index] = {child, os::Deadline::never(), name, false, words};
  }
  child->on_exit([ends = ends_, index, pid, wake = when_one_ends_](const ExitStatus& status) {
    {
      const std::lock_guard guard(ends->mutex);
      ends->ends.push_back({index, pid, status});
    }
    wake();
  });
  return pid;
}

std::vector<Workforce::End> Workforce::take_ends() {
  std::vector<End> ends;
  {
    const std::lock_guard guard(ends_->mutex);
    ends.swap(ends_->ends);
  }
  const std::lock_guard guard(mutex_);
  for (End& end : ends) {
    Worker& worker = workers_[end.worker];
    end.name = std::move(worker.name);
    end.was_told_to_end = worker.was_told_to_end;
    if (worker.words) end.last_words = worker.words->lines();
    worker = {};
  }
  return ends;
}

void Workforce::end(std::uint32_t worker) {
  const std::lock_guard guard(mutex_);
  if (!workers_[worker].child) return;
  workers_[worker].child->send_signal(SIGTERM);
  workers_[worker].kill_at = os::Deadline::after(grace);
  workers_[worker].was_told_to_end = true;
}

void Workforce::end_all() {
  for (std::uint32_t worker = 0; worker < workers_.size(); ++worker) end(worker);
}

void Workforce::end_overdue() {
  const std::lock_guard guard(mutex_);
  for (Worker& worker : workers_) {
    if (!worker.child || !worker.kill_at.expired()) continue;
    worker.child->send_signal(SIGKILL);
    worker.kill_at = os::Deadline::never();
  }
}

os::Deadline Workforce::next_overdue() const {
  const std::lock_guard guard(mutex_);
  os::Deadline next = os::Deadline::never();
  for (const Worker& worker : workers_)
    if (worker.child) next = std::min(next, worker.kill_at);
  return next;
}

void Workforce::trim_last_words() {
  const std::lock_guard guard(mutex_);
  for (const Worker& worker : workers_)
    if (worker.words) worker.words->trim();
}

std::size_t Workforce::running() const {
  const std::lock_guard guard(mutex_);
  return static_cast<std::size_t>(std::count_if(
      workers_.begin(), workers_.end(), [](const Worker& worker) { return worker.child != nullptr; }));
}

bool Workforce::join_all(os::Deadline deadline) {
  std::vector<std::shared_ptr<process::Child>> children;
  {
    const std::lock_guard guard(mutex_);
    for (const Worker& worker : workers_)
      if (worker.child) children.push_back(worker.child);
  }
  return std::all_of(children.begin(), children.end(),
                     [&](const auto& child) { return child->join(deadline); });
}

}  // namespace procyon::pool
