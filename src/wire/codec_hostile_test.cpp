// Whatever the bytes of a message are, reading them ends in a value or an exception, and takes no more memory than
// messages of that size may need.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>
#include <random>
#include <vector>

#include "procyon/detail/wire/codec.hpp"
#include "wire/codec_samples.hpp"

namespace {
std::atomic<std::size_t> largest_request = 0;

void* count_and_allocate(std::size_t size) {
  std::size_t known = largest_request.load(std::memory_order_relaxed);
  while (known < size && !largest_request.compare_exchange_weak(known, size, std::memory_order_relaxed)) {
  }
  void* memory = std::malloc(std::max<std::size_t>(size, 1));
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
}  // namespace

void* operator new(std::size_t size) { return count_and_allocate(size); }
void* operator new[](std::size_t size) { return count_and_allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace procyon::wire {
namespace {

template <class T>
std::vector<std::byte> encode(const T& value) {
  Writer writer;
  write(writer, value);
  return {writer.bytes().begin(), writer.bytes().end()};
}

TEST(HostileBytes, EveryPrefixOfAnEncodingIsRefused) {
  samples::for_each([]<class T>(const char* name, const T& value) {
    const std::vector<std::byte> bytes = encode(value);
    const std::size_t step = std::max<std::size_t>(bytes.size() / 500, 1);
    for (std::size_t length = 0; length < bytes.size(); length += step) {
      // On the heap and of exactly that length, so that a sanitizer sees a read beyond it.
      const std::vector<std::byte> prefix(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length));
      Reader reader(prefix);
      EXPECT_THROW(read<T>(reader), DecodeError)
          << name << ", " << length << " of " << bytes.size() << " bytes";
    }
  });
}

TEST(HostileBytes, DamagedMessagesEndInAValueOrAnErrorAndTakeLittleMemory) {
  std::mt19937 random(20240501);
  const std::byte values[] = {std::byte{0}, std::byte{1}, std::byte{0x7f}, std::byte{0x80}, std::byte{0xff}};
  samples::for_each([&]<class T>(const char* name, const T& value) {
    const std::vector<std::byte> bytes = encode(value);
    if (bytes.empty()) return;
    for (int round = 0; round < 300; ++round) {
      std::vector<std::byte> damaged = bytes;
      for (int count = 0; count < 1 + round % 4; ++count)
        damaged[random() % damaged.size()] = values[random() % 5];
      largest_request = 0;
      try {
        Reader reader(damaged);
        static_cast<void>(read<T>(reader));
      } catch (const DecodeError&) {
      }
      EXPECT_LE(largest_request.load(), 64 * damaged.size() + 8192) << name;
    }
  });
}

template <class T>
void expect_refused_without_memory(std::uint64_t length) {
  Writer writer;
  writer.put(length);
  for (int filler = 0; filler < 100; ++filler) writer.put(std::uint8_t{1});
  largest_request = 0;
  Reader reader(writer.bytes());
  EXPECT_THROW(read<T>(reader), DecodeError) << type_name<T>();
  EXPECT_LE(largest_request.load(), 10'000U) << type_name<T>();
}

struct Wide {
  std::variant<std::monostate, std::array<char, 10'000>> value;
};

TEST(HostileBytes, HugeLengthsAreRefusedBeforeMemoryIsTaken) {
  for (const std::uint64_t length : {std::uint64_t{101}, std::uint64_t{1} << 32, ~std::uint64_t{0},
                                     (std::uint64_t{1} << 61) + 1, ~std::uint64_t{0} / 8 + 2}) {
    expect_refused_without_memory<std::string>(length);
    expect_refused_without_memory<std::u32string>(length);
    expect_refused_without_memory<std::vector<double>>(length);
    expect_refused_without_memory<std::vector<std::string>>(length);
    expect_refused_without_memory<std::vector<std::monostate>>(length);
    expect_refused_without_memory<std::vector<samples::Empty>>(length);
    expect_refused_without_memory<std::deque<int>>(length);
    expect_refused_without_memory<std::list<std::tuple<>>>(length);
    expect_refused_without_memory<std::map<int, int>>(length);
    expect_refused_without_memory<std::unordered_map<int, std::string>>(length);
  }
  expect_refused_without_memory<std::vector<bool>>(1000);
  expect_refused_without_memory<std::vector<bool>>(~std::uint64_t{0});
}

TEST(HostileBytes, ElementsThatAreLargerThanTheirBytesAreNotReservedAhead) {
  Writer writer;
  writer.put(std::uint64_t{1000});
  for (int count = 0; count < 1000; ++count) writer.put(std::uint8_t{0});
  largest_request = 0;
  Reader reader(writer.bytes());
  EXPECT_THROW(read<std::vector<Wide>>(reader), DecodeError);
  // 1,000 bytes of message stand for at most 500 elements, of which the vector holds what it has read so far, no more.
  EXPECT_LE(largest_request.load(), 1024 * sizeof(Wide));
}

TEST(HostileBytes, ValuesThatATypeDoesNotHaveAreRefused) {
  const auto refused = []<class T>(std::type_identity<T>, std::vector<std::uint8_t> bytes) {
    Reader reader(std::as_bytes(std::span<const std::uint8_t>(bytes)));
    EXPECT_THROW(read<T>(reader), DecodeError) << type_name<T>();
  };
  refused(std::type_identity<bool>{}, {2});
  refused(std::type_identity<samples::Switch>{}, {0xff});
  refused(std::type_identity<std::optional<int>>{}, {2, 0, 0, 0, 0});
  refused(std::type_identity<std::unique_ptr<int>>{}, {7, 0, 0, 0, 0});
  refused(std::type_identity<std::variant<int, double>>{}, {2, 0, 0, 0, 0, 0, 0, 0, 0, 0});
  refused(std::type_identity<samples::Flags>{}, {0, 0, 0, 0, 3});
}

struct Chain {
  std::unique_ptr<Chain> next;
};

TEST(HostileBytes, NestingThatWouldUseUpTheStackIsRefused) {
  const std::vector<std::byte> bytes(1'000'000, std::byte{1});
  Reader reader(bytes);
  EXPECT_THROW(read<Chain>(reader), DecodeError);
}

}  // namespace
}  // namespace procyon::wire
