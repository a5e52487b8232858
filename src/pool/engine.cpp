#include "procyon/detail/pool/engine.hpp"

#include "pool/master.hpp"

namespace procyon::pool {

Engine::Engine(const EngineOptions& options, EncodedTask& initializer)
    : master_(std::make_shared<Master>(options)) {
  tell_interrupts(master_);
  master_->begin(options, initializer);
}

Engine::~Engine() {
  end();
  // After a user's fork: workers and foreman are the parent's. What stands for them here is never touched again.
  if (!master_->is_creator()) static_cast<void>(new std::shared_ptr<Master>(std::move(master_)));
}

void Engine::end() {
  if (master_->is_creator()) master_->end();
}

void Engine::submit(TaskDescription description, EncodedTask& task, bool wait_for_slot) {
  master_->require_creator();
  master_->submit(std::move(description), task, wait_for_slot);
}
void Engine::submit_all(const TaskDescription& description, EncodedTask& task, const ItemRun& items) {
  master_->require_creator();
  master_->submit_all(description, task, items);
}
std::size_t Engine::next_chunk(Job& job) {
  master_->require_creator();
  return master_->next_chunk(job);
}
bool Engine::wait(const Job& job, os::Deadline deadline) {
  master_->require_creator();
  return master_->wait(job, deadline);
}
bool Engine::wait_for(Condition condition, os::Deadline deadline) {
  master_->require_creator();
  return master_->wait_for(condition, deadline);
}
void Engine::collect() {
  master_->require_creator();
  master_->collect_in_passing();
}
bool Engine::end_job(Job& job, const std::exception_ptr& error) {
  master_->require_creator();
  return master_->end_job(job, error);
}
void Engine::end_job_at(const std::shared_ptr<Job>& job, os::Deadline deadline, std::exception_ptr error) {
  master_->require_creator();
  master_->end_job_at(job, deadline, std::move(error));
}

void Engine::open(Job& job) {
  const std::lock_guard guard(mutex());
  job.pending.store(job.pending.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}
void Engine::settled(Job& job) {
  {
    const std::lock_guard guard(mutex());
    Ledger::count_ended(job, 1);
  }
  master_->tell_everybody();
}
void Engine::forget(Job& job) {
  std::vector<std::function<void()>> dropped;
  const std::lock_guard guard(mutex());
  dropped.swap(job.when_ended_);
  job.is_listened_to_ = false;
}
bool Engine::when_ended(Job& job, std::function<void()> call) {
  const std::lock_guard guard(mutex());
  if (job.pending.load(std::memory_order_relaxed) == 0) return false;
  job.when_ended_.push_back(std::move(call));
  job.is_listened_to_ = true;
  return true;
}
void Engine::prepare_callbacks() {
  master_->require_creator();
  master_->callbacks().start();
}
void Engine::call_back(std::function<void()> call) { master_->callbacks().post(std::move(call)); }

class Engine::Waited final : public sync::Waitable {
 public:
  Waited(std::shared_ptr<Engine> engine, std::shared_ptr<const Job> job)
      : engine_(std::move(engine)), job_(std::move(job)) {
    engine_->master_->require_creator();
    engine_->master_->begin_watch();
  }
  ~Waited() override { engine_->master_->end_watch(); }
  bool ready() override {
    engine_->collect();
    return job_->pending.load(std::memory_order_seq_cst) == 0;
  }
  void arm(std::uint32_t bells) override { engine_->master_->ring_when_complete(bells); }

 private:
  std::shared_ptr<Engine> engine_;
  std::shared_ptr<const Job> job_;
};

sync::WaitTarget Engine::wait_target(std::shared_ptr<Engine> engine, std::shared_ptr<const Job> job) {
  const auto* const identity = job.get();
  return {std::make_shared<Waited>(std::move(engine), std::move(job)),
          {sync::WaitTarget::Kind::result, reinterpret_cast<std::uintptr_t>(identity)}};
}

PoolStats Engine::stats() {
  master_->require_creator();
  return master_->stats();
}
std::string Engine::trace_json() {
  master_->require_creator();
  return master_->trace_json();
}

bool Engine::wait_ready(os::Deadline deadline) {
  master_->require_creator();
  return master_->wait_ready(deadline);
}
void Engine::close() {
  master_->require_creator();
  master_->close();
}
void Engine::terminate() {
  master_->require_creator();
  master_->terminate();
}
bool Engine::join(os::Deadline deadline) {
  master_->require_creator();
  return master_->join(deadline);
}
std::uint32_t Engine::slot_count() const { return master_->pool().slot_count; }
std::uint32_t Engine::process_count() const { return master_->pool().worker_count; }
std::mutex& Engine::mutex() {
  master_->require_creator();
  return master_->mutex();
}

}  // namespace procyon::pool
