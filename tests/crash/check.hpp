// Running a scenario's own code from the harness: bounded in time, its complaints caught.
#pragma once

#include "stepper.hpp"

namespace procyon::crash {

/// scenario.prepare(), if it has one; aborts with a sentence after options.watchdog.
void run_prepare(const Scenario& scenario, const Options& options);

/// scenario.check() after `point`. What it throws, and every gtest failure in it, becomes one entry of
/// report.failures and a line on stderr; gtest itself does not hear of it.
void run_check(const Scenario& scenario, const Options& options, const KillPoint& point, KillReport& report);

void add_failure(const KillPoint& point, const std::string& message, KillReport& report);

/// Throws std::logic_error if the scenario lacks its victim or its check.
void require_complete(const Scenario& scenario);

/// Prints the report and makes each of its failures one of the running test.
void tell_test(const KillReport& report);

}  // namespace procyon::crash
