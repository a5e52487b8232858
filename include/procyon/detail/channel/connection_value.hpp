// A value on its way through a Connection, with the shared objects and descriptors that travel beside its bytes.
//
// MESSAGE
//   magic       8 bytes: no message of plain bytes, and no Python pickle, begins so by chance
//   type        u64, hash of the name of the type
//   descriptors u16: how many came with the first byte (SCM_RIGHTS)
//   objects     u16: 1 if there is a trailer
//   name length u32, then the name itself, cut after 1024 characters: for the sentence of an error
//   the value   as the codec writes it
//   trailer     u64 block, u64 carrier, u64 count: where the references to `count` shared objects lie
//
// The hash decides whether the types are the same; both ends run the same build.
//
// SHARED OBJECTS. The references lie in a block of the arena that holds a pin of each object. A message in a socket is in
// nobody's hands: the kernel drops it, without a word, with the last descriptor of the end that it was sent to. So the
// block belongs meanwhile to the pipe's CARRIER, an object without content that Pipe() makes and that every Connection of
// either end pins. WHO WRITES WHAT WHEN, and what a death leaves:
//   1. sender    pins the objects (its own pins)                         dies: they go with it
//   2. sender    puts the references into a block of its own, which then
//                holds the pins                                          dies: the block goes with it, and the pins
//   3. sender    hands the block to the carrier (one store)              dies, or gives up after this: the message may
//                                                                        never be sent. Who gives up frees the block; of
//                                                                        who died it goes with the carrier
//   4. sender    sends the message, which names the block                the sender is no longer needed
//   5. receiver  makes the block its own (one store)                     dies: the block goes with it, and the pins
//   6. receiver  takes the pins one by one as it decodes, frees the block
// So the objects live as long as the message can be received, whoever of the senders has ended; and they are given back
// when it is received, when its receiver dies, or when the last Connection of the pipe is closed or its process dead,
// whichever comes first. (One reference never travels: that of the pipe's own carrier, with an end of the pipe that is
// sent through the pipe itself. It would keep itself alive. Pipes that are left for ever inside each other in a ring do;
// as their sockets go with the kernel's garbage collection, what is left of such a ring is 64 bytes for each until the
// session ends, and the objects sent with them.)
// A block has a generation: the bytes of a message that are sent once more name a block that is gone, which is an error,
// as is a message of another session or pipe: the trailer's carrier is not its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "procyon/detail/arena/handle.hpp"
#include "procyon/detail/arena/reference.hpp"
#include "procyon/detail/channel/parcel.hpp"
#include "procyon/detail/os/descriptor.hpp"
#include "procyon/detail/wire/attachments.hpp"
#include "procyon/detail/wire/writer.hpp"

namespace procyon::channel {

/// An object without content: its pins are what it is for.
struct PipeCarrier : arena::Counted {};
inline constexpr arena::ObjectType pipe_type{"Pipe", 20};

/// What a process sends along with a value.
class OutgoingValue final : public wire::Attachments {
 public:
  /// `carrier` may be null: the connection is no Pipe's, and carries no shared objects.
  explicit OutgoingValue(arena::Reference carrier) : carrier_(std::move(carrier)) {}
  ~OutgoingValue() override;

  /// Writes what stands before the value.
  static void begin(wire::Writer& writer, std::string_view type);
  /// The value is written: step 2 and 3. Throws ObjectGone and SessionError.
  void finish(wire::Writer& writer);
  [[nodiscard]] const std::vector<os::Descriptor>& descriptors() const { return descriptors_; }
  /// The message is the receiver's now.
  void sent() { block_ = {}; }

  std::uint32_t put_object(const arena::Reference& reference) override;
  arena::Reference take_object(std::uint32_t index) override;
  std::uint32_t put_descriptor(int descriptor) override;
  int take_descriptor(std::uint32_t index) override;

 private:
  arena::Reference carrier_;
  Parcel parcel_;
  std::vector<os::Descriptor> descriptors_;
  arena::Handle block_;  // the carrier's, and named by no message
};

/// A message as it came: descriptors that came with it, of which some may be lost.
struct ArrivedMessage {
  std::vector<std::byte> bytes;
  std::vector<os::Descriptor> descriptors;
  bool descriptors_lost = false;
};

/// A message that holds a value.
class ReceivedValue final : public wire::Attachments {
 public:
  /// Throws wire::DecodeError when the message holds a value of another type, with both names, or none; std::system_error
  /// (EMFILE) when descriptors were lost, ObjectGone. What came with it is then given back.
  ReceivedValue(ArrivedMessage message, std::string_view type, arena::Reference carrier);

  /// What the codec wrote; lies in this object.
  [[nodiscard]] std::span<const std::byte> value() const { return value_; }

  std::uint32_t put_object(const arena::Reference& reference) override;
  arena::Reference take_object(std::uint32_t index) override;
  std::uint32_t put_descriptor(int descriptor) override;
  int take_descriptor(std::uint32_t index) override;

 private:
  // The block of step 5, until its end.
  class Block {
   public:
    Block() = default;
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;
    ~Block();
    arena::Handle handle;
  };

  void take_block(std::uint64_t block, std::uint64_t carrier, std::uint64_t count);

  ArrivedMessage message_;
  arena::Reference carrier_;
  Block block_;
  std::span<const TravellingReference> references_;
  std::span<const std::byte> value_;
};

}  // namespace procyon::channel
