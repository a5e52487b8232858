// A class of processes: derive from ProcessOf and override run().
#include <fmt/core.h>
#include <procyon/procyon.hpp>
#include <string>

namespace mp = procyon;

struct MyProcess : mp::ProcessOf<MyProcess> {
  std::string greeting;
  MyProcess() = default;
  explicit MyProcess(std::string g) : greeting(std::move(g)) {}
  void run() override { fmt::print("{} from {}\n", greeting, name()); }
  template <class A>
  void serialize(A& archive) {
    archive(greeting);
  }
};

int main() {
  MyProcess p1("hello"), p2("goodbye");
  p1.start();
  p2.start();
  p1.join();
  p2.join();
  fmt::print("Done!\n");
}
