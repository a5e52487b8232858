#include "procyon/detail/manager/lock_proxy.hpp"

#include <memory>
#include <string>

#include "procyon/detail/manager/lock_answer.hpp"
#include "procyon/errors.hpp"
#include "procyon/owner_died.hpp"

namespace procyon::manager {

namespace {

/// What an OwnerDied holds.
class Tenure {
 public:
  Tenure(ObjectReference object, std::uint64_t number) : object_(std::move(object)), number_(number) {}
  Tenure(const Tenure&) = delete;
  Tenure& operator=(const Tenure&) = delete;
  ~Tenure() {
    try {
      tell("give_back(tenure)");
    } catch (...) {
      // With the server, or this connection to it, the lock is gone or free.
    }
  }
  void tell(std::string_view method) const {
    wire::Writer writer;
    writer.put(number_);
    object_.link().call(object_.object(), method_id(method), writer.bytes(), {}, os::Deadline::never());
  }

 private:
  ObjectReference object_;
  std::uint64_t number_;
};

[[noreturn]] void throw_owner_died(const ObjectReference& lock, std::uint64_t number, const char* object) {
  const auto tenure = std::make_shared<Tenure>(lock, number);
  throw OwnerDied(
      std::string("procyon: the process that held this ") + object +
          " of a manager has died, so what it protects may be half changed; this exception holds the " +
          object + ": repair the data, then call recover()",
      [tenure] { tenure->tell("recover(tenure)"); });
}

}  // namespace

bool LockMethods::take(WaitingTime time, const char* object) const {
  const auto answer = invoke_waiting("acquire(i64)->lock_answer", time).get<LockAnswer>();
  if (answer.outcome == LockOutcome::taken_from_the_dead)
    throw_owner_died(object_reference(), answer.tenure, object);
  return answer.outcome == LockOutcome::taken;
}

bool LockMethods::come_back(std::string_view method, WaitingTime time, const char* object) const {
  // The lock is waited for as long as it takes, so there is no time after which to give up.
  const auto answer = invoke(method, time.nanoseconds()).get<LockAnswer>();
  if (answer.outcome == LockOutcome::taken_from_the_dead)
    throw_owner_died(object_reference(), answer.tenure, object);
  return answer.notified;
}

void LockMethods::free() const { invoke("release()"); }

void LockMethods::free_if_there() const {
  try {
    free();
  } catch (const ManagerGone&) {
  } catch (const ObjectGone&) {
  }
}

bool LockMethods::is_held() const { return invoke("locked()->bool").get<bool>(); }

}  // namespace procyon::manager
