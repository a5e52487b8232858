// The other program:  procyon_remote_client ADDRESS MODE
//
//   everything   uses each kind of object that the test has shared; ends with 0 if all was as it should be
//   churn        takes locks, permits and jobs, endlessly, until it is killed
#include <fmt/core.h>

#include <chrono>
#include <mutex>
#include <string>
#include <string_view>

#include "procyon/manager.hpp"

namespace mp = procyon;
using namespace std::chrono_literals;

namespace {

int failures = 0;

void check(bool holds, std::string_view what) {
  if (holds) return;
  fmt::print(stderr, "wrong: {}\n", what);
  ++failures;
}

template <class Error, class Function>
void check_throws(Function function, std::string_view what) {
  try {
    function();
    check(false, what);
  } catch (const Error&) {
  }
}

template <class Locks>
void use_lock(const Locks& lock, std::string_view what) {
  {
    const std::scoped_lock guard(lock);
    check(lock.locked(), what);
  }
  check(lock.try_lock(), what);
  lock.release();
  check(lock.acquire(10s), what);
  lock.unlock();
}

void begin_calls(mp::SyncManager& remote) {
  const auto squares = remote.dict<int, int>();
  auto set = squares.async().set(3, 9);
  auto square = squares.async().at(3);
  check(square.get() == 9, "a call that was begun");
  set.get();

  const auto queue = remote.Queue<std::string>();
  static_cast<void>(queue.async().get());  // dropped: takes nothing
  queue.put("a text");
  auto next = queue.async().get();
  check(next.get() == "a text", "a get that was begun");

  const auto total = remote.Value<double>(0.5);
  mp::Batch batch;
  batch.on(squares).set(4, 16);
  const auto of_batch = batch.on(squares).at(4);
  const auto read = batch.on(total).get();
  batch.on(queue).put("another");
  batch.run();
  batch.check();
  check(batch.outcome(of_batch).value() == 16 && batch.outcome(read).value() == 0.5, "a batch");
  check(queue.qsize() == 1, "a batch that puts");
}

void use_everything(mp::SyncManager& remote) {
  begin_calls(remote);
  const auto counts = remote.find<mp::DictProxy<std::string, int>>("counts");
  check(counts["n"] == 1, "dict: what the other program has set");
  counts["n"] += 1;
  check_throws<std::invalid_argument>([&] { remote.find<mp::DictProxy<std::string, double>>("counts"); },
                                      "dict: another type");

  const auto names = remote.find<mp::ListProxy<std::string>>("names");
  names.push_back("remote");
  const auto seen = remote.find<mp::SetProxy<int>>("seen");
  check(seen.add(7) && !seen.add(7), "set");
  const auto settings = remote.find<mp::NamespaceProxy>("settings");
  check(settings.get<std::string>("name") == "local", "Namespace");
  settings.set("name", "remote");

  const auto nested = remote.find<mp::DictProxy<std::string, mp::ListProxy<int>>>("nested");
  nested.at("a").push_back(5);
  nested.set("mine", remote.list<int>(std::vector{1, 2}));

  const auto lock = remote.find<mp::LockProxy>("lock");
  check(!lock.local(), "Lock: not in this session");
  use_lock(lock, "Lock");
  use_lock(remote.find<mp::RLockProxy>("rlock"), "RLock");
  use_lock(remote.find<mp::ConditionProxy>("condition"), "Condition");
  const auto places = remote.find<mp::SemaphoreProxy>("places");
  { check(places.permit(10s).has_value(), "Semaphore"); }
  const auto event = remote.find<mp::EventProxy>("event");
  check(event.wait(10s), "Event");
  event.clear();

  const auto value = remote.find<mp::ValueProxy<int>>("value");
  check(value.with([](int& n) { return ++n; }) == 2, "Value");
  const auto array = remote.find<mp::ArrayProxy<double>>("array");
  array[1] = 2.5;
  check_throws<std::out_of_range>([&] { static_cast<void>(array.at(3)); }, "Array: no such item");

  const auto queue = remote.find<mp::QueueProxy<std::string>>("queue");
  check(queue.get(10s) == "hello", "Queue: what the other program has put");
  queue.put("hello back");
  const auto jobs = remote.find<mp::JoinableQueueProxy<int>>("jobs");
  check(jobs.get(10s) == 1, "JoinableQueue");
  jobs.task_done();
  check(jobs.join(10s), "JoinableQueue: join");
  check_throws<std::invalid_argument>(
      [&] { static_cast<void>(remote.find<mp::QueueProxy<mp::Lock>>("locks").get()); },
      "a message with objects of the other session");

  const auto pool = remote.find<mp::PoolProxy>("pool");
  check_throws<std::logic_error>([&] { pool.apply([](int n) { return n; }, 1); },
                                 "Pool: of its session only");

  const auto barrier = remote.find<mp::BarrierProxy>("barrier");
  check(barrier.wait(30s) < 2, "Barrier");
}

[[noreturn]] void churn(mp::SyncManager& remote) {
  const auto lock = remote.find<mp::LockProxy>("lock");
  const auto rlock = remote.find<mp::RLockProxy>("rlock");
  const auto places = remote.find<mp::SemaphoreProxy>("places");
  const auto value = remote.find<mp::ValueProxy<int>>("value");
  const auto jobs = remote.find<mp::JoinableQueueProxy<int>>("jobs");
  const auto seen = remote.find<mp::SetProxy<int>>("seen");
  const auto event = remote.find<mp::EventProxy>("event");
  const auto careful = [](const auto& action) {
    try {
      action();
    } catch (mp::OwnerDied& died) {
      died.recover();
    }
  };
  for (;;) {
    careful([&] { const std::scoped_lock guard(lock); });
    careful([&] { const std::scoped_lock guard(rlock), again(rlock); });
    careful([&] { value.with([](int& n) { ++n; }); });
    { const auto permit = places.permit(); }
    if (const auto job = jobs.try_get()) {
      seen.add(*job);
      jobs.task_done();
    }
    event.set();
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  mp::SyncManager remote({.address = argv[1], .authkey = mp::AuthKey("of the test")});
  remote.connect();
  if (std::string_view(argv[2]) == "churn") churn(remote);
  use_everything(remote);
  return failures == 0 ? 0 : 1;
}
