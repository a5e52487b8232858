// apply_async() does not wait: the tasks run side by side, and print in any order.
#include <fmt/core.h>
#include <unistd.h>

#include <procyon/procyon.hpp>
#include <thread>

namespace mp = procyon;

std::string worker(const std::string& msg, int seconds) {
  fmt::print("{}\n", getpid());
  std::this_thread::sleep_for(std::chrono::seconds(seconds));
  fmt::print("{}\n", msg);
  return msg;
}

int main(int argc, char** argv) {
  const int seconds = argc > 1 ? std::stoi(argv[1]) : 2;
  mp::Pool p({.processes = 4});
  std::vector<mp::AsyncResult<std::string>> pool_result;
  for (int i = 0; i < 10; ++i)
    pool_result.push_back(p.apply_async(worker, fmt::format("hello-{}", i), seconds));
  for (auto& r : pool_result) fmt::print("return: {}\n", r.get());
  p.close();
  p.join();
}
