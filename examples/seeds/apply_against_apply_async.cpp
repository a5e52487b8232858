// What is the difference? apply() returns the result, so it waits, and the next task is given out only then: four processes
// do the work of one. apply_async() returns at once; the loop is over before the first task, and four run side by side.
#include <fmt/core.h>

#include <procyon/procyon.hpp>

namespace mp = procyon;

std::string work(const std::string& msg, mp::Value<int> running, mp::Value<int> most) {
  const int now = running.with([](int& n) { return ++n; });
  most.with([now](int& n) { n = std::max(n, now); });
  running.with([](int& n) { --n; });
  return msg;
}

std::string wait_for(const std::string& msg, mp::Semaphore begun, mp::Event go) {
  begun.release();
  go.wait();
  return msg;
}

int main() {
  mp::Pool p({.processes = 4});

  mp::Value<int> running(0);
  mp::Value<int> most(0);
  for (int i = 0; i < 10; ++i)
    fmt::print("apply has returned {}\n", p.apply(work, fmt::format("hello-{}", i), running, most));
  fmt::print("apply: at most {} task at a time\n\n", most.value());

  mp::Semaphore begun(0);
  mp::Event go;
  std::vector<mp::AsyncResult<std::string>> results;
  for (int i = 0; i < 10; ++i) {
    results.push_back(p.apply_async(wait_for, fmt::format("hello-{}", i), begun, go));
    fmt::print("apply_async has given out hello-{}, ready: {}\n", i, results.back().ready());
  }
  for (int i = 0; i < 4; ++i) begun.acquire();
  fmt::print("apply_async: four tasks at a time\n");
  go.set();
  for (auto& result : results) fmt::print("return: {}\n", result.get());
  p.close();
  p.join();
}
