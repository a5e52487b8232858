// References to shared objects that travel with a message.
//
//   Parcel parcel;                              // sender
//   wire::Writer writer(&parcel);
//   wire::write(writer, job);                   // job holds a Lock: the parcel now has a pin of it
//   ... the channel copies parcel.references() behind the message and hands the pins to the message's block
//
//   OpenedParcel opened(references);            // receiver
//   wire::Reader reader(bytes, &opened);
//
// What the receiver does not take goes with the message's block. Of a descriptor, which shared memory cannot hold, a
// ticket travels; the sender keeps a duplicate (src/channel/parking.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "procyon/detail/arena/reference.hpp"
#include "procyon/detail/wire/attachments.hpp"

namespace procyon::channel {

struct TravellingReference {
  std::uint64_t object;  // arena::Handle
  std::uint64_t pin;     // arena::TravellingPin::Number
};

class Parcel final : public wire::Attachments {
 public:
  Parcel() = default;
  ~Parcel() override { discard(); }

  std::uint32_t put_object(const arena::Reference& reference) override;
  arena::Reference take_object(std::uint32_t index) override;
  std::uint32_t put_descriptor(int descriptor) override;
  int take_descriptor(std::uint32_t index) override;
  /// In a block of this process's, which store_in_block() then uses as it is.
  std::span<std::byte> room_for(std::size_t bytes) override;

  [[nodiscard]] std::span<const TravellingReference> references() const { return references_; }
  /// Whether no references travel.
  [[nodiscard]] bool empty() const { return references_.empty(); }
  /// The block that holds `bytes`, if they were written to room_for() and there is room for the references behind them;
  /// afterwards it is the caller's. Otherwise none.
  arena::Handle take_room(std::span<const std::byte> bytes);
  /// The pins now belong to `carrier`.
  void hand_to(arena::Handle carrier);
  void swap(Parcel& other) noexcept {
    references_.swap(other.references_);
    std::swap(room_, other.room_);
  }
  /// Nobody will take them.
  void discard() noexcept;

 private:
  std::vector<TravellingReference> references_;
  arena::Handle room_;
};

/// A new block of this process's with `bytes` and, behind them, the references of `parcel`, whose pins it then carries.
/// Throws SessionError when shared memory is exhausted; the parcel is then as it was.
arena::Handle store_in_block(std::span<const std::byte> bytes, Parcel& parcel);

/// The references in such a block: `count` of them behind `size` bytes, at a multiple of 8.
std::span<const TravellingReference> references_behind(const std::byte* bytes, std::size_t size,
                                                       std::size_t count);

/// How a receiver uses the pins: it takes them, or leaves them for another attempt at the same message.
enum class PinUse : std::uint8_t { take, copy };

class OpenedParcel final : public wire::Attachments {
 public:
  explicit OpenedParcel(std::span<const TravellingReference> references, PinUse use = PinUse::take)
      : references_(references), use_(use) {}

  std::uint32_t put_object(const arena::Reference& reference) override;
  arena::Reference take_object(std::uint32_t index) override;
  std::uint32_t put_descriptor(int descriptor) override;
  int take_descriptor(std::uint32_t index) override;

 private:
  std::span<const TravellingReference> references_;
  PinUse use_;
};

}  // namespace procyon::channel
