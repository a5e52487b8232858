#include "procyon/detail/sync/robust_word.hpp"

#include <string>

#include "procyon/detail/arena/session.hpp"

namespace procyon {

class OwnerDied::HeldLock {
 public:
  HeldLock(arena::Reference reference, sync::RobustWord& word)
      : reference_(std::move(reference)), word_(word), holder_(arena::self_word()) {}
  HeldLock(const HeldLock&) = delete;
  HeldLock& operator=(const HeldLock&) = delete;
  // Unless the handler has freed it. The last copy of an exception may go in another thread than its handler's.
  ~HeldLock() { word_.free_one_level_of(holder_); }
  void mark_recovered() { word_.mark_recovered(); }

 private:
  arena::Reference reference_;
  sync::RobustWord& word_;
  std::uint64_t holder_;
};

OwnerDied::OwnerDied(const char* object, arena::Reference reference, sync::RobustWord& word)
    : std::runtime_error(std::string("procyon: the process that held this ") + object +
                         " has died, so what it protects may be half changed; this exception holds the " +
                         object + ": repair the data, then call recover()"),
      held_(std::make_shared<HeldLock>(std::move(reference), word)) {}

OwnerDied::OwnerDied(const std::string& sentence, std::function<void()> settle)
    : std::runtime_error(sentence), settle_(std::move(settle)) {}

void OwnerDied::recover() { held_ ? held_->mark_recovered() : settle_(); }

namespace sync {

bool RobustWord::free_one_level_of(std::uint64_t holder) {
  if (!owner_.is_held_by(holder)) return false;
  const std::uint32_t depth = depth_.load(std::memory_order_relaxed) - 1;
  depth_.store(depth, std::memory_order_relaxed);
  if (depth == 0) owner_.unlock();
  return true;
}

// A Lock does not count, but take_back() may have thrown OwnerDied past a guard of it: then the word has the mark of that
// death, so the quick way fails, and two levels, the guard's and the exception's.
bool RobustWord::free_slowly() {
  const std::uint32_t depth = depth_.load(std::memory_order_relaxed);
  if (depth < 2 || !owner_.is_held() || !owner_.owner_has_died_unrepaired()) return owner_.unlock();
  depth_.store(depth - 1, std::memory_order_relaxed);
  return true;
}

bool RobustWord::is_held_by_the_dead() const {
  return owner_.is_held() && !arena::Session::current().alive(owner_.owner()) && owner_.is_held();
}

std::uint32_t RobustWord::free_all() {
  const std::uint32_t depth = depth_.load(std::memory_order_relaxed);
  owner_.unlock();
  return depth;
}

void RobustWord::take_back(std::uint32_t depth, const arena::Reference& reference, const char* object) {
  const arena::Acquired acquired = owner_.lock(os::Deadline::never());
  const bool died = acquired == arena::Acquired::after_owner_died;
  depth_.store(died ? depth + 1 : depth, std::memory_order_relaxed);
  if (died) throw OwnerDied(object, reference, *this);
}

bool RobustWord::take_slowly(os::Deadline deadline, const arena::Reference& reference, const char* object) {
  const arena::Acquired acquired = owner_.lock(deadline);
  if (acquired == arena::Acquired::not_in_time) return false;
  depth_.store(1, std::memory_order_relaxed);
  if (acquired == arena::Acquired::cleanly) return true;
  throw OwnerDied(object, reference, *this);
}

}  // namespace sync
}  // namespace procyon
