// Tests with a manager of their own, once over a socket of this machine and once over TCP.
//
//   class Async : public OverEitherTransport {};
//   INSTANTIATE_TEST_SUITE_P(Over, Async, transports, name_of_transport);
#pragma once

#include <gtest/gtest.h>

#include "procyon/manager.hpp"

namespace procyon::manager::test {

class OverEitherTransport : public ::testing::TestWithParam<const char*> {
 protected:
  Manager manager{{.address = GetParam()}};
};

inline const auto transports = ::testing::Values("", "tcp://127.0.0.1:0");
inline constexpr auto name_of_transport = [](const auto& each) {
  return *each.param == '\0' ? "unix" : "tcp";
};

}  // namespace procyon::manager::test
