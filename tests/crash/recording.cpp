#include "recording.hpp"

#include <algorithm>
#include <cstdio>
#include <set>
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
    const std::string path = "/proc/" + std::to_string(pid_) + "/maps";
    std::FILE* file = std::fopen(path.c_str(), "re");
    if (file == nullptr) return;
    char line[4500];
    while (std::fgets(line, sizeof line, file) != nullptr) {
      unsigned long begin = 0;
      unsigned long end = 0;
      char rights[5] = {};
      if (std::sscanf(line, "%lx-%lx %4s", &begin, &end, rights) == 3 && rights[1] == 'w' &&
          rights[3] == 's') {
        ranges_.push_back({begin, end});
      }
    }
    std::fclose(file);
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
  pid_t pid_;
  std::vector<Range> ranges_;
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
  std::unordered_map<std::uint64_t, Instruction> instructions_;
};

/// At most `count` of them, evenly spread, first and last among them.
std::vector<Target> spread(const std::vector<Target>& targets, std::size_t count) {
  if (targets.size() <= count) return targets;
  if (count == 0) return {};
  if (count == 1) return {targets.back()};
  std::vector<Target> chosen;
  for (std::size_t i = 0; i < count; ++i) chosen.push_back(targets[i * (targets.size() - 1) / (count - 1)]);
  return chosen;
}

/// Whether step `i` is one of those that stand for all iterations of a `rep` instruction (or any step otherwise).
class Iterations {
 public:
  explicit Iterations(const std::vector<RecordedStep>& steps) : steps_(steps) {}

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
  const std::vector<RecordedStep>& steps_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

bool window_has_an_end(const Recording& recording) {
  return recording.ending == Recording::Ending::reached_end || recording.ending == Recording::Ending::cut;
}

void add_call_targets(const Recording& recording, std::size_t i, std::vector<Target>& targets) {
  const RecordedStep& step = recording.steps[i];
  if (step.call < 0) return;
  const bool last = i + 1 == recording.steps.size();
  targets.push_back({i, Where::call_entry});
  if (step.slept) targets.push_back({i, Where::in_call});
  if (!last || window_has_an_end(recording)) targets.push_back({i, Where::call_exit});
}

}  // namespace

std::vector<std::size_t> Recording::anchors() const {
  std::vector<std::size_t> anchors;
  std::unordered_set<std::uint64_t> seen;
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

std::vector<Target> all_targets(const Recording& recording) {
  std::vector<Target> targets;
  Iterations iterations(recording.steps);
  for (std::size_t i = 0; i < recording.steps.size(); ++i) {
    if (iterations.stands_for_the_rest(i)) targets.push_back({i, Where::instruction});
    add_call_targets(recording, i, targets);
  }
  if (window_has_an_end(recording)) targets.push_back({recording.steps.size(), Where::instruction});
  return targets;
}

std::vector<Target> choose_targets(const Recording& recording, std::optional<std::size_t> budget) {
  const std::vector<Target> all = all_targets(recording);
  if (!budget || all.size() <= *budget) return all;

  std::set<Target> chosen{all.front(), all.back()};
  std::vector<Target> stores;
  Iterations iterations(recording.steps);
  for (std::size_t i = 0; i < recording.steps.size(); ++i) {
    std::vector<Target> calls;
    add_call_targets(recording, i, calls);
    chosen.insert(calls.begin(), calls.end());
    // The instruction after it: the first at which others can see what it did.
    const Target next{i + 1, Where::instruction};
    if (next > all.back()) continue;
    if (recording.steps[i].locked) chosen.insert(next);
    if (recording.steps[i].shared_store && iterations.stands_for_the_rest(i)) stores.push_back(next);
  }
  const auto left = [&] { return *budget - std::min(*budget, chosen.size()); };
  const auto add = [&](const std::vector<Target>& targets) { chosen.insert(targets.begin(), targets.end()); };
  add(spread(stores, left()));
  add(spread(all, left()));
  return {chosen.begin(), chosen.end()};
}

}  // namespace procyon::crash
