// Served objects and proxies without a server: for tests.
//
//   TestLoop loop;
//   auto client = loop.connect();                            // a Link; of a process of the session: connect(true)
//   manager::create_object<mp::DictProxy<int, int>>(client).set(1, 2);
//   client->die();                                           // as by kill -9
//   loop.let_all_time_pass();                                // every time-out comes
//
// Calls are carried out by whoever waits for one, one at a time: that is the loop thread. Its clock stands still but for
// let_all_time_pass(), so tests give times of an hour and wait for none.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "manager/served_object.hpp"
#include "procyon/errors.hpp"

namespace procyon::manager::test {

class TestLink;

class TestLoop final : public Loop, private IncomingCall::Sink {
 public:
  TestLoop() = default;
  ~TestLoop() override {
    is_ending_ = true;
    for (std::thread& thread : aside_) thread.join();
    run_posted();
    objects_.clear();
  }

  std::shared_ptr<TestLink> connect(bool in_session = false);

  void post(std::function<void()> action) override {
    const std::scoped_lock guard(posted_mutex_);
    posted_.push_back(std::move(action));
    changed_.notify_all();
  }
  TimerId at(os::Deadline, std::function<void()> action) override {
    timers_[++last_timer_] = std::move(action);
    return last_timer_;
  }
  void cancel_timer(TimerId timer) override { timers_.erase(timer); }
  void run_aside(std::function<void()> action) override { aside_.emplace_back(std::move(action)); }
  bool is_ending() const override { return is_ending_; }

  void let_all_time_pass() {
    const std::scoped_lock guard(mutex_);
    while (!timers_.empty()) {
      const auto action = std::move(timers_.begin()->second);
      timers_.erase(timers_.begin());
      action();
    }
  }
  /// Returns once so many calls wait in the server.
  void wait_for_calls(std::size_t count) {
    std::unique_lock lock(posted_mutex_);
    changed_.wait(lock, [&] {
      const auto kept = [](const auto& pending) { return pending.second->kept; };
      return static_cast<std::size_t>(std::ranges::count_if(pending_, kept)) == count;
    });
  }
  std::size_t number_of_objects() {
    const std::scoped_lock guard(mutex_);
    return objects_.size();
  }

 private:
  friend class TestLink;
  struct Completion {
    bool done = false;
    std::vector<std::byte> bytes;
    std::vector<ServedPointer> objects;
    std::exception_ptr error;
    bool kept = false;  // by its object, which has not answered at once
  };
  struct Counted {
    ServedPointer object;
    std::string type;
    std::size_t references = 0;
  };

  void complete(ClientId, std::uint64_t call, std::vector<std::byte> bytes,
                std::vector<ServedPointer> objects) override {
    end(call, {true, std::move(bytes), std::move(objects), nullptr});
  }
  void complete_with_error(ClientId, std::uint64_t call, std::exception_ptr error) override {
    end(call, {true, {}, {}, std::move(error)});
  }
  void end(std::uint64_t call, Completion completion) {
    const std::scoped_lock guard(posted_mutex_);
    if (const auto found = pending_.find(call); found != pending_.end()) {
      *found->second = std::move(completion);
      pending_.erase(found);
    }
    changed_.notify_all();
  }
  void run_posted() {
    const std::scoped_lock guard(mutex_);
    for (;;) {
      std::function<void()> action;
      {
        const std::scoped_lock posted(posted_mutex_);
        if (posted_.empty()) return;
        action = std::move(posted_.front());
        posted_.pop_front();
      }
      action();
    }
  }
  ObjectId count(const ServedPointer& object, const std::string& type) {
    for (auto& [id, counted] : objects_)
      if (counted.object == object) return ++counted.references, id;
    objects_[++last_object_] = {object, type, 1};
    return last_object_;
  }

  std::recursive_mutex mutex_;  // whoever has it is the loop thread
  std::map<ObjectId, Counted> objects_;
  std::map<TimerId, std::function<void()>> timers_;
  TimerId last_timer_ = 0;
  ObjectId last_object_ = 0;
  ClientId last_client_ = 0;
  std::vector<std::thread> aside_;
  std::atomic<bool> is_ending_{false};

  std::mutex posted_mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> posted_;
  std::map<std::uint64_t, std::shared_ptr<Completion>> pending_;
  std::uint64_t last_call_ = 0;
};

class TestLink final : public Link {
 public:
  TestLink(TestLoop& loop, ClientId client, bool in_session)
      : loop_(loop), client_(client), in_session_(in_session) {}

  Answer call(ObjectId object, MethodId method, std::span<const std::byte> arguments,
              std::span<const ObjectReference> objects, os::Deadline) override {
    const auto completion = std::make_shared<TestLoop::Completion>();
    {
      const std::scoped_lock guard(loop_.mutex_);
      check_alive();
      IncomingCall call = incoming(method, arguments, objects, completion);
      const ServedPointer served = loop_.objects_.at(object).object;
      served->call(std::move(call));
      const std::scoped_lock posted(loop_.posted_mutex_);
      completion->kept = !completion->done;
      loop_.changed_.notify_all();
    }
    for (std::unique_lock lock(loop_.posted_mutex_); !completion->done;) {
      loop_.changed_.wait(lock, [&] { return completion->done || !loop_.posted_.empty() || dead_; });
      if (dead_ && !completion->done) throw ManagerGone("procyon: this client of the test was killed");
      lock.unlock();
      loop_.run_posted();
      lock.lock();
    }
    if (completion->error) std::rethrow_exception(completion->error);
    return answer(*completion);
  }

  std::unique_ptr<PendingAnswer> begin(ObjectId, MethodId, std::span<const std::byte>,
                                       std::span<const ObjectReference>) override {
    throw std::logic_error("not in this test");
  }

  ObjectReference create(std::string_view type, std::span<const std::byte> arguments,
                         std::span<const ObjectReference> objects) override {
    const std::scoped_lock guard(loop_.mutex_);
    const auto completion = std::make_shared<TestLoop::Completion>();
    IncomingCall call = incoming(0, arguments, objects, completion);
    for (const ServedType& served : standard_types())
      if (served.name == type.substr(0, type.find('<')))
        return reference(served.make(loop_, call), std::string(type));
    throw std::invalid_argument("no such type: " + std::string(type));
  }
  ObjectReference find(std::string_view) override { throw std::logic_error("not in this test"); }
  ObjectDescription describe(ObjectId object) override {
    const std::scoped_lock guard(loop_.mutex_);
    const auto& counted = loop_.objects_.at(object);
    return {counted.type, in_session_ ? counted.object->local() : std::nullopt, counted.object->text()};
  }
  std::vector<std::string> methods(ObjectId) override { return {}; }
  std::uint64_t lease(ObjectId) override { throw std::logic_error("not in this test"); }
  ObjectReference claim(ObjectId, std::uint64_t) override { throw std::logic_error("not in this test"); }
  const std::string& address() const override { return address_; }
  bool is_in_session() const override { return in_session_; }

  /// The same object for another client.
  template <class Proxy>
  Proxy same(const Proxy& proxy) {
    const std::scoped_lock guard(loop_.mutex_);
    const auto& counted = loop_.objects_.at(proxy.object_reference().object());
    return Proxy(reference(counted.object, counted.type));
  }
  void die() {
    const std::scoped_lock guard(loop_.mutex_);
    {
      const std::scoped_lock posted(loop_.posted_mutex_);
      dead_ = true;
      for (const std::uint64_t call : calls_) loop_.pending_.erase(call);
      loop_.changed_.notify_all();
    }
    std::vector<ServedPointer> objects;
    for (const auto& [id, counted] : loop_.objects_) objects.push_back(counted.object);
    for (const ServedPointer& object : objects) object->client_gone(client_);
  }
  /// Gives up the call that this client waits in.
  void cancel_calls() {
    const std::scoped_lock guard(loop_.mutex_);
    std::vector<ServedPointer> objects;
    for (const auto& [id, counted] : loop_.objects_) objects.push_back(counted.object);
    for (const ServedPointer& object : objects)
      for (const std::uint64_t call : std::vector(calls_)) object->cancel(client_, call);
  }

 private:
  void check_alive() const {
    if (dead_) throw ManagerGone("procyon: this client of the test was killed");
  }
  IncomingCall incoming(MethodId method, std::span<const std::byte> arguments,
                        std::span<const ObjectReference> objects,
                        const std::shared_ptr<TestLoop::Completion>& completion) {
    std::vector<ServedPointer> served;
    for (const ObjectReference& object : objects) served.push_back(loop_.objects_.at(object.object()).object);
    static std::atomic<std::uint64_t> threads{0};
    thread_local const std::uint64_t thread = ++threads;
    const std::scoped_lock guard(loop_.posted_mutex_);
    const std::uint64_t number = ++loop_.last_call_;
    if (method != 0) {
      loop_.pending_[number] = completion;
      calls_.push_back(number);
    }
    loop_.changed_.notify_all();
    return IncomingCall(loop_, {client_, thread}, number, method, {arguments.begin(), arguments.end()},
                        std::move(served));
  }
  ObjectReference reference(const ServedPointer& object, const std::string& type) {
    return ObjectReference(shared_from_this(), loop_.count(object, type));
  }
  Answer answer(TestLoop::Completion& completion) {
    const std::scoped_lock guard(loop_.mutex_);
    Answer answer{std::move(completion.bytes), {}};
    for (const ServedPointer& object : completion.objects) answer.objects.push_back(reference(object, "?"));
    completion.objects.clear();
    return answer;
  }
  void release(ObjectId object, std::uint64_t) noexcept override {
    ServedPointer last;
    const std::scoped_lock guard(loop_.mutex_);
    const auto found = loop_.objects_.find(object);
    if (found == loop_.objects_.end() || --found->second.references > 0) return;
    last = std::move(found->second.object);
    loop_.objects_.erase(found);
  }

  TestLoop& loop_;
  ClientId client_;
  bool in_session_;
  bool dead_ = false;
  std::vector<std::uint64_t> calls_;
  std::string address_ = "test:";
};

inline std::shared_ptr<TestLink> TestLoop::connect(bool in_session) {
  const std::scoped_lock guard(mutex_);
  return std::make_shared<TestLink>(*this, ++last_client_, in_session);
}

}  // namespace procyon::manager::test
