#include "process/program_table.hpp"

#include <dlfcn.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace procyon::process {

namespace {

#if defined(__x86_64__)
constexpr std::uint32_t filled_at_start = R_X86_64_GLOB_DAT;
constexpr std::uint32_t filled_at_first_call = R_X86_64_JUMP_SLOT;
#elif defined(__aarch64__)
constexpr std::uint32_t filled_at_start = R_AARCH64_GLOB_DAT;
constexpr std::uint32_t filled_at_first_call = R_AARCH64_JUMP_SLOT;
#else
#error "procyon: the dynamic relocations of this processor are not known here"
#endif

// What is needed of a module, with addresses as they are in this process.
struct Module {
  std::uintptr_t base = 0;
  const ElfW(Rela) * relocations = nullptr;
  std::size_t relocation_count = 0;
  std::size_t relative_count = 0;  // these come first and name no symbol
  const ElfW(Rela) * calls = nullptr;
  std::size_t call_count = 0;
  const ElfW(Sym) * symbols = nullptr;
  const char* strings = nullptr;
  std::uintptr_t protected_begin = 0;  // made read-only after relocation
  std::uintptr_t protected_end = 0;
  bool contains_this_code = false;
};

void read_dynamic_section(Module& module, const ElfW(Dyn) * entry) {
  // Some dynamic linkers write addresses in place of offsets here, some do not.
  const auto address = [&](ElfW(Addr) value) { return value < module.base ? module.base + value : value; };
  for (; entry->d_tag != DT_NULL; ++entry) {
    switch (entry->d_tag) {
      case DT_RELA:
        module.relocations = reinterpret_cast<const ElfW(Rela)*>(address(entry->d_un.d_ptr));
        break;
      case DT_RELASZ:
        module.relocation_count = entry->d_un.d_val / sizeof(ElfW(Rela));
        break;
      case DT_RELACOUNT:
        module.relative_count = entry->d_un.d_val;
        break;
      case DT_JMPREL:
        module.calls = reinterpret_cast<const ElfW(Rela)*>(address(entry->d_un.d_ptr));
        break;
      case DT_PLTRELSZ:
        module.call_count = entry->d_un.d_val / sizeof(ElfW(Rela));
        break;
      case DT_SYMTAB:
        module.symbols = reinterpret_cast<const ElfW(Sym)*>(address(entry->d_un.d_ptr));
        break;
      case DT_STRTAB:
        module.strings = reinterpret_cast<const char*>(address(entry->d_un.d_ptr));
        break;
      default:
        break;
    }
  }
}

// The first module that is reported is the main program.
int read_program(dl_phdr_info* info, std::size_t, void* result) {
  auto& module = *static_cast<Module*>(result);
  module.base = info->dlpi_addr;
  const auto here = reinterpret_cast<std::uintptr_t>(&read_program);
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& part = info->dlpi_phdr[i];
    const std::uintptr_t begin = module.base + part.p_vaddr;
    if (part.p_type == PT_LOAD && here >= begin && here < begin + part.p_memsz)
      module.contains_this_code = true;
    if (part.p_type == PT_GNU_RELRO) {
      module.protected_begin = begin;
      module.protected_end = begin + part.p_memsz;
    }
    if (part.p_type == PT_DYNAMIC) read_dynamic_section(module, reinterpret_cast<const ElfW(Dyn)*>(begin));
  }
  return 1;
}

const ElfW(Rela) * find(const Module& module, const ElfW(Rela) * relocations, std::size_t first,
                        std::size_t count, const char* name) {
  for (std::size_t i = first; i < count; ++i) {
    const auto type = static_cast<std::uint32_t>(ELF64_R_TYPE(relocations[i].r_info));
    if (type != filled_at_start && type != filled_at_first_call) continue;
    const ElfW(Sym)& symbol = module.symbols[ELF64_R_SYM(relocations[i].r_info)];
    if (std::strcmp(module.strings + symbol.st_name, name) == 0) return &relocations[i];
  }
  return nullptr;
}

// Writes one table entry, which may lie in a page that was made read-only. False if the page cannot be made writable.
bool overwrite(const Module& module, void** entry, void* value) {
  const auto place = reinterpret_cast<std::uintptr_t>(entry);
  const bool is_protected = place >= module.protected_begin && place < module.protected_end;
  const auto page_size = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  void* page = reinterpret_cast<void*>(place & ~(page_size - 1));
  if (is_protected && ::mprotect(page, page_size, PROT_READ | PROT_WRITE) != 0) return false;
  *entry = value;
  if (is_protected) ::mprotect(page, page_size, PROT_READ);
  return true;
}

}  // namespace

void* redirect_in_program(const char* name, void* replacement) {
  Module module;
  ::dl_iterate_phdr(read_program, &module);
  if (module.contains_this_code || module.symbols == nullptr || module.strings == nullptr) return nullptr;
  const ElfW(Rela)* found =
      find(module, module.relocations, module.relative_count, module.relocation_count, name);
  if (found == nullptr) found = find(module, module.calls, 0, module.call_count, name);
  if (found == nullptr) return nullptr;
  auto** entry = reinterpret_cast<void**>(module.base + found->r_offset);
  void* previous = *entry;
  if (previous == replacement) return nullptr;
  // An entry that is filled at the first call still leads to the resolver: ask for the function itself.
  if (ELF64_R_TYPE(found->r_info) == filled_at_first_call) previous = ::dlsym(RTLD_DEFAULT, name);
  return overwrite(module, entry, replacement) ? previous : nullptr;
}

}  // namespace procyon::process
