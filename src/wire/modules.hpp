// The modules of this process: the program and its shared libraries, where they lie and who they are.
//
// A table is a picture of one moment. It is made anew when the dynamic loader says that something was loaded or
// unloaded since; older tables are kept, because another thread may be reading them (a few hundred bytes for each time
// that the set of libraries changes). Nothing here takes a lock of ours, so a fork at any moment does no harm.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace procyon::wire {

struct Segment {
  std::uintptr_t begin;
  std::uintptr_t end;
  bool readable;
  bool writable;
  bool executable;
};

struct Module {
  std::uint64_t id = 0;  // hash of the build-id; never 0
  std::uintptr_t base = 0;
  std::string name;  // path as the loader has it; empty for the program itself
  std::vector<Segment> segments;
  // The part of the data that the loader made read-only after relocating it.
  std::uintptr_t protected_begin = 0;
  std::uintptr_t protected_end = 0;
  bool loaded_twice = false;  // another module here has the same id

  // True if [address, address + length) lies in one segment that `accepts`.
  template <class Predicate>
  bool within(std::uintptr_t address, std::size_t length, Predicate accepts) const {
    for (const Segment& segment : segments) {
      if (address >= segment.begin && address < segment.end && length <= segment.end - address)
        return accepts(segment);
    }
    return false;
  }

  // True if the bytes can be read and nobody can write to them.
  bool is_constant(std::uintptr_t address, std::size_t length) const;
  bool is_code(std::uintptr_t address) const;
};

struct ModuleTable {
  unsigned long long loads = 0;
  unsigned long long unloads = 0;
  std::vector<Module> modules;
  const ModuleTable* previous = nullptr;

  const Module* find_address(std::uintptr_t address) const;
  const Module* find_id(std::uint64_t id) const;
};

// The table as of now.
const ModuleTable& current_modules();

// What this process was to load, and could not: for the sentence, should a function of it be asked for. Not while other
// threads may ask.
void note_unloadable(std::string path, std::string reason);
// The reason why the file could not be loaded, by its path or its name; empty if it was not to be.
std::string reason_not_loaded(std::string_view path);

}  // namespace procyon::wire
