// Descriptor: an owned file descriptor that can be sent to another process.
//
//   mp::Descriptor log(::open("log.txt", O_WRONLY | O_APPEND | O_CLOEXEC));
//   connection.send(log);                                   // a duplicate of it travels
//
//   auto log = connection.recv<mp::Descriptor>();           // in the other process
//   ::write(log.fileno(), ...);
//
// It travels through a Connection and among the arguments of a Process, alone or inside other values; what arrives is
// another number for the same open file, close-on-exec, and closed with its owner. Through a Queue or a Pool it travels
// too, but shared memory cannot hold it: a library thread of the sender keeps it, and if the sender ends before it is
// taken, get() throws PeerGone. A Connection needs none of this: it may be sent as it is.
#pragma once

#include <utility>

#include "procyon/detail/os/descriptor.hpp"

namespace procyon {

class Descriptor {
 public:
  /// None.
  Descriptor() = default;
  /// Owns `number` from now on; a negative one is none.
  explicit Descriptor(int number) : owned_(number) {}
  /// Another descriptor of the same open file; `number` stays the caller's. Throws std::system_error.
  [[nodiscard]] static Descriptor duplicate_of(int number);

  /// The number, which stays this object's; -1: none.
  [[nodiscard]] int fileno() const { return owned_.get(); }
  explicit operator bool() const { return static_cast<bool>(owned_); }
  /// Gives the number away: the caller closes it.
  [[nodiscard]] int release() { return owned_.release(); }
  void close() { owned_.reset(); }

  // For the codec. Throws std::logic_error if there is none.
  [[nodiscard]] int procyon_descriptor() const;
  static Descriptor procyon_from_descriptor(int number) { return Descriptor(number); }

 private:
  os::Descriptor owned_;
};

}  // namespace procyon
