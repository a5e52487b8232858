// Messages of all sizes through queues and pipes: streams between one and several processes, and round trips with their
// 99th percentile. Every byte is made by the writer and summed up by the reader.
//
// A contender's name: stream/<producers>-<consumers>/<bytes>/<who>, or trip/<bytes>/<who>.
#include <procyon/pipe.hpp>
#include <procyon/process.hpp>
#include <procyon/queue.hpp>
#include <procyon/value.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <span>
#include <vector>

#include "harness.hpp"
#include "peers/byte_ring.hpp"
#include "peers/channels.hpp"
#include "peers/rings.hpp"

namespace mp = procyon;

namespace bench {
namespace {

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;
constexpr std::size_t largest_by_value = 4 * kib;  // larger messages lie on the heap
constexpr std::size_t capacity = 1024;

template <std::size_t Size>
using MessageOf = Message<Size / sizeof(std::uint64_t)>;
template <std::size_t Size>
using Made = std::unique_ptr<MessageOf<Size>>;

template <std::size_t Size>
void fill(MessageOf<Size>& message, std::uint64_t number) {
  const std::uint64_t seed = number * 0x9E3779B97F4A7C15U;
  for (std::size_t word = 0; word < message.words.size(); ++word) message.words[word] = seed + word;
}
std::uint64_t sum_of(std::span<const std::uint64_t> words) {
  std::uint64_t sum = 0;
  for (const std::uint64_t word : words) sum += word;
  return sum;
}
// What fill() and sum_of() give for the numbers from 0 on.
template <std::size_t Size>
std::uint64_t expected(std::uint64_t count) {
  constexpr std::uint64_t words = Size / sizeof(std::uint64_t);
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < count; ++i)
    sum += words * (i * 0x9E3779B97F4A7C15U) + words * (words - 1) / 2;
  return sum;
}

// As many as take some tenths of a second with a quick queue; a hundredth of it with `slow` ones.
template <std::size_t Size>
constexpr std::uint64_t stream_length(std::uint64_t slowness) {
  const std::uint64_t quick = Size <= 64        ? 4'000'000
                              : Size <= 4 * kib ? 1'000'000
                                                : std::uint64_t{2048} * mib / Size;
  return std::max<std::uint64_t>(quick / slowness / 8 * 8, 8);
}
template <std::size_t Size>
constexpr std::uint64_t trip_count = Size <= 4 * kib ? 20'000
                                     : Size <= mib   ? 2'000
                                                     : 60;

// Peers: put(const void*) and get(void*) of Size bytes, inherited by forked children ------------------------------

template <std::size_t Size>
class SpscChannel {
 public:
  void put(const void* message) { ring_.put(*static_cast<const MessageOf<Size>*>(message)); }
  void get(void* message) { *static_cast<MessageOf<Size>*>(message) = ring_.get(); }

 private:
  SpscRing<MessageOf<Size>, capacity> ring_;
};

template <std::size_t Size>
class VyukovChannel {
 public:
  void put(const void* message) { ring_.put(*static_cast<const MessageOf<Size>*>(message)); }
  void get(void* message) { *static_cast<MessageOf<Size>*>(message) = ring_.get(); }

 private:
  VyukovRing<MessageOf<Size>, capacity> ring_;
};

template <std::size_t Size, int Producers, int Consumers, class Channel, std::uint64_t Slowness>
Result stream() {
  constexpr std::uint64_t count = stream_length<Size>(Slowness);
  auto& channel = shared<Channel>();
  auto& sum = shared<std::atomic<std::uint64_t>>(0U);
  const Stopwatch watch;
  std::vector<pid_t> children;
  for (int consumer = 0; consumer < Consumers; ++consumer)
    children.push_back(in_child([&] {
      const auto message = std::make_unique<MessageOf<Size>>();
      std::uint64_t mine = 0;
      for (std::uint64_t i = 0; i < count / Consumers; ++i) {
        channel.get(message.get());
        mine += sum_of(message->words);
      }
      sum += mine;
    }));
  const auto produce = [&](int producer) {
    const auto message = std::make_unique<MessageOf<Size>>();
    for (std::uint64_t i = static_cast<std::uint64_t>(producer); i < count; i += Producers) {
      fill<Size>(*message, i);
      channel.put(message.get());
    }
  };
  for (int producer = 1; producer < Producers; ++producer)
    children.push_back(in_child([&] { produce(producer); }));
  produce(0);
  for (const pid_t child : children) join_child(child);
  const Result result = watch.stop(static_cast<double>(count));
  require(sum == expected<Size>(count), "messages were lost or changed");
  return result;
}

template <class Trip>
Result measure_trips(std::uint64_t count, Trip trip) {
  std::vector<double> times;
  times.reserve(count);
  trip(0);  // whoever sleeps at first is awake then
  const Stopwatch watch;
  for (std::uint64_t i = 1; i <= count; ++i) {
    const auto start = std::chrono::steady_clock::now();
    trip(i);
    times.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  Result result = watch.stop(static_cast<double>(count));
  result.p99 = percentile_99(std::move(times));
  return result;
}

template <std::size_t Size, class Channel>
Result round_trip() {
  constexpr std::uint64_t count = trip_count<Size>;
  auto& there = shared<Channel>();
  auto& back = shared<Channel>();
  const pid_t echo = in_child([&] {
    const auto message = std::make_unique<MessageOf<Size>>();
    for (std::uint64_t i = 0; i <= count; ++i) {
      there.get(message.get());
      back.put(message.get());
    }
  });
  const auto message = std::make_unique<MessageOf<Size>>();
  std::uint64_t sum = 0;
  const Result result = measure_trips(count, [&](std::uint64_t i) {
    fill<Size>(*message, i);
    there.put(message.get());
    back.get(message.get());
    sum += sum_of(message->words);
  });
  join_child(echo);
  require(sum == expected<Size>(count + 1), "messages were lost or changed");
  return result;
}

// Procyon --------------------------------------------------------------------------------------------------------

// Small messages are values; of large ones the vector is made once, and read where it lies.
template <std::size_t Size>
class OurQueue {
 public:
  static constexpr bool by_value = Size <= largest_by_value;
  using Item = std::conditional_t<by_value, MessageOf<Size>, std::vector<std::uint64_t>>;
  using Queue = mp::Queue<Item>;

  static Item item() {
    if constexpr (by_value)
      return {};
    else
      return Item(Size / sizeof(std::uint64_t));
  }
  static void fill(Item& item, std::uint64_t number) {
    const std::uint64_t seed = number * 0x9E3779B97F4A7C15U;
    if constexpr (by_value) {
      bench::fill<Size>(item, number);
    } else {
      for (std::size_t word = 0; word < item.size(); ++word) item[word] = seed + word;
    }
  }
  static std::uint64_t take(Queue& queue) {
    if constexpr (by_value)
      return sum_of(queue.get().words);
    else
      return sum_of(*queue.get_view());
  }
  static std::size_t bound() { return by_value ? capacity : 8; }
};

template <std::size_t Size>
void our_reader(typename OurQueue<Size>::Queue queue, mp::Value<std::uint64_t> sum, std::uint64_t count) {
  std::uint64_t mine = 0;
  for (std::uint64_t i = 0; i < count; ++i) mine += OurQueue<Size>::take(queue);
  std::atomic_ref(sum.value()) += mine;
}

template <std::size_t Size>
void our_writer(typename OurQueue<Size>::Queue queue, std::uint64_t first, std::uint64_t step,
                std::uint64_t count) {
  auto item = OurQueue<Size>::item();
  for (std::uint64_t i = first; i < count; i += step) {
    OurQueue<Size>::fill(item, i);
    queue.put(item);
  }
}

void nothing() {}

// Starts what is started once.
void warm_up() {
  mp::Process process(nothing);
  process.start();
  process.join();
}

template <std::size_t Size, int Producers, int Consumers>
Result our_stream() {
  constexpr std::uint64_t count = stream_length<Size>(1);
  typename OurQueue<Size>::Queue queue(OurQueue<Size>::bound());
  const mp::Value<std::uint64_t> sum(0);
  warm_up();
  std::vector<std::unique_ptr<mp::Process>> children;
  const Stopwatch watch;
  for (int consumer = 0; consumer < Consumers; ++consumer)
    children.push_back(std::make_unique<mp::Process>(our_reader<Size>, queue, sum, count / Consumers));
  for (int producer = 1; producer < Producers; ++producer)
    children.push_back(std::make_unique<mp::Process>(
        our_writer<Size>, queue, static_cast<std::uint64_t>(producer), std::uint64_t{Producers}, count));
  for (const auto& child : children) child->start();
  our_writer<Size>(queue, 0, Producers, count);
  for (const auto& child : children) child->join();
  const Result result = watch.stop(static_cast<double>(count));
  require(sum.value() == expected<Size>(count), "messages were lost or changed");
  return result;
}

template <std::size_t Size>
void our_echo(typename OurQueue<Size>::Queue there, typename OurQueue<Size>::Queue back,
              std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) back.put(there.get());
}

template <std::size_t Size>
Result our_round_trip() {
  constexpr std::uint64_t count = trip_count<Size>;
  typename OurQueue<Size>::Queue there(OurQueue<Size>::bound());
  typename OurQueue<Size>::Queue back(OurQueue<Size>::bound());
  mp::Process echo(our_echo<Size>, there, back, count + 1);
  echo.start();
  auto item = OurQueue<Size>::item();
  std::uint64_t sum = 0;
  const Result result = measure_trips(count, [&](std::uint64_t i) {
    OurQueue<Size>::fill(item, i);
    there.put(item);
    sum += OurQueue<Size>::take(back);
  });
  echo.join();
  require(sum == expected<Size>(count + 1), "messages were lost or changed");
  return result;
}

template <std::size_t Size>
void pipe_reader(mp::Connection in, mp::Value<std::uint64_t> sum, std::uint64_t count) {
  std::vector<std::uint64_t> words(Size / sizeof(std::uint64_t));
  for (std::uint64_t i = 0; i < count; ++i) {
    require(in.recv_bytes_into(std::as_writable_bytes(std::span(words))) == Size, "a message is short");
    sum.value() += sum_of(words);
  }
}

template <std::size_t Size>
Result our_pipe_stream() {
  constexpr std::uint64_t count = stream_length<Size>(Size <= 4 * kib ? 8 : 1);
  auto [in, out] = mp::Pipe(mp::one_way);
  const mp::Value<std::uint64_t> sum(0);
  warm_up();
  mp::Process reader(pipe_reader<Size>, in, sum, count);
  const auto message = std::make_unique<MessageOf<Size>>();
  const Stopwatch watch;
  reader.start();
  for (std::uint64_t i = 0; i < count; ++i) {
    fill<Size>(*message, i);
    out.send_bytes(std::as_bytes(std::span(message->words)));
  }
  reader.join();
  const Result result = watch.stop(static_cast<double>(count));
  require(sum.value() == expected<Size>(count), "messages were lost or changed");
  return result;
}

template <std::size_t Size>
void pipe_echo(mp::Connection end, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) end.send_bytes(end.recv_bytes());
}

template <std::size_t Size>
Result our_pipe_round_trip() {
  constexpr std::uint64_t count = trip_count<Size>;
  auto [mine, theirs] = mp::Pipe();
  mp::Process echo(pipe_echo<Size>, theirs, count + 1);
  echo.start();
  const auto message = std::make_unique<MessageOf<Size>>();
  std::uint64_t sum = 0;
  const auto bytes = std::as_writable_bytes(std::span(message->words));
  const Result result = measure_trips(count, [&, &mine = mine](std::uint64_t i) {
    fill<Size>(*message, i);
    mine.send_bytes(bytes);
    mine.recv_bytes_into(bytes);
    sum += sum_of(message->words);
  });
  echo.join();
  require(sum == expected<Size>(count + 1), "messages were lost or changed");
  return result;
}

// All of it ------------------------------------------------------------------------------------------------------

std::vector<Contender> contenders;

template <std::size_t Size, int Producers, int Consumers>
void add_streams() {
  const std::string work = "stream/" + std::to_string(Producers) + "-" + std::to_string(Consumers) + "/" +
                           std::to_string(Size) + "/";
  const auto add = [&](const char* who, Result (*run)()) { contenders.push_back({work + who, run}); };
  constexpr std::uint64_t slow = Size <= 4 * kib ? 10 : 4;
  add("procyon", our_stream<Size, Producers, Consumers>);
  if constexpr (Size <= largest_by_value) {
    if constexpr (Producers == 1 && Consumers == 1) add("ring", stream<Size, 1, 1, SpscChannel<Size>, 1>);
    add("vyukov", stream<Size, Producers, Consumers, VyukovChannel<Size>, 4>);
    add("posix", stream<Size, Producers, Consumers, PosixChannel<Size>, slow>);
  } else {
    add("ring", stream<Size, 1, 1, ByteRing<Size>, 1>);
  }
  if constexpr (Size <= mib) add("boost", stream<Size, Producers, Consumers, BoostChannel<Size>, slow>);
  add("pipe", stream<Size, Producers, Consumers, PipeChannel<Size>, slow>);
  add("socketpair", stream<Size, Producers, Consumers, SocketChannel<Size>, slow>);
  if constexpr (Producers == 1 && Consumers == 1) add("procyon-pipe", our_pipe_stream<Size>);
}

template <std::size_t Size>
void add_trips() {
  const std::string work = "trip/" + std::to_string(Size) + "/";
  const auto add = [&](const char* who, Result (*run)()) { contenders.push_back({work + who, run}); };
  add("procyon", our_round_trip<Size>);
  add("procyon-pipe", our_pipe_round_trip<Size>);
  if constexpr (Size <= largest_by_value) {
    add("ring", round_trip<Size, SpscChannel<Size>>);
    add("posix", round_trip<Size, PosixChannel<Size>>);
  } else {
    add("ring", round_trip<Size, ByteRing<Size>>);
  }
  if constexpr (Size <= mib) add("boost", round_trip<Size, BoostChannel<Size>>);
  add("pipe", round_trip<Size, PipeChannel<Size>>);
  add("socketpair", round_trip<Size, SocketChannel<Size>>);
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  using namespace bench;
  add_streams<8, 1, 1>();
  add_streams<64, 1, 1>();
  add_streams<64, 2, 1>();
  add_streams<64, 4, 4>();
  add_streams<kib, 1, 1>();
  add_streams<kib, 4, 4>();
  add_streams<64 * kib, 1, 1>();
  add_streams<mib, 1, 1>();
  add_streams<16 * mib, 1, 1>();
  add_trips<8>();
  add_trips<64>();
  add_trips<kib>();
  add_trips<64 * kib>();
  add_trips<mib>();
  return run_contender(argc, argv, contenders);
}
