#include "procyon/detail/sync/doorbell.hpp"

#include <bit>

#include "arena/format.hpp"
#include "procyon/detail/arena/session.hpp"

namespace procyon::sync {

namespace {

static_assert(first_bell_bit + arena::doorbell_count == 32);

std::uint32_t own_number() { return arena::Session::current().self().slot() % arena::doorbell_count; }

os::FutexWord& word_of(std::uint32_t number) { return arena::Session::current().header().doorbells[number]; }

}  // namespace

std::uint32_t own_bell() { return 1u << (first_bell_bit + own_number()); }

os::FutexWord& own_bell_word() { return word_of(own_number()); }

void ring(std::uint32_t bells) {
  for (bells &= bell_bits; bells != 0; bells &= bells - 1) {
    os::FutexWord& bell = word_of(static_cast<std::uint32_t>(std::countr_zero(bells)) - first_bell_bit);
    bell.fetch_add(1, std::memory_order_seq_cst);
    os::futex_wake_all(bell);
  }
}

}  // namespace procyon::sync
