#include "procyon/detail/sync/robust_word.hpp"

#include <string>

namespace procyon {

class OwnerDied::HeldLock {
 public:
  HeldLock(arena::Reference reference, sync::RobustWord& word)
      : reference_(std::move(reference)), word_(word) {}
  HeldLock(const HeldLock&) = delete;
  HeldLock& operator=(const HeldLock&) = delete;
  ~HeldLock() { word_.free(); }
  void mark_recovered() { word_.mark_recovered(); }

 private:
  arena::Reference reference_;
  sync::RobustWord& word_;
};

OwnerDied::OwnerDied(const char* object, arena::Reference reference, sync::RobustWord& word)
    : std::runtime_error(std::string("procyon: the process that held this ") + object +
                         " has died, so what it protects may be half changed; this exception holds the " +
                         object + ": repair the data, then call recover()"),
      held_(std::make_shared<HeldLock>(std::move(reference), word)) {}

void OwnerDied::recover() { held_->mark_recovered(); }

namespace sync {

bool RobustWord::taken_otherwise(arena::Acquired acquired, const arena::Reference& reference,
                                 const char* object) {
  if (acquired == arena::Acquired::not_in_time) return false;
  depth_ = 1;
  throw OwnerDied(object, reference, *this);
}

}  // namespace sync
}  // namespace procyon
