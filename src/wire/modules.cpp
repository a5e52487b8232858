#include "wire/modules.hpp"

#include <elf.h>
#include <link.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

namespace procyon::wire {

namespace {

std::uint64_t hash_bytes(std::span<const unsigned char> bytes, std::uint64_t hash = 0xcbf29ce484222325ULL) {
  // FNV-1a over words: a program without a build-id has megabytes of code.
  while (!bytes.empty()) {
    std::uint64_t word = 0;
    const std::size_t length = std::min(bytes.size(), sizeof(word));
    std::memcpy(&word, bytes.data(), length);
    hash = (hash ^ word) * 0x100000001b3ULL;
    hash ^= hash >> 29;
    bytes = bytes.subspan(length);
  }
  return hash;
}

std::span<const unsigned char> memory_at(std::uintptr_t address, std::size_t length) {
  return {reinterpret_cast<const unsigned char*>(address), length};
}

// The contents of the GNU build-id note among the notes at `notes`; empty if it is not there.
std::span<const unsigned char> find_build_id(std::span<const unsigned char> notes, std::size_t alignment) {
  const auto padded = [alignment](std::size_t size) {
    return (size + alignment - 1) / alignment * alignment;
  };
  while (notes.size() >= sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) header;
    std::memcpy(&header, notes.data(), sizeof(header));
    const std::size_t description = sizeof(header) + padded(header.n_namesz);
    const std::size_t next = padded(description + header.n_descsz);
    if (description + header.n_descsz > notes.size()) break;
    if (header.n_type == NT_GNU_BUILD_ID && header.n_namesz == 4 &&
        std::memcmp(notes.data() + sizeof(header), "GNU", 4) == 0) {
      return notes.subspan(description, header.n_descsz);
    }
    if (next >= notes.size()) break;
    notes = notes.subspan(next);
  }
  return {};
}

std::uint64_t identify(const dl_phdr_info& info, const Module& module) {
  for (std::size_t index = 0; index < info.dlpi_phnum; ++index) {
    const ElfW(Phdr)& header = info.dlpi_phdr[index];
    if (header.p_type != PT_NOTE) continue;
    const std::uintptr_t address = info.dlpi_addr + header.p_vaddr;
    if (!module.within(address, header.p_memsz, [](const Segment& segment) { return segment.readable; }))
      continue;
    const auto id = find_build_id(memory_at(address, header.p_memsz), header.p_align == 8 ? 8 : 4);
    if (!id.empty()) return std::max<std::uint64_t>(hash_bytes(id), 1);
  }
  // Linked without a build-id: the code itself says which build this is. Zeros must not be compared.
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const Segment& segment : module.segments) {
    if (!segment.executable || !segment.readable) continue;
    const std::size_t length = segment.end - segment.begin;
    hash = hash_bytes(memory_at(segment.begin, length), hash ^ length);
  }
  return std::max<std::uint64_t>(hash, 1);
}

Module describe(const dl_phdr_info& info, bool is_program) {
  Module module;
  module.base = info.dlpi_addr;
  if (!is_program && info.dlpi_name != nullptr) module.name = info.dlpi_name;
  for (std::size_t index = 0; index < info.dlpi_phnum; ++index) {
    const ElfW(Phdr)& header = info.dlpi_phdr[index];
    const std::uintptr_t begin = info.dlpi_addr + header.p_vaddr;
    if (header.p_type == PT_LOAD) {
      module.segments.push_back({begin, begin + header.p_memsz, (header.p_flags & PF_R) != 0,
                                 (header.p_flags & PF_W) != 0, (header.p_flags & PF_X) != 0});
    } else if (header.p_type == PT_GNU_RELRO) {
      module.protected_begin = begin;
      module.protected_end = begin + header.p_memsz;
    }
  }
  module.id = identify(info, module);
  return module;
}

void mark_loaded_twice(std::vector<Module>& modules) {
  for (Module& module : modules) {
    module.loaded_twice = std::count_if(modules.begin(), modules.end(),
                                        [&module](const Module& other) { return other.id == module.id; }) > 1;
  }
}

std::unique_ptr<ModuleTable> build_table() {
  auto table = std::make_unique<ModuleTable>();
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* argument) {
        auto& result = *static_cast<ModuleTable*>(argument);
        result.loads = info->dlpi_adds;
        result.unloads = info->dlpi_subs;
        // The loader lists the program first.
        result.modules.push_back(describe(*info, result.modules.empty()));
        return 0;
      },
      table.get());
  mark_loaded_twice(table->modules);
  return table;
}

// What the loader has counted: one look at its first entry.
void read_counts(unsigned long long& loads, unsigned long long& unloads) {
  struct Counts {
    unsigned long long loads;
    unsigned long long unloads;
  } counts{0, 0};
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* argument) {
        *static_cast<Counts*>(argument) = {info->dlpi_adds, info->dlpi_subs};
        return 1;
      },
      &counts);
  loads = counts.loads;
  unloads = counts.unloads;
}

std::atomic<const ModuleTable*> newest_table = nullptr;

struct Unloadable {
  std::string path;
  std::string reason;
};

std::vector<Unloadable>& unloadable_files() {
  static std::vector<Unloadable> files;
  return files;
}

std::string_view file_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

void note_unloadable(std::string path, std::string reason) {
  unloadable_files().push_back({std::move(path), std::move(reason)});
}

std::string reason_not_loaded(std::string_view path) {
  for (const Unloadable& file : unloadable_files())
    if (file.path == path || (!path.starts_with('/') && file_name(file.path) == file_name(path)))
      return file.reason;
  return {};
}

bool Module::is_constant(std::uintptr_t address, std::size_t length) const {
  if (address >= protected_begin && address < protected_end && length <= protected_end - address) return true;
  return within(address, length,
                [](const Segment& segment) { return segment.readable && !segment.writable; });
}

bool Module::is_code(std::uintptr_t address) const {
  return within(address, 1, [](const Segment& segment) { return segment.executable; });
}

const Module* ModuleTable::find_address(std::uintptr_t address) const {
  for (const Module& module : modules) {
    if (module.within(address, 1, [](const Segment&) { return true; })) return &module;
  }
  return nullptr;
}

const Module* ModuleTable::find_id(std::uint64_t id) const {
  for (const Module& module : modules) {
    if (module.id == id) return &module;
  }
  return nullptr;
}

const ModuleTable& current_modules() {
  unsigned long long loads = 0;
  unsigned long long unloads = 0;
  read_counts(loads, unloads);
  // acquire: pairs with the release of the thread that published the table.
  const ModuleTable* known = newest_table.load(std::memory_order_acquire);
  if (known != nullptr && known->loads == loads && known->unloads == unloads) return *known;
  std::unique_ptr<ModuleTable> fresh = build_table();
  fresh->previous = known;
  if (newest_table.compare_exchange_strong(known, fresh.get(), std::memory_order_acq_rel))
    return *fresh.release();
  // Another thread was quicker; if its picture is older than ours, the next caller will see that.
  return *known;
}

}  // namespace procyon::wire
