// Queues of 64-byte messages: a stream from one process to another, put and get in one process, and a round trip
// between two that are awake or asleep. Every byte is made by the writer and summed up by the reader.
#include <unistd.h>
#include <procyon/process.hpp>
#include <procyon/queue.hpp>
#include <procyon/value.hpp>

#include <boost/interprocess/ipc/message_queue.hpp>
#include <string>

#include "harness.hpp"
#include "peers/rings.hpp"

namespace mp = procyon;

namespace bench {
namespace {

using boost::interprocess::create_only;
using boost::interprocess::message_queue;

constexpr std::size_t capacity = 1024;
constexpr std::uint64_t streamed = 4'000'000;
constexpr std::uint64_t round_trips = 100'000;
constexpr std::uint64_t sleepy_round_trips = 4'000;
constexpr std::chrono::microseconds until_asleep{50};

using Ring = SpscRing<Message64, capacity>;
using ManyRing = VyukovRing<Message64, capacity>;
using Mailbox = FutexMailbox<Message64>;
using OurQueue = mp::Queue<Message64>;

class BoostQueue {
 public:
  BoostQueue()
      : name_("procyon-benchmark-" + std::to_string(::getpid()) + "-" + std::to_string(made++)),
        queue_(create_only, name_.c_str(), capacity, sizeof(Message64)) {
    message_queue::remove(name_.c_str());  // children inherit the mapping
  }
  void put(const Message64& message) { queue_.send(&message, sizeof message, 0); }
  Message64 get() {
    Message64 message;
    std::size_t size = 0;
    unsigned priority = 0;
    queue_.receive(&message, sizeof message, size, priority);
    return message;
  }

 private:
  inline static int made = 0;
  std::string name_;
  message_queue queue_;
};

class PipeQueue {
 public:
  PipeQueue() { require(::pipe(ends_) == 0, "pipe failed"); }
  void put(const Message64& message) {
    require(::write(ends_[1], &message, sizeof message) == sizeof message, "write failed");
  }
  Message64 get() {
    Message64 message;
    require(::read(ends_[0], &message, sizeof message) == sizeof message, "read failed");
    return message;
  }

 private:
  int ends_[2] = {-1, -1};
};

template <class Queue>
Result stream() {
  auto& queue = shared<Queue>();
  auto& sum = shared<std::uint64_t>(0U);
  const std::uint64_t expected = expected_checksum<Message64>(streamed);
  const Stopwatch watch;
  const pid_t reader = in_child([&] {
    for (std::uint64_t i = 0; i < streamed; ++i) sum += queue.get().checksum();
  });
  for (std::uint64_t i = 0; i < streamed; ++i) queue.put(Message64::number(i));
  join_child(reader);
  const Result result = watch.stop(streamed);
  require(sum == expected, "messages were lost or changed");
  return result;
}

template <class Queue>
Result measure_put_and_get(Queue& queue) {
  std::uint64_t sum = 0;
  const Stopwatch watch;
  for (std::uint64_t i = 0; i < streamed; ++i) {
    queue.put(Message64::number(i));
    sum += queue.get().checksum();
  }
  const Result result = watch.stop(streamed);
  require(sum == expected_checksum<Message64>(streamed), "messages were lost or changed");
  return result;
}

template <class Queue>
Result put_and_get() {
  return measure_put_and_get(shared<Queue>());
}

void our_reader(OurQueue queue, mp::Value<std::uint64_t> sum, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) sum.value() += queue.get().checksum();
}

Result our_stream() {
  OurQueue queue(capacity);
  const mp::Value<std::uint64_t> sum(0);
  const std::uint64_t expected = expected_checksum<Message64>(streamed);
  mp::Process warm_up(our_reader, queue, sum, 0);  // starts what is started once
  warm_up.start();
  warm_up.join();
  mp::Process reader(our_reader, queue, sum, streamed);
  const Stopwatch watch;
  reader.start();
  for (std::uint64_t i = 0; i < streamed; ++i) queue.put(Message64::number(i));
  reader.join();
  const Result result = watch.stop(streamed);
  require(sum.value() == expected, "messages were lost or changed");
  return result;
}

Result our_put_and_get() {
  OurQueue queue(capacity);
  return measure_put_and_get(queue);
}

void busy_rest(std::chrono::microseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < end) pause_briefly();
}

// With a rest before each message the other side has fallen asleep, and so has this one when the answer comes. The
// rest itself is not counted; it is busy, because an idle core takes its own time to come back.
template <class Queue>
Result measure_round_trips(Queue& there, Queue& back, std::uint64_t count, std::chrono::microseconds rest) {
  std::uint64_t sum = 0;
  std::chrono::duration<double> travelling{};
  const Stopwatch watch;
  for (std::uint64_t i = 0; i < count; ++i) {
    busy_rest(rest);
    const auto start = std::chrono::steady_clock::now();
    there.put(Message64::number(i));
    sum += back.get().checksum();
    travelling += std::chrono::steady_clock::now() - start;
  }
  const Result whole = watch.stop(static_cast<double>(count));
  require(sum == expected_checksum<Message64>(count), "messages were lost or changed");
  return {whole.operations, travelling.count(), whole.seconds};
}

template <class Queue>
Result round_trip(std::uint64_t count, std::chrono::microseconds rest) {
  auto& there = shared<Queue>();
  auto& back = shared<Queue>();
  const pid_t echo = in_child([&] {
    for (std::uint64_t i = 0; i < count; ++i) back.put(there.get());
  });
  const Result result = measure_round_trips(there, back, count, rest);
  join_child(echo);
  return result;
}

void our_echo(OurQueue there, OurQueue back, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) back.put(there.get());
}

Result our_round_trip(std::uint64_t count, std::chrono::microseconds rest) {
  OurQueue there(capacity);
  OurQueue back(capacity);
  mp::Process echo(our_echo, there, back, count);
  echo.start();
  const Result result = measure_round_trips(there, back, count, rest);
  echo.join();
  return result;
}
Result our_awake() { return our_round_trip(round_trips, {}); }
Result our_asleep() { return our_round_trip(sleepy_round_trips, until_asleep); }

template <class Queue>
Result awake() {
  return round_trip<Queue>(round_trips, {});
}
template <class Queue>
Result asleep() {
  return round_trip<Queue>(sleepy_round_trips, until_asleep);
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  using namespace bench;
  return run_contender(argc, argv,
                       {
                           {"stream/procyon", our_stream},
                           {"stream/ring", stream<Ring>},
                           {"stream/vyukov", stream<ManyRing>},
                           {"stream/boost", stream<BoostQueue>},
                           {"stream/pipe", stream<PipeQueue>},
                           {"put-get/procyon", our_put_and_get},
                           {"put-get/ring", put_and_get<Ring>},
                           {"put-get/vyukov", put_and_get<ManyRing>},
                           {"put-get/boost", put_and_get<BoostQueue>},
                           {"put-get/pipe", put_and_get<PipeQueue>},
                           {"awake/procyon", our_awake},
                           {"awake/ring", awake<Ring>},
                           {"awake/boost", awake<BoostQueue>},
                           {"awake/pipe", awake<PipeQueue>},
                           {"asleep/procyon", our_asleep},
                           {"asleep/futex", asleep<Mailbox>},
                           {"asleep/boost", asleep<BoostQueue>},
                           {"asleep/pipe", asleep<PipeQueue>},
                       });
}
