// A manager at a path of the file system: the path goes with its server.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "channel/net/test_paths.hpp"
#include "pool/test_support.hpp"
#include "procyon/base_manager.hpp"

namespace procyon {
namespace {

namespace fs = std::filesystem;
using testing::eventually;

struct Counter {
  int inc(int by) { return n += by; }
  int n = 0;
};

void register_all(BaseManager& manager) {
  manager.register_type<Counter>("Counter", methods<&Counter::inc>());
}

class ManagerPath : public ::testing::Test {
 protected:
  [[nodiscard]] fs::path path() const { return directory_.path() / "socket"; }
  [[nodiscard]] ManagerOptions options() const { return {.address = "unix:" + path().string()}; }

 private:
  const channel::net::TestDirectory directory_;
};

TEST_F(ManagerPath, OfAServerThatWasKilledGoesAwayAndMayBeUsedAtOnce) {
  for (int round = 0; round < 3; ++round) {
    BaseManager manager(options());
    register_all(manager);
    manager.start();
    EXPECT_EQ(manager.create<Counter>("Counter").call(m<&Counter::inc>, 2), 2);
    EXPECT_TRUE(fs::is_socket(path()));
    ::kill(*manager.pid(), SIGKILL);
    manager.join();
  }
  EXPECT_TRUE(eventually([&] { return !fs::exists(path()); }));
}

TEST_F(ManagerPath, OfAServerThatWasShutDownIsGone) {
  BaseManager manager(options());
  register_all(manager);
  manager.start();
  manager.shutdown();
  EXPECT_FALSE(fs::exists(path()));
}

}  // namespace
}  // namespace procyon
