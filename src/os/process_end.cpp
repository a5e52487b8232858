#include "os/process_end.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace procyon::os {

namespace {

std::array<std::atomic<void (*)()>, 16> functions;
std::atomic<std::size_t> count{0};

}  // namespace

void at_process_end(void (*function)()) {
  const std::size_t place = count.fetch_add(1, std::memory_order_relaxed);
  if (place >= functions.size()) throw std::bad_alloc();
  functions[place].store(function, std::memory_order_release);
  if (place == 0 && std::atexit(run_process_end) != 0) throw std::bad_alloc();
}

void run_process_end() {
  for (std::size_t i = functions.size(); i-- > 0;) {
    if (void (*const function)() = functions[i].exchange(nullptr, std::memory_order_acq_rel)) function();
  }
}

}  // namespace procyon::os
