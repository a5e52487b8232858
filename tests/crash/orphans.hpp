// What a killed process leaves: its children, which become this process's, and must end by themselves.
//
//   .prepare = [&] { crash::adopt_orphans(); crash::end_orphans(); ... },
//   .check = [&](const crash::KillPoint&) { crash::expect_everybody_ends(); ... }
//
// For scenarios that have no children of their own.
#pragma once

#include <chrono>

namespace procyon::crash {

/// Processes whose parent died become this process's children.
void adopt_orphans();

/// Waits until there are no children any more; otherwise one of them is named in a failure. Returns how long it took.
std::chrono::milliseconds expect_everybody_ends();

/// For a run that was given up: kills them.
void end_orphans();

}  // namespace procyon::crash
