// What one uninterrupted run of a victim's window did, instruction by instruction: the map by which the kills are
// planned and reached.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory_resource>
#include <optional>
#include <vector>

#include "harness_memory.hpp"
#include "stepper.hpp"
#include "tracee.hpp"

namespace procyon::crash {

struct RecordedStep {
  std::uint64_t address = 0;
  long call = -1;             // number of the system call that it makes
  bool locked = false;        // a locked instruction
  bool shared_store = false;  // stores to memory that is mapped shared
  bool slept = false;         // the system call slept for Options::asleep_after
};

struct Recording {
  enum class Ending {
    reached_end,  // end_window()
    ended,        // the victim exited or was killed in its window
    executed,     // it became another program
    blocked,      // the last step is a system call that slept for ever
    cut           // Options::max_instructions
  };

  std::pmr::vector<RecordedStep> steps{harness_memory()};
  Ending ending = Ending::reached_end;

  /// For step k the last step up to it that runs its instruction for the first time: a breakpoint there, from the
  /// window's start, stops exactly then; the rest is stepped.
  [[nodiscard]] std::pmr::vector<std::size_t> anchors() const;
};

/// Called before each instruction, for tests of the recorder itself.
using Observer = std::function<void(const Recording&)>;

/// `tracee` stands at its window's start; afterwards at its end, or wherever the window ended.
Recording record(Tracee& tracee, const Options& options, const Observer& observer = {});

/// One place to kill at.
struct Target {
  std::size_t step = 0;
  KillPoint::Where where = KillPoint::Where::instruction;

  friend auto operator<=>(const Target&, const Target&) = default;
};

using Targets = std::pmr::vector<Target>;

/// Every place there is, in order. The iterations of one `rep` instruction count as four.
Targets all_targets(const Recording& recording);

/// Those of them that a budget allows (see stepper.hpp), in order; all if it is empty.
Targets choose_targets(const Recording& recording, std::optional<std::size_t> budget);

}  // namespace procyon::crash
