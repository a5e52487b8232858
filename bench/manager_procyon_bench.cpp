// A table of numbers in the server of a manager, asked through a proxy: the work of manager_bench.cpp by Procyon.
#include <procyon/base_manager.hpp>

#include <unordered_map>

#include "harness.hpp"

namespace mp = procyon;

namespace bench {
namespace {

constexpr std::uint64_t calls = 40'000;
constexpr std::uint64_t keys = 100;
constexpr std::uint64_t proxies = 4'000;
constexpr std::uint64_t batch_size = 100;

class Table {
 public:
  void set(std::uint64_t key, std::uint64_t value) { values_[key] = value; }
  std::uint64_t get(std::uint64_t key) { return values_[key]; }

 private:
  std::unordered_map<std::uint64_t, std::uint64_t> values_;
};

mp::BaseManager start_server(const char* address) {
  mp::BaseManager manager({.address = address});
  manager.register_type<Table>("Table", mp::methods<&Table::get, &Table::set>(), mp::quick);
  manager.register_type<Table>("TableAside", mp::methods<&Table::get, &Table::set>());
  manager.start();
  return manager;
}

// By turns: what was set is what is got.
Result measure_calls(const char* address, const char* type) {
  mp::BaseManager manager = start_server(address);
  const auto table = manager.create<Table>(type);
  const Stopwatch watch;
  for (std::uint64_t i = 0; i < calls / 2; ++i) {
    table.call(mp::m<&Table::set>, i % keys, i);
    require(table.call(mp::m<&Table::get>, i % keys) == i, "a wrong answer");
  }
  return watch.stop(calls);
}

Result measure_proxies(const char* address) {
  mp::BaseManager manager = start_server(address);
  const Stopwatch watch;
  for (std::uint64_t i = 0; i < proxies; ++i)
    require(manager.create<Table>("Table").call(mp::m<&Table::get>, i) == 0, "a wrong answer");
  return watch.stop(proxies);
}

Result measure_batches(const char* address) {
  mp::BaseManager manager = start_server(address);
  const auto table = manager.create<Table>("Table");
  const Stopwatch watch;
  for (std::uint64_t i = 0; i < calls; i += batch_size) {
    mp::Batch batch;
    for (std::uint64_t j = 0; j < batch_size; ++j) batch.add(table, mp::m<&Table::set>, (i + j) % keys, i);
    batch.run();
    batch.check();
  }
  return watch.stop(calls);
}

constexpr const char* local = "";
constexpr const char* tcp = "tcp://127.0.0.1:0";

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  using namespace bench;
  return run_contender(argc, argv,
                       {{"local/procyon", [] { return measure_calls(local, "Table"); }},
                        {"local/procyon-aside", [] { return measure_calls(local, "TableAside"); }},
                        {"local/procyon-proxy", [] { return measure_proxies(local); }},
                        {"local/procyon-batch", [] { return measure_batches(local); }},
                        {"tcp/procyon", [] { return measure_calls(tcp, "Table"); }},
                        {"tcp/procyon-proxy", [] { return measure_proxies(tcp); }},
                        {"tcp/procyon-batch", [] { return measure_batches(tcp); }}});
}
