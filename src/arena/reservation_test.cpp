#include "arena/reservation.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "arena/test_process.hpp"
#include "procyon/detail/arena/session.hpp"
#include "procyon/errors.hpp"

namespace procyon::arena {
namespace {

using testing::TestProcess;

void limit(int resource, rlim_t bytes) {
  const rlimit value{bytes, bytes};
  if (::setrlimit(static_cast<__rlimit_resource_t>(resource), &value) != 0) ::abort();
}

// Each in a child of its own, forked before this process has a session: limits cannot be undone, and a process has one
// session for good.
TEST(Reservation, SizesAreReadWithTheirUnits) {
  EXPECT_EQ(parse_size("4096", "x"), 4096u);
  EXPECT_EQ(parse_size("64K", "x"), 65536u);
  EXPECT_EQ(parse_size("2G", "x"), std::uint64_t{2} << 30);
  for (const char* wrong : {"", "G", "-1", "12X", "1 M", "99999999999999G"})
    EXPECT_THROW(parse_size(wrong, "x"), std::invalid_argument) << wrong;
}

TEST(Reservation, AFileSizeLimitBoundsItAndExhaustionIsAnError) {
  EXPECT_EQ(TestProcess([] {
              limit(RLIMIT_FSIZE, 8 << 20);
              Session& session = Session::current();
              if (session.reserved_bytes() > 8 << 20) return 1;
              try {
                for (;;) session.allocate(1 << 20);
              } catch (const SessionError& error) {
                return std::string(error.what()).find("RLIMIT_FSIZE") != std::string::npos ? 0 : 2;
              }
            }).wait(),
            0);
}

TEST(Reservation, AFileSizeLimitSetLaterIsAnErrorAndNotASignal) {
  EXPECT_EQ(TestProcess([] {
              Session& session = Session::current();
              session.self();
              limit(RLIMIT_FSIZE, 1 << 20);
              try {
                session.allocate(64 << 20);
              } catch (const SessionError&) {
                session.verify();
                return 0;
              }
              return 1;
            }).wait(),
            0);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST(Reservation, AnAddressSpaceLimitBoundsIt) {
  EXPECT_EQ(TestProcess([] {
              limit(RLIMIT_AS, std::uint64_t{1} << 30);
              Session& session = Session::current();
              session.release(session.allocate(1 << 20));
              return session.reserved_bytes() <= (1u << 30) / 4 ? 0 : 1;
            }).wait(),
            0);
}

TEST(Reservation, LockedMemoryDoesNotPopulateTheHole) {
  EXPECT_EQ(TestProcess([] {
              if (::mlockall(MCL_FUTURE) != 0) return 3;
              Session& session = Session::current();
              session.release(session.allocate(1 << 20));
              return 0;
            }).wait(),
            0);
}

TEST(Reservation, AnOrdinaryUserWithLockedMemoryGetsAsMuchAsMayBeLocked) {
  if (::getuid() != 0)
    GTEST_SKIP() << "gives up root's right to lock without limit, so it must be root first";
  EXPECT_EQ(TestProcess([] {
              limit(RLIMIT_MEMLOCK, 8 << 20);
              if (::setuid(65534) != 0 || ::mlockall(MCL_FUTURE) != 0) return 3;
              Session& session = Session::current();
              session.release(session.allocate(100'000));
              return session.reserved_bytes() <= 4 << 20 ? 0 : 1;
            }).wait(),
            0);
}

TEST(Reservation, LockingAllMemoryLaterDoesNotPopulateTheHole) {
  EXPECT_EQ(TestProcess([] {
              Session& session = Session::current();
              session.release(session.allocate(1 << 20));
              return ::mlockall(MCL_CURRENT) == 0 ? 0 : 1;
            }).wait(),
            0);
}
#endif

TEST(Reservation, TheEnvironmentSetsTheSize) {
  EXPECT_EQ(TestProcess([] {
              ::setenv("PROCYON_ARENA_SIZE", "32M", 1);
              return Session::current().reserved_bytes() == 32 << 20 ? 0 : 1;
            }).wait(),
            0);
}

TEST(Reservation, ASizeThatHoldsNoSessionIsAnErrorThatSaysSo) {
  EXPECT_EQ(TestProcess([] {
              ::setenv("PROCYON_ARENA_SIZE", "64K", 1);
              try {
                Session::current();
              } catch (const SessionError& error) {
                return std::string(error.what()).find("PROCYON_ARENA_SIZE") != std::string::npos ? 0 : 2;
              }
              return 1;
            }).wait(),
            0);
}

TEST(Reservation, ACrashDoesNotDumpIt) {
  EXPECT_EQ(TestProcess([] {
              Session& session = Session::current();
              const auto start = reinterpret_cast<std::uintptr_t>(session.base());
              std::ifstream maps("/proc/self/smaps");
              bool inside = false;
              for (std::string line; std::getline(maps, line);) {
                if (line.find('-') != std::string::npos && line.find("procyon-session") != std::string::npos)
                  inside = std::stoull(line, nullptr, 16) == start;
                else if (inside && line.rfind("VmFlags:", 0) == 0)
                  return line.find(" dd") != std::string::npos ? 0 : 2;
              }
              return 1;
            }).wait(),
            0);
}

}  // namespace
}  // namespace procyon::arena
