#include "instruction.hpp"

namespace procyon::crash {
namespace {

enum class Map { one_byte, two_byte, map_0f38, map_0f3a };

/// What stands before and in the opcode, and the fields of the ModRM byte.
struct Fields {
  Map map = Map::one_byte;
  std::uint8_t opcode = 0;
  bool lock = false;
  bool repeat = false;           // f3, which also selects among the two-byte opcodes
  bool private_segment = false;  // fs or gs
  bool extended = false;         // VEX or EVEX encoded
  int displacement_unit = 1;     // EVEX counts short displacements in vectors
  int rex_r = 0, rex_x = 0, rex_b = 0;
  int reg = 0;  // ModRM.reg without its extension: the sub-opcode where there is one
};

class Reader {
 public:
  explicit Reader(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
  [[nodiscard]] std::uint8_t peek() const { return position_ < bytes_.size() ? bytes_[position_] : 0; }
  std::uint8_t next() {
    const std::uint8_t byte = peek();
    ++position_;
    return byte;
  }
  std::int64_t next_signed(int size) {
    std::uint32_t value = 0;
    for (int i = 0; i < size; ++i) value |= static_cast<std::uint32_t>(next()) << (8 * i);
    return size == 1 ? static_cast<std::int8_t>(value) : static_cast<std::int32_t>(value);
  }

 private:
  std::span<const std::uint8_t> bytes_;
  std::size_t position_ = 0;
};

bool read_prefix(Reader& reader, Fields& fields) {
  switch (reader.peek()) {
    case 0xf0:
      fields.lock = true;
      break;
    case 0xf3:
      fields.repeat = true;
      break;
    case 0x64:
    case 0x65:
      fields.private_segment = true;
      break;
    case 0x26:
    case 0x2e:
    case 0x36:
    case 0x3e:
    case 0x66:
    case 0x67:
    case 0xf2:
      break;
    default:
      return false;
  }
  reader.next();
  return true;
}

Map map_of(int number) { return number == 1 ? Map::two_byte : number == 2 ? Map::map_0f38 : Map::map_0f3a; }

/// The vector encodings: c5 and c4 (VEX), 62 (EVEX). Their register extensions are stored inverted.
void read_vector_prefix(Reader& reader, Fields& fields, std::uint8_t first) {
  fields.extended = true;
  const std::uint8_t second = reader.next();
  fields.rex_r = (second & 0x80) != 0 ? 0 : 8;
  std::uint8_t last = second;
  if (first == 0xc5) {
    fields.map = Map::two_byte;
  } else {
    fields.rex_x = (second & 0x40) != 0 ? 0 : 8;
    fields.rex_b = (second & 0x20) != 0 ? 0 : 8;
    fields.map = map_of(second & (first == 0x62 ? 0x07 : 0x1f));
    last = reader.next();
  }
  fields.repeat = (last & 3) == 2;
  if (first == 0x62) {
    const std::uint8_t third = reader.next();
    fields.displacement_unit = 16 << ((third >> 5) & 3);
  }
  fields.opcode = reader.next();
}

void read_opcode(Reader& reader, Fields& fields) {
  if ((reader.peek() & 0xf0) == 0x40) {
    const std::uint8_t rex = reader.next();
    fields.rex_r = (rex & 4) != 0 ? 8 : 0;
    fields.rex_x = (rex & 2) != 0 ? 8 : 0;
    fields.rex_b = (rex & 1) != 0 ? 8 : 0;
  }
  const std::uint8_t first = reader.next();
  if (first == 0xc4 || first == 0xc5 || first == 0x62) return read_vector_prefix(reader, fields, first);
  fields.opcode = first;
  if (first != 0x0f) return;
  fields.map = Map::two_byte;
  fields.opcode = reader.next();
  if (fields.opcode == 0x38 || fields.opcode == 0x3a) {
    fields.map = fields.opcode == 0x38 ? Map::map_0f38 : Map::map_0f3a;
    fields.opcode = reader.next();
  }
}

bool one_byte_writes(std::uint8_t opcode, int reg) {
  if (opcode < 0x38) return (opcode & 7) < 2;  // add or adc sbb and sub xor, to memory
  switch (opcode) {
    case 0x80:
    case 0x81:
    case 0x83:
      return reg != 7;  // not cmp
    case 0x86:
    case 0x87:
    case 0x88:
    case 0x89:
    case 0x8c:
    case 0x8f:
    case 0xc0:
    case 0xc1:
    case 0xc6:
    case 0xc7:
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3:
      return true;
    case 0xd9:
    case 0xdb:
    case 0xdd:
    case 0xdf:
      return reg != 0;  // x87 stores, and a few loads
    case 0xf6:
    case 0xf7:
      return reg == 2 || reg == 3;  // not, neg
    case 0xfe:
    case 0xff:
      return reg < 2;  // inc, dec
    default:
      return false;
  }
}

bool two_byte_writes(const Fields& fields) {
  const std::uint8_t opcode = fields.opcode;
  if (opcode >= 0x90 && opcode <= 0x9f) return !fields.extended;  // setcc
  switch (opcode) {
    case 0x11:  // vector moves to memory
    case 0x13:
    case 0x17:
    case 0x29:
    case 0x2b:
    case 0x7f:
    case 0xd6:
    case 0xe7:
      return true;
    case 0x7e:
      return !fields.repeat;  // f3 0f 7e loads
    case 0xa4:                // shld, bts, shrd, cmpxchg, btr, btc, xadd, movnti
    case 0xa5:
    case 0xab:
    case 0xac:
    case 0xad:
    case 0xb0:
    case 0xb1:
    case 0xb3:
    case 0xbb:
    case 0xc0:
    case 0xc1:
    case 0xc3:
      return !fields.extended;
    case 0xba:
      return fields.reg >= 5;
    case 0xae:
      return fields.reg == 0 || fields.reg == 3 || fields.reg == 4;  // fxsave, stmxcsr, xsave
    case 0xc7:
      return fields.reg == 1;  // cmpxchg8b, cmpxchg16b
    default:
      return false;
  }
}

bool other_map_writes(const Fields& fields) {
  const std::uint8_t opcode = fields.opcode;
  if (fields.map == Map::map_0f38) {
    if (!fields.extended) return opcode == 0xf1 || opcode == 0xf9;  // movbe, movdiri
    return opcode == 0x2e || opcode == 0x2f || opcode == 0x8e ||
           fields.repeat;  // masked stores, narrowing moves
  }
  return (opcode >= 0x14 && opcode <= 0x17) || opcode == 0x19 || opcode == 0x1b || opcode == 0x1d ||
         opcode == 0x39 || opcode == 0x3b;  // extractions
}

bool writes_operand(const Fields& fields) {
  switch (fields.map) {
    case Map::one_byte:
      return one_byte_writes(fields.opcode, fields.reg);
    case Map::two_byte:
      return two_byte_writes(fields);
    default:
      return other_map_writes(fields);
  }
}

/// Reads ModRM, SIB and displacement. False if the operand is a register or relative to rip.
bool read_memory_operand(Reader& reader, Fields& fields, Instruction& instruction) {
  const std::uint8_t modrm = reader.next();
  const int mode = modrm >> 6;
  fields.reg = (modrm >> 3) & 7;
  int base = modrm & 7;
  if (mode == 3) return false;
  if (base == 4) {
    const std::uint8_t sib = reader.next();
    const int index = ((sib >> 3) & 7) + fields.rex_x;
    if (index != 4) instruction.index = index;
    instruction.scale = 1 << (sib >> 6);
    base = sib & 7;
    if (base == 5 && mode == 0) {
      instruction.displacement = reader.next_signed(4);
      return true;
    }
  } else if (base == 5 && mode == 0) {
    return false;
  }
  instruction.base = base + fields.rex_b;
  if (mode == 1) instruction.displacement = reader.next_signed(1) * fields.displacement_unit;
  if (mode == 2) instruction.displacement = reader.next_signed(4);
  return true;
}

std::uint64_t register_value(const user_regs_struct& r, int number) {
  const std::uint64_t values[] = {r.rax, r.rcx, r.rdx, r.rbx, r.rsp, r.rbp, r.rsi, r.rdi,
                                  r.r8,  r.r9,  r.r10, r.r11, r.r12, r.r13, r.r14, r.r15};
  return values[number];
}

}  // namespace

Instruction decode(std::span<const std::uint8_t> bytes) {
  constexpr int rdi = 7;
  Reader reader(bytes);
  Fields fields;
  Instruction instruction;
  for (int i = 0; i < 14 && read_prefix(reader, fields); ++i) {
  }
  read_opcode(reader, fields);
  if (fields.map == Map::two_byte && fields.opcode == 0x05 && !fields.extended) {
    instruction.system_call = true;
    return instruction;
  }
  const bool string_store = fields.map == Map::one_byte && ((fields.opcode & 0xfe) == 0xa4 ||  // movs
                                                            (fields.opcode & 0xfe) == 0xaa);   // stos
  if (string_store) {
    instruction.writes = true;
    instruction.base = rdi;
    return instruction;
  }
  // Reading a ModRM byte where the opcode has none does no harm: those opcodes are not among the writing ones.
  const bool in_memory = read_memory_operand(reader, fields, instruction);
  const bool exchange = fields.map == Map::one_byte && (fields.opcode & 0xfe) == 0x86;
  instruction.locked = fields.lock || (exchange && in_memory);
  instruction.writes = in_memory && !fields.private_segment && writes_operand(fields);
  return instruction;
}

std::optional<std::uint64_t> Instruction::written_address(const user_regs_struct& registers) const {
  if (!writes) return std::nullopt;
  std::uint64_t address = static_cast<std::uint64_t>(displacement);
  if (base != none) address += register_value(registers, base);
  if (index != none) address += register_value(registers, index) * static_cast<std::uint64_t>(scale);
  return address;
}

}  // namespace procyon::crash
