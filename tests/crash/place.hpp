// Names for addresses in the test program and its libraries, for people.
#pragma once

#include <cstdint>
#include <string>

namespace procyon::crash {

/// "queue_put(Queue&)+0x2a (procyon_crash_test+0x1f2a)"; the address itself where nothing is known.
std::string describe_place(std::uint64_t address);

/// "queue.cpp:117 in queue_put(Queue&)", with the functions inlined there, by addr2line: slow. Empty without it.
std::string source_of(std::uint64_t address);

/// In the program itself and not in a shared library?
bool in_main_program(std::uint64_t address);

/// "futex"; "call 435" for one that is not common.
std::string name_of_call(long number);

}  // namespace procyon::crash
