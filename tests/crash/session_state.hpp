// What the scenarios of all structures have in common: a session in a known state before each run, and the look at it
// after a death.
//
//   .prepare = [&] { crash::make_session_like_new(); queue.emplace(); used = crash::used_bytes(); },
//   .check = [&](const crash::KillPoint&) { crash::expect_session_is_whole(used); }
//
// For tests that have the session to themselves: make_session_like_new() moves what no process of a living session may.
#pragma once

#include <cstddef>
#include <functional>

#include "procyon/detail/arena/session.hpp"
#include "stepper.hpp"

namespace procyon::crash {

/// Recovers everybody who died, and lets the free memory look as in the session's first moment: none warm, no empty
/// slab, no hints, the frontier behind the last block in use. What is allocated stays. So each victim of a scenario
/// goes the same way.
void make_session_like_new();

/// Bytes in use by anybody.
std::size_t used_bytes();

/// Somebody died: the living allocate before and after he is recovered, every invariant holds, and `used` bytes are in
/// use afterwards. Throws, or adds failures to the test.
void expect_session_is_whole(std::size_t used);

/// Forks a child that runs `body` and then kills itself. Returns its identity, when it is gone.
arena::ParticipantId let_somebody_die(const std::function<void()>& body);

/// Forks a process that runs beside the scenario's run, one at a time. What an abandoned run left of it is killed by the
/// next make_session_like_new(), which must therefore come first.
void start_helper(const std::function<int()>& body);
/// Waits for its end and returns its exit code.
int end_of_helper();

/// For a window that ends in a wait for something that never comes. The library's waits look around once in a slice, so
/// the sleep that ends the window must be shorter than one.
Options waiting_window();

/// For a check in which a survivor may sleep to the end of its slice (os::wait_slice): at most `budget` points, unless
/// every instruction is wanted.
Options slow_check(std::size_t budget = 60);

/// Waits for what another process does; false if it has not done so in 20 s.
bool comes_true(const std::function<bool()>& condition);

}  // namespace procyon::crash
