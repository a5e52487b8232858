#include "manager/served_pool.hpp"

#include <utility>

#include "procyon/detail/manager/pool_call.hpp"
#include "procyon/detail/wire/call.hpp"

namespace procyon::manager {

const Method<ServedPool> ServedPool::methods_[] = {
    {"run(calls)->outcomes", &ServedPool::run},
    {"close()", &ServedPool::close},
    {"terminate()", &ServedPool::terminate},
    {"join()", &ServedPool::join},
};

namespace {

// In a worker: what each call ends with, as wire::decode_outcome() reads it.
PoolOutcomes run_calls(const PoolCalls& calls) {
  PoolOutcomes outcomes;
  outcomes.reserve(calls.size());
  for (const std::string& call : calls) {
    wire::Reader reader(std::as_bytes(std::span(call)));
    wire::Writer outcome;
    wire::run_call(reader, outcome);
    outcomes.emplace_back(reinterpret_cast<const char*>(outcome.bytes().data()), outcome.size());
  }
  return outcomes;
}

}  // namespace

ServedPointer ServedPool::make(Loop& loop, IncomingCall& arguments) {
  const auto [type, options] = arguments.read<std::string, ManagedPoolOptions>();
  return std::make_shared<ServedPool>(
      loop, PoolOptions{.processes = options.processes, .maxtasksperchild = options.maxtasksperchild});
}

ServedPool::~ServedPool() {
  try {
    loop_.run_aside([pool = std::move(pool_)] {});
  } catch (...) {
    // No thread could be had: then the workers end here.
  }
}

void ServedPool::call(IncomingCall call) { run_method(*this, methods_, std::move(call)); }
std::vector<std::string> ServedPool::methods() const { return names_of(methods_); }
std::string ServedPool::text() const { return "Pool"; }

void ServedPool::run(IncomingCall& call) {
  const auto [calls] = call.read<PoolCalls>();
  const auto waiting = std::make_shared<IncomingCall>(std::move(call));
  try {
    pool_->apply_async(
        {.callback = [waiting](const PoolOutcomes& outcomes) { waiting->reply(outcomes); },
         .error_callback = [waiting](const Error& error) { waiting->fail(error.exception()); }},
        &run_calls, calls);
  } catch (...) {
    waiting->fail(std::current_exception());
  }
}

void ServedPool::close(IncomingCall& call) {
  call.read<>();
  pool_->close();
  call.reply();
}

void ServedPool::terminate(IncomingCall& call) {
  call.read<>();
  end_aside(call, [](Pool& pool) { pool.terminate(); });
}

void ServedPool::join(IncomingCall& call) {
  call.read<>();
  end_aside(call, [](Pool& pool) { pool.join(); });
}

void ServedPool::end_aside(IncomingCall& call, void (*end)(Pool&)) {
  loop_.run_aside([pool = pool_, waiting = std::make_shared<IncomingCall>(std::move(call)), end] {
    try {
      end(*pool);
      waiting->reply();
    } catch (...) {
      waiting->fail(std::current_exception());
    }
  });
}

}  // namespace procyon::manager
