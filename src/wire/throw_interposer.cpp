// The __cxa_throw that notes where it was called from, and goes on to the real one.
//
// In an object file of its own, so that it can be left out: without it, "where it was thrown" is empty and nothing else
// changes. The definition is weak: a program linked with a static libstdc++ has the real one as a strong symbol, which
// then wins without a complaint of the linker. Not built under sanitizers, which interpose the function themselves.
#include <cxxabi.h>
#include <dlfcn.h>
#include <link.h>
#include <unwind.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>

#include "wire/throw_site.hpp"

namespace {

using ThrowFunction = void (*)(void*, std::type_info*, void (*)(void*));

// The code of the C++ library: exceptions that it throws itself (std::vector::at) were thrown by whoever called it.
struct CodeRange {
  std::uintptr_t begin;
  std::uintptr_t end;
  bool contains(std::uintptr_t address) const { return address >= begin && address < end; }
};

// All relaxed: every thread that comes here first finds and stores the same numbers.
std::atomic<std::uintptr_t> library_begin = 0;
std::atomic<std::uintptr_t> library_end = 0;

int find_code_of(dl_phdr_info* info, std::size_t, void* argument) {
  const auto inside = reinterpret_cast<std::uintptr_t>(argument);
  for (std::size_t index = 0; index < info->dlpi_phnum; ++index) {
    const ElfW(Phdr)& header = info->dlpi_phdr[index];
    const std::uintptr_t begin = info->dlpi_addr + header.p_vaddr;
    if (header.p_type != PT_LOAD || (header.p_flags & PF_X) == 0) continue;
    if (inside < begin || inside >= begin + header.p_memsz) continue;
    library_end.store(begin + header.p_memsz, std::memory_order_relaxed);
    library_begin.store(begin, std::memory_order_relaxed);
    return 1;
  }
  return 0;
}

// Looked up once per process and thread race; the answer is always the same.
ThrowFunction find_real_throw() {
  static std::atomic<ThrowFunction> known = nullptr;
  ThrowFunction real = known.load(std::memory_order_acquire);
  if (real != nullptr) return real;
  // RTLD_NEXT finds nothing when this library was loaded behind the C++ library; then it is the first one.
  void* symbol = ::dlsym(RTLD_NEXT, "__cxa_throw");
  if (symbol == nullptr) symbol = ::dlsym(RTLD_DEFAULT, "__cxa_throw");
  if (symbol == nullptr || symbol == reinterpret_cast<void*>(&abi::__cxa_throw)) std::abort();
  ::dl_iterate_phdr(&find_code_of, symbol);
  real = reinterpret_cast<ThrowFunction>(symbol);
  known.store(real, std::memory_order_release);
  return real;
}

struct Walk {
  CodeRange library;
  bool was_inside = false;
  std::uintptr_t result = 0;
};

_Unwind_Reason_Code visit_frame(_Unwind_Context* context, void* argument) {
  auto& walk = *static_cast<Walk*>(argument);
  const std::uintptr_t address = _Unwind_GetIP(context);
  if (walk.library.contains(address)) {
    walk.was_inside = true;
    return _URC_NO_REASON;
  }
  if (!walk.was_inside) return _URC_NO_REASON;
  walk.result = address;
  return _URC_END_OF_STACK;
}

// The return address, or if that lies in the C++ library, the first one on the stack that does not.
const void* site_of(const void* caller) {
  Walk walk;
  walk.library = {library_begin.load(std::memory_order_relaxed), library_end.load(std::memory_order_relaxed)};
  if (!walk.library.contains(reinterpret_cast<std::uintptr_t>(caller))) return caller;
  _Unwind_Backtrace(&visit_frame, &walk);
  return walk.result == 0 ? caller : reinterpret_cast<const void*>(walk.result);
}

}  // namespace

extern "C" [[gnu::weak, gnu::visibility("default")]] void __cxxabiv1::__cxa_throw(void* object,
                                                                                  std::type_info* type,
                                                                                  void (*destructor)(void*)) {
  const ThrowFunction real = find_real_throw();
  procyon::wire::note_throw(object, site_of(__builtin_return_address(0)));
  real(object, type, destructor);
  __builtin_unreachable();
}
