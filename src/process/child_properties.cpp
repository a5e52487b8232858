// What is told of a child, and set, besides its start and its end.

#include <signal.h>

#include <stdexcept>
#include <utility>

#include "process/child.hpp"
#include "process/describe.hpp"
#include "process/libraries.hpp"
#include "process/log.hpp"
#include "process/state.hpp"

namespace procyon::process {

AuthKey Child::authkey() const {
  const std::lock_guard lock(mutex_);
  require_open("authkey");
  return authkey_ ? *authkey_ : creator_.authkey();
}

void Child::set_authkey(AuthKey key) {
  const std::lock_guard lock(mutex_);
  require_open("set_authkey");
  if (phase_ != Phase::fresh)
    throw std::logic_error("set_authkey: " + quoted_name() +
                           " has been started already, with the key that it had; set it before start()");
  authkey_ = std::move(key);
}

void Child::set_call(EncodedCall call) {
  const std::lock_guard lock(mutex_);
  if (phase_ == Phase::fresh && !closed_) call_ = std::move(call);
}

// Nobody else starts or names it meanwhile: its start has begun.
Identity Child::identity_in_child(StartMethod method) const {
  Identity identity{.name = name_,
                    .parent_name = creator_.name(),
                    .path = creator_.identity().path,
                    .start_method = creator_.start_method(),
                    .class_name = class_name_,
                    .authkey = authkey_ ? *authkey_ : creator_.authkey(),
                    .logging = logging_of_this_process(),
                    .libraries = {}};
  // A forked child has them, and must not ask the loader, which another thread may have been using.
  if (method != StartMethod::fork) identity.libraries = libraries_loaded_since();
  identity.path.push_back(number_);
  return identity;
}

std::string Child::describe() {
  std::unique_lock lock(mutex_);
  ProcessDescription words{
      .class_name = class_name_, .name = name_, .parent = creator_.pid(), .daemon = daemon_};
  if (pid_ > 0) words.pid = pid_;
  if (closed_) {
    words.status = "closed";
  } else if (State::existing() != &creator_) {
    words.status = "unknown";
  } else if (phase_ == Phase::fresh || phase_ == Phase::starting) {
    words.status = "initial";
  } else {
    lock.unlock();
    const std::optional<ExitStatus> status = exit_status();
    words.status = status ? "stopped" : "started";
    if (status) words.exit_code = status->as_number();
  }
  return words.as_text();
}

}  // namespace procyon::process
