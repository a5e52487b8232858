// Who is told when a signal asks this process to end (procyon/interrupt.hpp): the pools that live.
#pragma once

#include <exception>
#include <memory>

#include "procyon/detail/os/deadline.hpp"

namespace procyon::pool {

class Interruptible {
 public:
  virtual ~Interruptible() = default;
  /// Takes no more work; what was given may end until then. `cause` is what the rest ends with. On a library thread; quick.
  virtual void interrupt(const std::exception_ptr& cause, os::Deadline drained_by) = 0;
};

/// From now on `target` is told. Throws the cause if this process has been told to end already.
void tell_interrupts(const std::shared_ptr<Interruptible>& target);

}  // namespace procyon::pool
