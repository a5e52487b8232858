// What encoding, decoding and calling cost. "memcpy" is the least that moving the same bytes could cost.
#include <benchmark/benchmark.h>

#include <cstring>
#include <string>
#include <vector>

#include "procyon/detail/wire/call.hpp"
#include "procyon/detail/wire/codec.hpp"
#include "procyon/partial.hpp"

namespace {

using namespace procyon;

struct Job {
  int id = 0;
  std::string name;
  std::vector<int> values;
};

template <class T>
void encode(benchmark::State& state, const T& value) {
  wire::Writer writer;
  for (auto _ : state) {
    writer.clear();
    wire::write(writer, value);
    benchmark::DoNotOptimize(writer.bytes().data());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) *
                          static_cast<std::int64_t>(writer.size()));
}

template <class T>
void decode(benchmark::State& state, const T& value) {
  wire::Writer writer;
  wire::write(writer, value);
  for (auto _ : state) {
    wire::Reader reader(writer.bytes());
    T result = wire::read<T>(reader);
    benchmark::DoNotOptimize(&result);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) *
                          static_cast<std::int64_t>(writer.size()));
}

void memcpy_of(benchmark::State& state, std::size_t size) {
  const std::vector<std::byte> from(size);
  std::vector<std::byte> to(size);
  for (auto _ : state) {
    std::memcpy(to.data(), from.data(), size);
    benchmark::DoNotOptimize(to.data());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(size));
}

std::vector<Job> thousand_jobs() {
  std::vector<Job> jobs(1000);
  for (int id = 0; id < 1000; ++id) jobs[id] = {id, "job number " + std::to_string(id), {1, 2, 3, 4, 5}};
  return jobs;
}

int add(int a, int b) { return a + b; }

void encode_a_call(benchmark::State& state) {
  wire::Writer writer;
  for (auto _ : state) {
    writer.clear();
    wire::encode_call(writer, add, 1, 2);
    benchmark::DoNotOptimize(writer.bytes().data());
  }
}

void run_a_call(benchmark::State& state) {
  wire::Writer writer;
  wire::encode_call(
      writer, [](int a, int b) { return a + b; }, 1, 2);
  wire::Writer result;
  for (auto _ : state) {
    wire::Reader reader(writer.bytes());
    result.clear();
    wire::run_call(reader, result);
    benchmark::DoNotOptimize(result.bytes().data());
  }
}

void run_an_item(benchmark::State& state) {
  wire::Writer callable_bytes;
  wire::encode_callable<int>(callable_bytes, partial(add, 1));
  wire::Reader callable_reader(callable_bytes.bytes());
  wire::DecodedCallable callable(callable_reader);
  wire::Writer item;
  wire::Writer result;
  for (auto _ : state) {
    item.clear();
    result.clear();
    wire::encode_arguments<int>(item, 2);
    wire::Reader reader(item.bytes());
    callable.call(reader, result);
    wire::Reader answer(result.bytes());
    benchmark::DoNotOptimize(*wire::decode_outcome<int>(answer));
  }
}

void run_a_call_that_throws(benchmark::State& state) {
  wire::Writer writer;
  wire::encode_call(
      writer, [](int number) -> int { throw std::out_of_range("no " + std::to_string(number)); }, 1);
  wire::Writer result;
  for (auto _ : state) {
    wire::Reader reader(writer.bytes());
    result.clear();
    wire::run_call(reader, result);
    benchmark::DoNotOptimize(result.bytes().data());
  }
}

const std::vector<double> million(1'000'000, 1.5);

BENCHMARK_CAPTURE(encode, int, 5);
BENCHMARK_CAPTURE(decode, int, 5);
BENCHMARK_CAPTURE(encode, short_string, std::string("hello-0"));
BENCHMARK_CAPTURE(decode, short_string, std::string("hello-0"));
BENCHMARK_CAPTURE(encode, vector_of_one_int, std::vector<int>{7});
BENCHMARK_CAPTURE(decode, vector_of_one_int, std::vector<int>{7});
BENCHMARK_CAPTURE(encode, million_doubles, million);
BENCHMARK_CAPTURE(decode, million_doubles, million);
BENCHMARK_CAPTURE(memcpy_of, million_doubles, 8'000'000);
BENCHMARK_CAPTURE(encode, thousand_jobs, thousand_jobs());
BENCHMARK_CAPTURE(decode, thousand_jobs, thousand_jobs());
BENCHMARK(encode_a_call);
BENCHMARK(run_a_call);
BENCHMARK(run_an_item);
BENCHMARK(run_a_call_that_throws);

}  // namespace
