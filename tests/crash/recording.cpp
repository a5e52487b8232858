#include "recording.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "instruction.hpp"

namespace procyon::crash {
namespace {

using Where = KillPoint::Where;

std::uint64_t end_address() { return reinterpret_cast<std::uint64_t>(&end_window); }

/// The writable parts of a process's address space that it shares with others.
class SharedMemory {
 public:
  explicit SharedMemory(pid_t pid) : pid_(pid) { read(); }

  void read() {
    ranges_.clear();
    char path[32];
    std::snprintf(path, sizeof path, "/proc/%d/maps", pid_);
    const int file = ::open(path, O_RDONLY | O_CLOEXEC);
    std::pmr::string text(harness_memory());
    char part[4096];
    for (ssize_t size = 0; file >= 0 && (size = ::read(file, part, sizeof part)) > 0;) {
      text.append(part, static_cast<std::size_t>(size));
    }
    ::close(file);
    for (std::size_t line = 0; line < text.size();) {
      read_line(text.data() + line);
      const std::size_t end = text.find('\n', line);
      line = end == text.npos ? text.size() : end + 1;
    }
  }

  [[nodiscard]] bool contains(std::uint64_t address) const {
    return std::ranges::any_of(ranges_,
                               [&](const Range& r) { return address >= r.begin && address < r.end; });
  }

 private:
  struct Range {
    std::uint64_t begin;
    std::uint64_t end;
  };

  void read_line(const char* line) {
    char* next = nullptr;
    const std::uint64_t begin = std::strtoul(line, &next, 16);
    const std::uint64_t end = std::strtoul(next + 1, &next, 16);
    if (next[2] == 'w' && next[4] == 's') ranges_.push_back({begin, end});  // " rw-s"
  }

  pid_t pid_;
  std::pmr::vector<Range> ranges_{harness_memory()};
};

class Recorder {
 public:
  Recorder(Tracee& tracee, const Options& options, const Observer& observer)
      : tracee_(tracee), options_(options), observer_(observer), shared_(tracee.pid()) {}

  Recording run() {
    tracee_.share_processor();
    while (step()) {
    }
    return std::move(recording_);
  }

 private:
  bool end(Recording::Ending ending) {
    recording_.ending = ending;
    return false;
  }

  bool step() {
    const user_regs_struct registers = tracee_.registers();
    if (observer_) observer_(recording_);
    if (registers.rip == end_address()) return end(Recording::Ending::reached_end);
    if (recording_.steps.size() >= options_.max_instructions) return end(Recording::Ending::cut);
    const Instruction& instruction = instruction_at(registers.rip);
    recording_.steps.push_back(describe(instruction, registers));
    return instruction.system_call ? over_call() : after(tracee_.step(options_.blocked_after));
  }

  [[nodiscard]] RecordedStep describe(const Instruction& instruction,
                                      const user_regs_struct& registers) const {
    RecordedStep step{.address = registers.rip, .locked = instruction.locked};
    if (instruction.system_call) step.call = static_cast<long>(registers.rax);
    const auto written = instruction.written_address(registers);
    step.shared_store = written && shared_.contains(*written);
    return step;
  }

  bool over_call() {
    RecordedStep& step = recording_.steps.back();
    Stop stop = tracee_.enter_call();
    if (stop != Stop::call_entry) {
      step.call = -1;  // a signal's handler came first
      return after(stop);
    }
    stop = tracee_.finish_call(options_.asleep_after);
    if (stop == Stop::asleep) {
      step.slept = true;
      stop = tracee_.wait_on(options_.blocked_after);
    }
    shared_.read();  // the call may have been mmap
    return after(stop);
  }

  bool after(Stop stop) {
    switch (stop) {
      case Stop::ended:
        return end(Recording::Ending::ended);
      case Stop::executed:
        return end(Recording::Ending::executed);
      case Stop::asleep:
        return end(Recording::Ending::blocked);
      default:
        return true;
    }
  }

  const Instruction& instruction_at(std::uint64_t address) {
    const auto known = instructions_.find(address);
    if (known != instructions_.end()) return known->second;
    return instructions_.emplace(address, decode(tracee_.code_at(address))).first->second;
  }

  Tracee& tracee_;
  const Options& options_;
  const Observer& observer_;
  SharedMemory shared_;
  Recording recording_;
  std::pmr::unordered_map<std::uint64_t, Instruction> instructions_{harness_memory()};
};

/// Appends at most `count` of `from`, evenly spread, first and last among them.
void add_spread(const Targets& from, std::size_t count, Targets& to) {
  if (from.size() <= count) {
    to.insert(to.end(), from.begin(), from.end());
  } else if (count == 1) {
    to.push_back(from.back());
  } else {
    for (std::size_t i = 0; i < count; ++i) to.push_back(from[i * (from.size() - 1) / (count - 1)]);
  }
}

void sort_without_doubles(Targets& targets) {
  std::sort(targets.begin(), targets.end());
  targets.erase(std::unique(targets.begin(), targets.end()), targets.end());
}

/// Whether step `i` is one of those that stand for all iterations of a `rep` instruction (or any step otherwise).
class Iterations {
 public:
  explicit Iterations(const std::pmr::vector<RecordedStep>& steps) : steps_(steps) {}

  bool stands_for_the_rest(std::size_t i) {
    if (i >= end_) {
      begin_ = i;
      end_ = i + 1;
      while (end_ < steps_.size() && steps_[end_].address == steps_[i].address) ++end_;
    }
    const std::size_t length = end_ - begin_;
    const std::size_t position = i - begin_;
    return position < 2 || position == length / 2 || position + 1 == length;
  }

 private:
  const std::pmr::vector<RecordedStep>& steps_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

bool window_has_an_end(const Recording& recording) {
  return recording.ending == Recording::Ending::reached_end || recording.ending == Recording::Ending::cut;
}

void add_call_targets(const Recording& recording, std::size_t i, Targets& targets) {
  const RecordedStep& step = recording.steps[i];
  if (step.call < 0) return;
  const bool last = i + 1 == recording.steps.size();
  targets.push_back({i, Where::call_entry});
  if (step.slept) targets.push_back({i, Where::in_call});
  if (!last || window_has_an_end(recording)) targets.push_back({i, Where::call_exit});
}

}  // namespace

std::pmr::vector<std::size_t> Recording::anchors() const {
  std::pmr::vector<std::size_t> anchors(harness_memory());
  std::pmr::unordered_set<std::uint64_t> seen(harness_memory());
  std::size_t anchor = 0;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (seen.insert(steps[i].address).second) anchor = i;
    anchors.push_back(anchor);
  }
  // The end's own address is always new: the window ends when it comes.
  anchors.push_back(ending == Ending::reached_end ? steps.size() : anchor);
  return anchors;
}

Recording record(Tracee& tracee, const Options& options, const Observer& observer) {
  return Recorder(tracee, options, observer).run();
}

Targets all_targets(const Recording& recording) {
  Targets targets(harness_memory());
  Iterations iterations(recording.steps);
  for (std::size_t i = 0; i < recording.steps.size(); ++i) {
    if (iterations.stands_for_the_rest(i)) targets.push_back({i, Where::instruction});
    add_call_targets(recording, i, targets);
  }
  if (window_has_an_end(recording)) targets.push_back({recording.steps.size(), Where::instruction});
  return targets;
}

Targets choose_targets(const Recording& recording, std::optional<std::size_t> budget) {
  Targets all = all_targets(recording);
  if (!budget || all.size() <= *budget) return all;

  Targets chosen({all.front(), all.back()}, harness_memory());
  Targets stores(harness_memory());
  Iterations iterations(recording.steps);
  for (std::size_t i = 0; i < recording.steps.size(); ++i) {
    add_call_targets(recording, i, chosen);
    // The instruction after it: the first at which others can see what it did.
    const Target next{i + 1, Where::instruction};
    if (next > all.back()) continue;
    if (recording.steps[i].locked) chosen.push_back(next);
    if (recording.steps[i].shared_store && iterations.stands_for_the_rest(i)) stores.push_back(next);
  }
  for (const Targets* more : {&stores, &all}) {
    sort_without_doubles(chosen);
    add_spread(*more, *budget - std::min(*budget, chosen.size()), chosen);
  }
  sort_without_doubles(chosen);
  return chosen;
}

}  // namespace procyon::crash
