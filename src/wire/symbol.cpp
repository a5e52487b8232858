#include "wire/symbol.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

#include "procyon/detail/os/descriptor.hpp"
#include "wire/demangle.hpp"
#include "wire/modules.hpp"

namespace procyon::wire {

namespace {

// A file mapped for reading. Everything taken from it is checked: it may be anything.
class MappedFile {
 public:
  explicit MappedFile(const char* path) {
    const os::Descriptor file(::open(path, O_RDONLY | O_CLOEXEC));
    struct stat status {};
    if (!file || ::fstat(file.get(), &status) != 0 || status.st_size <= 0) return;
    const auto size = static_cast<std::size_t>(status.st_size);
    void* memory = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
    if (memory != MAP_FAILED) bytes_ = {static_cast<const std::byte*>(memory), size};
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile() {
    if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  }

  // Copies a T out of the file; false if it does not lie in it.
  template <class T>
  bool get(std::uint64_t offset, T& value) const {
    if (offset > bytes_.size() || sizeof(T) > bytes_.size() - offset) return false;
    std::memcpy(&value, bytes_.data() + offset, sizeof(T));
    return true;
  }

  // The text at `offset`, empty if it has no end in the file.
  std::string_view text(std::uint64_t offset) const {
    if (offset >= bytes_.size()) return {};
    const char* begin = reinterpret_cast<const char*>(bytes_.data()) + offset;
    const void* end = std::memchr(begin, 0, bytes_.size() - offset);
    return end == nullptr ? std::string_view()
                          : std::string_view(begin, static_cast<const char*>(end) - begin);
  }

 private:
  std::span<const std::byte> bytes_;
};

struct Symbol {
  std::string_view name;
  std::uint64_t distance = 0;
};

// The function that contains `address` (as the linker counts) among the symbols of one section.
Symbol find_in_section(const MappedFile& file, const ElfW(Shdr) & symbols, std::uint64_t names,
                       std::uint64_t address) {
  for (std::uint64_t position = 0; position + sizeof(ElfW(Sym)) <= symbols.sh_size;
       position += sizeof(ElfW(Sym))) {
    ElfW(Sym) symbol;
    if (!file.get(symbols.sh_offset + position, symbol)) break;
    if ((symbol.st_info & 0xf) != STT_FUNC || symbol.st_shndx == SHN_UNDEF) continue;
    if (address < symbol.st_value || address - symbol.st_value >= symbol.st_size) continue;
    return {file.text(names + symbol.st_name), address - symbol.st_value};
  }
  return {};
}

Symbol find_symbol(const MappedFile& file, std::uint64_t address) {
  ElfW(Ehdr) header;
  if (!file.get(0, header) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return {};
  const auto section = [&](std::uint64_t index, ElfW(Shdr) & result) {
    return index < header.e_shnum && file.get(header.e_shoff + index * sizeof(result), result);
  };
  // The full table first; a stripped file still has that of the exported functions.
  for (const unsigned kind : {SHT_SYMTAB, SHT_DYNSYM}) {
    for (std::uint64_t index = 0; index < header.e_shnum; ++index) {
      ElfW(Shdr) symbols;
      ElfW(Shdr) names;
      if (!section(index, symbols) || symbols.sh_type != kind || !section(symbols.sh_link, names)) continue;
      const Symbol symbol = find_in_section(file, symbols, names.sh_offset, address);
      if (!symbol.name.empty()) return symbol;
    }
  }
  return {};
}

std::string program_path() {
  const std::unique_ptr<char, void (*)(void*)> path(::realpath("/proc/self/exe", nullptr), &std::free);
  return path ? std::string(path.get()) : std::string("the program");
}

}  // namespace

std::string describe_address(const void* address) {
  const auto number = reinterpret_cast<std::uintptr_t>(address);
  const Module* module = current_modules().find_address(number);
  if (module == nullptr) return {};
  const std::uint64_t offset = number - module->base;
  const MappedFile file(module->name.empty() ? "/proc/self/exe" : module->name.c_str());
  const Symbol symbol = find_symbol(file, offset);
  const std::string path = module->name.empty() ? program_path() : module->name;
  if (symbol.name.empty()) return fmt::format("{}+{:#x}", path, offset);
  return fmt::format("{}+{:#x} in {}", demangle(symbol.name), symbol.distance, path);
}

}  // namespace procyon::wire
