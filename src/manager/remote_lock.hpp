// A lock in the session's memory, taken by the server for clients that cannot reach that memory: the Lock of a manager, and
// the lock inside a Value or an Array.
//
// In shared memory the server is the owner, with the thread that took it. So the server's own death is told to the next owner
// like any other. What the kernel cannot tell is the death of the client that it was taken for: client_gone() frees it with
// the mark that a death leaves (OwnerWord::unlock_as_dead), and the next owner, here or in the session, gets OwnerDied.
#pragma once

#include <cstdint>
#include <optional>

#include "manager/aside_waits.hpp"
#include "procyon/detail/arena/owner_word.hpp"
#include "procyon/detail/arena/reference.hpp"
#include "procyon/detail/sync/robust_word.hpp"

namespace procyon::manager {

class RemoteLock {
 public:
  /// Whether it knows its owner: an RLock may be taken again by the thread that has it, which alone may release it; a Lock
  /// is released by anybody.
  enum class Kind : std::uint8_t { lock, rlock };

  RemoteLock(Loop& loop, ServedObject& owner, sync::RobustWord& word, Kind kind)
      : word_(word), kind_(kind), waits_(loop, owner) {}

  /// Answers with a LockAnswer.
  void acquire(IncomingCall call, os::Deadline deadline);
  void release(Caller caller);
  void recover(ClientId client, std::uint64_t tenure);
  void give_back(ClientId client, std::uint64_t tenure);

  [[nodiscard]] bool is_held() const { return word_.is_held(); }

  void cancel(ClientId client, std::uint64_t number) { waits_.cancel(client, number); }
  void client_gone(ClientId client);

 private:
  struct Holder {
    Caller caller;
    std::uint64_t word;  // self_word() of the thread that took it
    std::uint32_t depth = 1;
  };
  struct Taken;

  [[nodiscard]] bool is_held_for(const Caller& caller) const;
  [[nodiscard]] bool is_tenure_of(ClientId client, std::uint64_t tenure) const;
  void grant(IncomingCall& call, arena::Acquired acquired, std::uint64_t word);
  void free();

  sync::RobustWord& word_;
  Kind kind_;
  AsideWaits waits_;
  std::optional<Holder> holder_;  // meaningful while the word is held by holder_->word
  std::uint64_t tenure_ = 0;
};

}  // namespace procyon::manager
