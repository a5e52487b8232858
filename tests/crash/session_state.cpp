#include "session_state.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <optional>
#include <thread>

#include "arena/blocks.hpp"
#include "arena/test_process.hpp"
#include "os/memfd.hpp"
#include "procyon/detail/os/futex.hpp"
#include "shared_page.hpp"

namespace procyon::crash {
namespace {

using arena::BlockKind;
using arena::BlockState;
using arena::Handle;
using arena::Session;
using arena::Unit;

std::optional<arena::testing::TestProcess> helper;

BlockKind kind_of(const Unit& unit) { return BlockState::from_bits(unit.state.load()).kind; }

// Makes one cold run of each stretch of free runs and empty slabs, and forgets the last one.
void cool_down(Session& session) {
  Unit* const units = arena::unit_table(session);
  std::uint32_t open = 0;  // the free run that what follows is joined to
  for_each_run(session, [&](std::uint32_t index, Unit& unit) {
    const BlockKind kind = kind_of(unit);
    const bool empty_slab = kind == BlockKind::slab && arena::slab_at(session, index).used.load() == 0;
    if (kind != BlockKind::free && kind != BlockKind::cold && !empty_slab) {
      open = 0;
      return;
    }
    const std::uint32_t length = unit.length.load();
    if (kind != BlockKind::cold)
      os::decommit(session.memory(), std::size_t{index} << arena::unit_bits,
                   std::size_t{length} << arena::unit_bits);
    unit.state.store(BlockState{BlockKind::cold, 0, 0}.bits());
    if (open == 0)
      open = index;
    else
      units[open].length.fetch_add(length);
  });
  if (open != 0) session.header().frontier.store(open);
  session.header().warm_units.store(0);
}

void use(Handle block) {
  Session& session = Session::current();
  std::byte* const bytes = session.bytes(block);
  ASSERT_NE(bytes, nullptr);
  const std::size_t size = session.size(block);
  std::memset(bytes, 0xa5, 64);
  std::memset(bytes + size - 64, 0xa5, 64);
}

void allocate_and_release() {
  Session& session = Session::current();
  for (const std::size_t size : {64, 10'000, 70'000, 200'000}) {
    const Handle block = session.allocate(size);
    use(block);
    session.release(block);
  }
}

}  // namespace

void start_helper(const std::function<int()>& body) { helper.emplace(body); }

int end_of_helper() {
  const int code = helper->wait();
  helper.reset();
  return code;
}

void make_session_like_new() {
  helper.reset();
  Session& session = Session::current();
  session.self();
  session.recover_everybody();
  arena::ArenaLock lock(session);
  arena::rebuild_locked(session);
  cool_down(session);
  session.header().next_slot.store(1);
}

std::size_t used_bytes() { return Session::current().used_bytes(); }

void expect_session_is_whole(std::size_t used) {
  Session& session = Session::current();
  allocate_and_release();
  session.recover_everybody();
  session.verify();
  EXPECT_EQ(session.used_bytes(), used);
  allocate_and_release();
  session.verify();
  EXPECT_EQ(session.used_bytes(), used);
}

arena::ParticipantId let_somebody_die(const std::function<void()>& body) {
  static const SharedPage<std::atomic<std::uint32_t>> identity;
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      *identity = Session::current().self().bits();
      body();
      ::kill(::getpid(), SIGKILL);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
    }
    ::_exit(1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "it died otherwise than it was meant to";
  return arena::ParticipantId::from_bits(*identity);
}

Options waiting_window() {
  Options options = Options::from_environment();
  options.blocked_after = os::wait_slice / 5;  // beside Options::asleep_after, which comes first
  if (options.budget) options.budget = std::min<std::size_t>(*options.budget, 120);  // most of it spins
  return options;
}

Options slow_check(std::size_t budget) {
  Options options = Options::from_environment();
  if (options.budget) options.budget = std::min(*options.budget, budget);
  return options;
}

bool comes_true(const std::function<bool()>& condition) {
  using Clock = std::chrono::steady_clock;
  for (const auto limit = Clock::now() + std::chrono::seconds(20); Clock::now() < limit;) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
  return false;
}

}  // namespace procyon::crash
