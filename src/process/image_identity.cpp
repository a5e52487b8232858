#include "process/image_identity.hpp"

#include <elf.h>
#include <link.h>

#include <cstddef>
#include <cstring>
#include <span>

namespace procyon::process {

namespace {

std::uint64_t hash(std::span<const std::byte> bytes) {  // FNV-1a
  std::uint64_t value = 0xcbf29ce484222325;
  for (const std::byte byte : bytes) value = (value ^ static_cast<std::uint64_t>(byte)) * 0x100000001b3;
  return value;
}

std::span<const std::byte> build_id(const std::byte* notes, std::size_t size) {
  std::size_t at = 0;
  const auto padded = [](std::size_t length) { return (length + 3) / 4 * 4; };
  while (at + sizeof(ElfW(Nhdr)) <= size) {
    ElfW(Nhdr) note;
    std::memcpy(&note, notes + at, sizeof(note));
    const std::size_t name = at + sizeof(note);
    const std::size_t content = name + padded(note.n_namesz);
    if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && std::memcmp(notes + name, "GNU", 4) == 0)
      return {notes + content, note.n_descsz};
    at = content + padded(note.n_descsz);
  }
  return {};
}

// The first module that is reported is the main program.
int identify(dl_phdr_info* info, std::size_t, void* result) {
  auto& identity = *static_cast<std::uint64_t*>(result);
  identity = hash(std::as_bytes(std::span(info->dlpi_phdr, info->dlpi_phnum)));
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& part = info->dlpi_phdr[i];
    if (part.p_type != PT_NOTE) continue;
    const auto* notes = reinterpret_cast<const std::byte*>(info->dlpi_addr + part.p_vaddr);
    const auto id = build_id(notes, part.p_memsz);
    if (!id.empty()) identity = hash(id);
  }
  return 1;
}

}  // namespace

std::uint64_t image_identity() {
  std::uint64_t identity = 0;
  ::dl_iterate_phdr(identify, &identity);
  return identity;
}

}  // namespace procyon::process
