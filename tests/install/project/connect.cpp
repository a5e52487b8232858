// Starts a process that connects by address, so the program needs what is linked only to those that do.
#include <chrono>
#include <cstdio>
#include <procyon/procyon.hpp>
#include <string>

namespace mp = procyon;

void introduce(const std::string& address) {
  auto connection = mp::connection::Client(address, {.authkey = mp::current_process().authkey()});
  connection.send(std::string("connect"));
}

int main() {
  mp::connection::Listener listener({.authkey = mp::current_process().authkey()});
  mp::Process process(introduce, listener.address());
  process.start();
  auto connection = listener.accept(std::chrono::seconds(60));
  std::printf("Hello, %s\n", connection.recv<std::string>(std::chrono::seconds(60)).c_str());
  process.join();
  std::printf("exit code %d\n", process.exitcode().value_or(-1));
}
