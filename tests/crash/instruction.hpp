// As much of x86-64 machine code as the harness needs in order to choose where to kill: is this instruction a system
// call, is it locked, and to which address does it write.
//
//   Instruction instruction = decode(bytes_at_rip);
//   if (auto address = instruction.written_address(registers)) ...
//
// It knows the instructions that compilers and libc's string functions use. What it does not know it takes for one
// that writes nothing, so it must only ever *order* kill points, never rule one out. Stack pushes, thread-local
// (fs, gs) and rip-relative operands are left out on purpose: they never lie in memory that processes share.
#pragma once

#include <sys/user.h>

#include <cstdint>
#include <optional>
#include <span>

namespace procyon::crash {

struct Instruction {
  static constexpr int none = -1;

  bool system_call = false;
  bool locked = false;  // a lock prefix, or xchg with memory
  bool writes = false;  // to the operand below

  // The operand: base + index * scale + displacement, registers numbered as the processor does (0 rax, 1 rcx, ...).
  int base = none;
  int index = none;
  int scale = 1;
  std::int64_t displacement = 0;

  /// Where it will write when executed with these registers; nothing if it does not, as far as this decoder knows.
  [[nodiscard]] std::optional<std::uint64_t> written_address(const user_regs_struct& registers) const;
};

/// `bytes` should hold at least 15 bytes from the instruction's start; fewer are read as if zeros followed.
Instruction decode(std::span<const std::uint8_t> bytes);

}  // namespace procyon::crash
