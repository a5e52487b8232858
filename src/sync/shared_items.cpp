#include "procyon/detail/sync/shared_items.hpp"

#include <limits>
#include <stdexcept>
#include <string>

namespace procyon::sync {

std::size_t room_for_items(std::size_t state, std::size_t count, std::size_t size) {
  // Half of what a size can say: no sum of it and a header overflows, here or in the arena.
  if (count > std::numeric_limits<std::size_t>::max() / 2 / size)
    throw std::length_error("procyon: an Array of " + std::to_string(count) + " items of " +
                            std::to_string(size) +
                            " bytes is larger than any memory; is its length negative?");
  return offset_of_items - state + count * size;
}

void throw_out_of_range(std::size_t index, std::size_t size) {
  throw std::out_of_range("procyon: this Array has " + std::to_string(size) + " items, so there is none at " +
                          std::to_string(index) + "; the first is at 0");
}

}  // namespace procyon::sync
