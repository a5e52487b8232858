// The session: all processes of one program and the memory they share.
//
//   arena::Session& session = arena::Session::current();     // made by whoever asks first
//   arena::Handle block = session.allocate(4096);            // goes back if this process dies
//   std::byte* bytes = session.bytes(block);
//   session.release(block);
//
// The first process creates it; every descendant maps the same memory (adopt()). Never unmapped while the process
// lives. Everything here may be called from any thread. After a user's own fork() the child joins as a participant of
// its own with its first call.
//
// Not for ordinary allocation: a block costs a lock (some 50 ns) and is for what other processes must see.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "procyon/detail/arena/handle.hpp"
#include "procyon/detail/arena/participant.hpp"
#include "procyon/detail/os/descriptor.hpp"

namespace procyon::arena {

struct Header;
class Liveness;

class Session {
 public:
  /// The session of this process; created with the first call. Throws SessionError: the memory cannot be had.
  static Session& current();
  /// The same, or null if there is none yet.
  static Session* existing();
  /// In a child that was started afresh: maps the session of its parent. Throws SessionError if it cannot be mapped,
  /// is of another format or if this process has a session already.
  static Session& adopt(os::Descriptor memory, os::Descriptor liveness);

  /// For sending to a child (SCM_RIGHTS). Never duplicate or close them in a participant: closing any duplicate of the
  /// liveness file drops the lock by which others know that this process lives.
  [[nodiscard]] int memory_descriptor() const { return memory_.get(); }
  [[nodiscard]] int liveness_descriptor() const;
  [[nodiscard]] std::uint64_t reserved_bytes() const;
  /// Random bytes that only processes of the session know. Never sent: what proves knowing them is a MAC.
  [[nodiscard]] std::span<const std::byte> secret() const;

  /// This process as a participant; joins if it has not. Throws SessionError when the session is full.
  ParticipantId self();
  /// True while the process that joined as `id` lives and has neither left nor executed another program. 0.3 us.
  [[nodiscard]] bool alive(ParticipantId id) const;
  /// What `ps` calls it, for messages to people; 0 once its slot has another user. Never judge life by it.
  [[nodiscard]] pid_t pid_of(ParticipantId id) const;
  /// Takes back the blocks and pins of a participant that is not alive. Idempotent; does nothing for the living.
  void recover(ParticipantId dead);
  /// The same for every participant that is not alive. Some 0.2 us for each slot in use.
  void recover_everybody();
  /// Orderly end of this process's part: drops its pins, frees its blocks and slot. Afterwards a call joins anew.
  void leave();

  /// A block of at least `bytes` bytes, uninitialised, aligned to 64, owned by this process. Throws SessionError when
  /// the session's memory is exhausted.
  Handle allocate(std::size_t bytes);
  /// Frees a block that this process owns or that its object holds. A handle whose block is gone is ignored.
  void release(Handle block);
  /// The block's memory in this process, or null if the handle's block is gone.
  [[nodiscard]] std::byte* bytes(Handle block) const;
  /// Usable bytes of a block.
  [[nodiscard]] std::size_t size(Handle block) const;
  /// Makes a block owned by `from` this process's. False if `from`'s death has already given it back.
  bool take_over(Handle block, ParticipantId from);
  /// Hands a block that this process owns to an object: it lives until it is released or the object goes.
  void hand_to(Handle block, Handle object);
  /// The reverse: a block that `object` holds becomes this process's. Only under what excludes others from it.
  void take_from(Handle block, Handle object);
  /// Whether `block` is (still) held by `object`.
  [[nodiscard]] bool is_held_by(Handle block, Handle object) const;

  /// Bytes of committed memory that belong to somebody; for tests and reports. Walks the arena.
  [[nodiscard]] std::size_t used_bytes() const;
  /// Checks every invariant of the format under the lock; throws std::logic_error naming the first that is broken.
  void verify();

  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // For the arena's own parts.
  [[nodiscard]] Header& header() const { return *header_; }
  [[nodiscard]] std::byte* base() const { return reinterpret_cast<std::byte*>(header_); }
  [[nodiscard]] const os::Descriptor& memory() const { return memory_; }

 private:
  Session(os::Descriptor memory, os::Descriptor liveness, void* mapping);
  static Session* create();
  ~Session() = default;  // never destroyed: other threads may be inside until the process is gone

  os::Descriptor memory_;
  os::Descriptor liveness_;
  Header* header_;
};

}  // namespace procyon::arena
