#include "procyon/process.hpp"

#include <gtest/gtest.h>

namespace procyon {
namespace {

TEST(Process, RunsItsTarget) {
  Process p([](int code) { ::exit(code); }, 7);
  p.start();
  p.join();
  EXPECT_EQ(p.exitcode(), 7);
}

}  // namespace
}  // namespace procyon
