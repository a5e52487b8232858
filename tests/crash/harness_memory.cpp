#include "harness_memory.hpp"

#include <sys/mman.h>

#include <new>

namespace procyon::crash {
namespace {

class Mapped final : public std::pmr::memory_resource {
  void* do_allocate(std::size_t size, std::size_t) override {
    void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    return memory;
  }
  void do_deallocate(void* memory, std::size_t size, std::size_t) override { ::munmap(memory, size); }
  [[nodiscard]] bool do_is_equal(const memory_resource& other) const noexcept override {
    return this == &other;
  }
};

}  // namespace

std::pmr::memory_resource* harness_memory() {
  static Mapped mapped;
  static std::pmr::unsynchronized_pool_resource pool(&mapped);
  return &pool;
}

}  // namespace procyon::crash
