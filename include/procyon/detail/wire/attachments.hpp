// What travels beside the bytes of a message: references to shared objects, and descriptors.
//
// A channel that can carry such things hands an Attachments to the Writer and the Reader. A message then
// holds only an index, and the channel keeps the object alive while the message is in flight. Without one,
// sending an object is an error that names its type. An entry that no part of the message refers to any more
// (a result that could not be encoded to its end) is harmless: it is released with the message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace procyon::arena {
class Reference;
}

namespace procyon::wire {

class Attachments {
 public:
  Attachments() = default;
  Attachments(const Attachments&) = delete;
  Attachments& operator=(const Attachments&) = delete;
  virtual ~Attachments() = default;

  // Sending: keeps the object alive until the message is taken, and returns its number in this message.
  virtual std::uint32_t put_object(const arena::Reference& reference) = 0;
  // Receiving: a reference of this process. Throws DecodeError for a number that the message does not have.
  virtual arena::Reference take_object(std::uint32_t index) = 0;

  // Sending: duplicates the descriptor; the caller keeps its own.
  virtual std::uint32_t put_descriptor(int descriptor) = 0;
  // Receiving: a descriptor that the caller owns. Each may be taken once.
  virtual int take_descriptor(std::uint32_t index) = 0;

  // Sending: room for a large message where the channel would otherwise copy it to, at least `bytes` long; it is the
  // channel's. Empty if there is no such place. Asked once for a message.
  virtual std::span<std::byte> room_for(std::size_t bytes) {
    static_cast<void>(bytes);
    return {};
  }
};

}  // namespace procyon::wire
