#include "manager/waiting_calls.hpp"

#include "procyon/errors.hpp"

namespace procyon::manager {

void complete_as_cancelled(IncomingCall& call) {
  call.fail_with(Cancelled("procyon: the call was given up by its caller"));
}

}  // namespace procyon::manager
