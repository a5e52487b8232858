#include "os/fork_local.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <new>

#include "os/error.hpp"

namespace procyon::os {

namespace {

constexpr std::size_t slot_count = 64;

struct Page {
  std::atomic<void*> slots[slot_count];
};

Page* map_page() {
  const auto size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw_system_error("mapping the page that forked children find empty");
  check(::madvise(memory, size, MADV_WIPEONFORK), "asking for a page that forked children find empty");
  return new (memory) Page{};
}

}  // namespace

std::atomic<void*>& new_fork_local_slot() {
  static Page* const page = map_page();
  static std::atomic<std::size_t> used{0};  // not in the page: a child must not hand out a slot twice
  const std::size_t index = used.fetch_add(1, std::memory_order_relaxed);
  if (index >= slot_count)
    throw_system_error("finding room in the page that forked children find empty", ENOSPC);
  return page->slots[index];
}

}  // namespace procyon::os
