#include "process/libraries.hpp"

#include <dlfcn.h>
#include <limits.h>
#include <link.h>

#include <cstddef>
#include <string_view>

#include "wire/modules.hpp"

namespace procyon::process {

namespace {

// The loader lists modules in the order in which they came; the initial ones never go.
constinit std::size_t initial_count = 0;

template <class Action>
void for_each_module(Action action) {
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* argument) {
        (*static_cast<Action*>(argument))(*info);
        return 0;
      },
      &action);
}

std::string_view file_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// Name services, character sets and the unwinder: each process loads them when it needs them.
bool is_of_the_c_library(std::string_view path) {
  const std::string_view name = file_name(path);
  return name.starts_with("libnss_") || name.starts_with("libgcc_s.so") || name.starts_with("libresolv.so") ||
         path.find("/gconv/") != std::string_view::npos;
}

// As the file was found when it was loaded: the program may have changed its directory since.
std::string absolute(const std::string& name) {
  if (name.starts_with('/')) return name;
  void* const handle = ::dlopen(name.c_str(), RTLD_NOLOAD | RTLD_LAZY);
  if (handle == nullptr) return name;
  char directory[PATH_MAX];
  const bool known = ::dlinfo(handle, RTLD_DI_ORIGIN, directory) == 0;
  ::dlclose(handle);
  return known ? std::string(directory) + "/" + std::string(file_name(name)) : name;
}

// Libraries that count on the names of those before them, which the program loaded with RTLD_GLOBAL: nothing tells that
// afterwards, and without need it is not done, for plug-ins often have names in common.
void make_global(std::span<const std::string> paths) {
  for (const std::string& path : paths) ::dlopen(path.c_str(), RTLD_NOLOAD | RTLD_NOW | RTLD_GLOBAL);
}

}  // namespace

void note_initial_libraries() {
  std::size_t count = 0;
  for_each_module([&](const dl_phdr_info&) { ++count; });
  initial_count = count;
}

std::vector<std::string> libraries_loaded_since() {
  // A static constructor starts a process before main: what is there now is what there was at first.
  if (initial_count == 0) note_initial_libraries();
  std::vector<std::string> names;
  std::size_t index = 0;
  for_each_module([&](const dl_phdr_info& info) {
    if (index++ < initial_count || info.dlpi_name == nullptr || *info.dlpi_name == '\0') return;
    if (!is_of_the_c_library(info.dlpi_name)) names.emplace_back(info.dlpi_name);
  });
  for (std::string& name : names) name = absolute(name);  // not while the loader's list is held
  return names;
}

void load_libraries(std::span<const std::string> paths) {
  for (std::size_t i = 0; i < paths.size(); ++i) {
    if (::dlopen(paths[i].c_str(), RTLD_NOW | RTLD_LOCAL) != nullptr) continue;
    make_global(paths.first(i));
    if (::dlopen(paths[i].c_str(), RTLD_NOW | RTLD_LOCAL) != nullptr) continue;
    const char* reason = ::dlerror();
    wire::note_unloadable(paths[i], reason != nullptr ? reason : "the loader gives no reason");
  }
}

}  // namespace procyon::process
