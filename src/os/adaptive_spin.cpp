#include "os/adaptive_spin.hpp"

#include "os/threads.hpp"

namespace procyon::os {

bool may_spin() {
  static const bool is_more_than_one = usable_processors() > 1;
  return is_more_than_one;
}

}  // namespace procyon::os
