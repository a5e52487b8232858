#include "procyon/detail/channel/parcel.hpp"

#include <cstring>
#include <stdexcept>
#include <utility>

#include "channel/parking.hpp"
#include "procyon/detail/arena/session.hpp"
#include "procyon/detail/wire/decode_error.hpp"
#include "procyon/errors.hpp"

namespace procyon::channel {

std::uint32_t Parcel::put_object(const arena::Reference& reference) {
  references_.push_back({reference.handle().bits(), arena::TravellingPin::pack(reference)});
  return static_cast<std::uint32_t>(references_.size() - 1);
}
std::uint32_t Parcel::put_descriptor(int descriptor) { return put_object(park(descriptor)); }
arena::Reference Parcel::take_object(std::uint32_t) {
  throw std::logic_error("procyon: a parcel is for sending");
}
int Parcel::take_descriptor(std::uint32_t) { throw std::logic_error("procyon: a parcel is for sending"); }

void Parcel::hand_to(arena::Handle carrier) {
  for (const TravellingReference& reference : references_) {
    const auto pin = static_cast<arena::TravellingPin::Number>(reference.pin);
    arena::TravellingPin::hand_to(&pin, 1, carrier);
  }
  references_.clear();
}

void Parcel::discard() noexcept {
  for (const TravellingReference& reference : references_)
    arena::TravellingPin::drop(static_cast<arena::TravellingPin::Number>(reference.pin),
                               arena::Handle::from_bits(reference.object));
  references_.clear();
  if (room_) arena::Session::current().release(std::exchange(room_, {}));
}

namespace {

constexpr std::size_t references_at(std::size_t size) {
  constexpr std::size_t alignment = alignof(TravellingReference);
  return (size + alignment - 1) / alignment * alignment;
}

}  // namespace

std::span<std::byte> Parcel::room_for(std::size_t bytes) {
  if (room_) return {};
  constexpr std::size_t for_what_follows = 512;  // small fields behind the large one, and references
  arena::Session& session = arena::Session::current();
  try {
    room_ = session.allocate(bytes + for_what_follows);
  } catch (const SessionError&) {
    return {};  // sending will say so
  }
  return {session.bytes(room_), bytes + for_what_follows};
}

arena::Handle Parcel::take_room(std::span<const std::byte> bytes) {
  const arena::Session& session = arena::Session::current();
  if (!room_ || session.bytes(room_) != bytes.data()) return {};
  if (references_at(bytes.size()) + references().size_bytes() > session.size(room_)) return {};
  return std::exchange(room_, {});
}

arena::Handle store_in_block(std::span<const std::byte> bytes, Parcel& parcel) {
  arena::Session& session = arena::Session::current();
  const auto references = parcel.references();
  arena::Handle block = parcel.take_room(bytes);
  const bool is_there = static_cast<bool>(block);
  if (!is_there) block = session.allocate(references_at(bytes.size()) + references.size_bytes());
  std::byte* const target = session.bytes(block);
  if (!is_there && !bytes.empty()) std::memcpy(target, bytes.data(), bytes.size());
  if (!references.empty())
    std::memcpy(target + references_at(bytes.size()), references.data(), references.size_bytes());
  parcel.hand_to(block);
  return block;
}

std::span<const TravellingReference> references_behind(const std::byte* bytes, std::size_t size,
                                                       std::size_t count) {
  return {reinterpret_cast<const TravellingReference*>(bytes + references_at(size)), count};
}

std::uint32_t OpenedParcel::put_object(const arena::Reference&) {
  throw std::logic_error("procyon: an opened parcel is for receiving");
}
std::uint32_t OpenedParcel::put_descriptor(int) {
  throw std::logic_error("procyon: an opened parcel is for receiving");
}
int OpenedParcel::take_descriptor(std::uint32_t index) { return fetch_parked(take_object(index)).release(); }

arena::Reference OpenedParcel::take_object(std::uint32_t index) {
  if (index >= references_.size())
    throw wire::DecodeError("procyon: this message names a shared object that did not travel with it");
  const auto pin = static_cast<arena::TravellingPin::Number>(references_[index].pin);
  const auto object = arena::Handle::from_bits(references_[index].object);
  return use_ == PinUse::take ? arena::TravellingPin::take(pin, object)
                              : arena::TravellingPin::copy(pin, object);
}

}  // namespace procyon::channel
