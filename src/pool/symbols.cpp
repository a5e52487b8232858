#include "pool/symbols.hpp"

#include <cxxabi.h>
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <link.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>

#if __has_include(<elfutils/libdwfl.h>)
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#endif

namespace procyon::pool {

namespace {

std::string demangled(const char* name) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> readable(
      abi::__cxa_demangle(name, nullptr, nullptr, &status), &std::free);
  if (!readable) return name;
  std::string text = readable.get();
  constexpr std::string_view string =
      "std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >";
  for (std::size_t at = 0; (at = text.find(string, at)) != std::string::npos;)
    text.replace(at, string.size(), "std::string");
  return text;
}

std::string_view file_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// The address that a place in an ELF file is linked for.
std::optional<std::uint64_t> linked_address(const std::string& file, std::uint64_t offset) {
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return std::nullopt;
  std::optional<std::uint64_t> found;
  ElfW(Ehdr) header;
  if (::pread(descriptor, &header, sizeof header, 0) == ssize_t{sizeof header} &&
      std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0) {
    for (std::uint32_t index = 0; index < header.e_phnum && !found; ++index) {
      ElfW(Phdr) segment;
      const auto at = static_cast<off_t>(header.e_phoff + index * sizeof segment);
      if (::pread(descriptor, &segment, sizeof segment, at) != ssize_t{sizeof segment}) break;
      if (segment.p_type == PT_LOAD && offset >= segment.p_offset &&
          offset < segment.p_offset + segment.p_filesz)
        found = offset - segment.p_offset + segment.p_vaddr;
    }
  }
  ::close(descriptor);
  return found;
}

#if __has_include(<elfutils/libdwfl.h>)

// What is used of libdw, by name. The library is let go with this object.
class Libdw {
 public:
  Libdw() : library_(::dlopen("libdw.so.1", RTLD_NOW | RTLD_LOCAL)) {
    if (library_ == nullptr) return;
    is_usable_ = find(begin, "dwfl_begin") && find(end, "dwfl_end") &&
                 find(report_offline, "dwfl_report_offline") && find(report_end, "dwfl_report_end") &&
                 find(report_begin_add, "dwfl_report_begin_add") && find(getelf, "dwfl_module_getelf") &&
                 find(addrinfo, "dwfl_module_addrinfo") && find(addrdie, "dwfl_module_addrdie") &&
                 find(getsrc, "dwfl_module_getsrc") && find(lineinfo, "dwfl_lineinfo") &&
                 find(getscopes, "dwarf_getscopes") && find(getscopes_die, "dwarf_getscopes_die") &&
                 find(tag, "dwarf_tag") && find(diename, "dwarf_diename") &&
                 find(attr_integrate, "dwarf_attr_integrate") && find(formstring, "dwarf_formstring") &&
                 find(formudata, "dwarf_formudata") && find(getsrcfiles, "dwarf_getsrcfiles") &&
                 find(filesrc, "dwarf_filesrc") && find(find_elf, "dwfl_build_id_find_elf") &&
                 find(find_debuginfo, "dwfl_standard_find_debuginfo") &&
                 find(section_address, "dwfl_offline_section_address");
  }
  ~Libdw() {
    if (library_ != nullptr) ::dlclose(library_);
  }
  Libdw(const Libdw&) = delete;
  Libdw& operator=(const Libdw&) = delete;
  [[nodiscard]] bool is_usable() const { return is_usable_; }

  decltype(&::dwfl_begin) begin = nullptr;
  decltype(&::dwfl_end) end = nullptr;
  decltype(&::dwfl_report_offline) report_offline = nullptr;
  decltype(&::dwfl_report_end) report_end = nullptr;
  decltype(&::dwfl_report_begin_add) report_begin_add = nullptr;
  decltype(&::dwfl_module_getelf) getelf = nullptr;
  decltype(&::dwfl_module_addrinfo) addrinfo = nullptr;
  decltype(&::dwfl_module_addrdie) addrdie = nullptr;
  decltype(&::dwfl_module_getsrc) getsrc = nullptr;
  decltype(&::dwfl_lineinfo) lineinfo = nullptr;
  decltype(&::dwarf_getscopes) getscopes = nullptr;
  decltype(&::dwarf_getscopes_die) getscopes_die = nullptr;
  decltype(&::dwarf_tag) tag = nullptr;
  decltype(&::dwarf_diename) diename = nullptr;
  decltype(&::dwarf_attr_integrate) attr_integrate = nullptr;
  decltype(&::dwarf_formstring) formstring = nullptr;
  decltype(&::dwarf_formudata) formudata = nullptr;
  decltype(&::dwarf_getsrcfiles) getsrcfiles = nullptr;
  decltype(&::dwarf_filesrc) filesrc = nullptr;
  decltype(&::dwfl_build_id_find_elf) find_elf = nullptr;
  decltype(&::dwfl_standard_find_debuginfo) find_debuginfo = nullptr;
  decltype(&::dwfl_offline_section_address) section_address = nullptr;

 private:
  template <class Function>
  bool find(Function& function, const char* name) {
    function = reinterpret_cast<Function>(::dlsym(library_, name));
    return function != nullptr;
  }

  void* library_;
  bool is_usable_ = false;
};

int find_no_debuginfo(Dwfl_Module*, void**, const char*, Dwarf_Addr, const char*, const char*, GElf_Word,
                      char**) {
  return -1;
}

// The files of one crash, each opened once.
class Debugger {
 public:
  Debugger() {
    if (!dw_.is_usable()) return;
    callbacks_.find_elf = dw_.find_elf;
    // Separate files of debug information, as Debian's -dbgsym packages install them; but never over the network.
    callbacks_.find_debuginfo =
        std::getenv("DEBUGINFOD_URLS") == nullptr ? dw_.find_debuginfo : &find_no_debuginfo;
    callbacks_.section_address = dw_.section_address;
    session_ = dw_.begin(&callbacks_);
  }
  ~Debugger() {
    if (session_ != nullptr) dw_.end(session_);
  }
  Debugger(const Debugger&) = delete;
  Debugger& operator=(const Debugger&) = delete;

  /// Innermost first; empty if nothing is known.
  std::vector<std::string> describe(const std::string& file, std::uint64_t linked) {
    Dwfl_Module* const module = module_of(file);
    if (module == nullptr) return {};
    GElf_Addr bias = 0;
    if (dw_.getelf(module, &bias) == nullptr) return {};
    const Dwarf_Addr address = linked + bias;
    std::string place = line_of(module, address);
    std::vector<std::string> lines;
    std::string name = add_inlined(module, address, place, lines);
    GElf_Off offset = 0;
    GElf_Sym symbol;
    const char* const function = dw_.addrinfo(module, address, &offset, &symbol, nullptr, nullptr, nullptr);
    if (function != nullptr) name = demangled(function);
    if (name.empty()) return lines;
    lines.push_back(place.empty() ? name + " in " + file : name + " at " + place);
    return lines;
  }

 private:
  Dwfl_Module* module_of(const std::string& file) {
    if (session_ == nullptr) return nullptr;
    const auto known = modules_.find(file);
    if (known != modules_.end()) return known->second;
    dw_.report_begin_add(session_);
    Dwfl_Module* const module = dw_.report_offline(session_, file.c_str(), file.c_str(), -1);
    dw_.report_end(session_, nullptr, nullptr);
    return modules_[file] = module;
  }

  std::string line_of(Dwfl_Module* module, Dwarf_Addr address) {
    Dwfl_Line* const line = dw_.getsrc(module, address);
    int number = 0;
    const char* const source =
        line == nullptr ? nullptr : dw_.lineinfo(line, nullptr, &number, nullptr, nullptr, nullptr);
    return source == nullptr ? std::string() : fmt::format("{}:{}", file_name(source), number);
  }

  std::string name_of(Dwarf_Die* die) {
    Dwarf_Attribute attribute;
    if (dw_.attr_integrate(die, DW_AT_linkage_name, &attribute) != nullptr)
      if (const char* const name = dw_.formstring(&attribute)) return demangled(name);
    const char* const name = dw_.diename(die);
    return name != nullptr ? name : "";
  }

  std::string call_place(Dwarf_Die* unit, Dwarf_Die* call) {
    Dwarf_Attribute attribute;
    Dwarf_Word file = 0;
    Dwarf_Word line = 0;
    if (dw_.attr_integrate(call, DW_AT_call_file, &attribute) == nullptr ||
        dw_.formudata(&attribute, &file) != 0 ||
        dw_.attr_integrate(call, DW_AT_call_line, &attribute) == nullptr ||
        dw_.formudata(&attribute, &line) != 0)
      return {};
    Dwarf_Files* files = nullptr;
    std::size_t count = 0;
    if (dw_.getsrcfiles(unit, &files, &count) != 0 || file >= count) return {};
    const char* const source = dw_.filesrc(files, file, nullptr, nullptr);
    return source == nullptr ? std::string() : fmt::format("{}:{}", file_name(source), line);
  }

  // The functions that are parts of another here. Returns the name of that one, and sets `place` to where it is in it.
  std::string add_inlined(Dwfl_Module* module, Dwarf_Addr address, std::string& place,
                          std::vector<std::string>& lines) {
    Dwarf_Addr bias = 0;
    Dwarf_Die* const unit = dw_.addrdie(module, address, &bias);
    if (unit == nullptr) return {};
    Dwarf_Die* innermost = nullptr;
    if (dw_.getscopes(unit, address - bias, &innermost) <= 0) return {};
    const std::unique_ptr<Dwarf_Die, decltype(&std::free)> owner(innermost, &std::free);
    Dwarf_Die* scopes = nullptr;
    const int count = dw_.getscopes_die(innermost, &scopes);
    const std::unique_ptr<Dwarf_Die, decltype(&std::free)> scopes_owner(scopes, &std::free);
    for (int index = 0; index < count; ++index) {
      const int tag = dw_.tag(&scopes[index]);
      if (tag == DW_TAG_subprogram) return name_of(&scopes[index]);
      if (tag != DW_TAG_inlined_subroutine) continue;
      const std::string name = name_of(&scopes[index]);
      if (!name.empty()) lines.push_back(place.empty() ? name : fmt::format("{} at {}", name, place));
      place = call_place(unit, &scopes[index]);
    }
    return {};
  }

  Libdw dw_;
  Dwfl_Callbacks callbacks_{};
  Dwfl* session_ = nullptr;
  std::map<std::string, Dwfl_Module*> modules_;
};

#else

class Debugger {
 public:
  static std::vector<std::string> describe(const std::string&, std::uint64_t) { return {}; }
};

#endif

constexpr std::string_view no_code = "where there is no code of a file";
bool is_no_code(std::string_view line) { return line.ends_with(no_code); }

bool is_of_the_pool(std::string_view line) {
  return line.starts_with("procyon::pool::run_task(") ||
         line.find("procyon::pool::TaskBody<") != std::string_view::npos ||
         line.find("N7procyon4pool8TaskBodyI") != std::string_view::npos;  // one that cannot be demangled
}

// By which the pool calls a function.
bool is_of_invoking(std::string_view line) {
  for (const std::string_view part : {"std::__invoke", "std::invoke", "std::apply", "std::__apply"})
    if (line.substr(0, line.find('<')).find(part) != std::string_view::npos) return true;
  return false;
}

// What abort() and raise() consist of tells nobody anything.
bool is_of_raising(std::string_view line) {
  return line.starts_with("__pthread_kill_implementation") || line.starts_with("pthread_kill") ||
         line.starts_with("__GI_") || line.starts_with("raise ") || line.starts_with("gsignal ");
}

}  // namespace

std::vector<std::string> Symbols::describe(const Crash& crash) {
  std::vector<std::string> lines;
  std::optional<Debugger> debugger;
  for (const Crash::Frame& frame : crash.frames) {
    if (frame.file.empty()) {
      lines.push_back(fmt::format("{:#x}, {}", frame.address, no_code));
      continue;
    }
    auto known = known_.find({frame.file, frame.offset});
    if (known == known_.end()) {
      if (!debugger) debugger.emplace();
      const std::optional<std::uint64_t> linked = linked_address(frame.file, frame.offset);
      std::vector<std::string> found;
      if (linked) found = debugger->describe(frame.file, *linked);
      if (found.empty())
        found.push_back(fmt::format("{} at {:#x}", frame.file, linked.value_or(frame.offset)));
      constexpr std::size_t most_known = 4096;
      if (known_.size() >= most_known) known_.clear();
      known = known_.emplace(Place{frame.file, frame.offset}, std::move(found)).first;
    }
    lines.insert(lines.end(), known->second.begin(), known->second.end());
    // From here on it is the pool that called; not to be looked up.
    const auto outside = std::find_if(lines.begin(), lines.end(), is_of_the_pool);
    if (outside == lines.end()) continue;
    // A task that the compiler made part of the pool's own loop is told by that one's name.
    const bool is_all = std::all_of(lines.begin(), outside, is_no_code);
    lines.erase(is_all ? outside + 1 : outside, lines.end());
    break;
  }
  while (lines.size() > 1 && is_of_raising(lines.front())) lines.erase(lines.begin());
  while (lines.size() > 1 && is_of_invoking(lines.back())) lines.pop_back();
  return lines;
}

}  // namespace procyon::pool
