#include "procyon/detail/channel/parcel.hpp"

#include <stdexcept>

#include "procyon/detail/wire/decode_error.hpp"

namespace procyon::channel {

namespace {

[[noreturn]] void refuse_descriptor() {
  throw std::logic_error(
      "procyon: a file descriptor cannot lie in shared memory, so a Connection cannot travel through a queue "
      "or a "
      "pool; pass it as an argument of a Process");
}

}  // namespace

std::uint32_t Parcel::put_object(const arena::Reference& reference) {
  references_.push_back({reference.handle().bits(), arena::TravellingPin::pack(reference)});
  return static_cast<std::uint32_t>(references_.size() - 1);
}
std::uint32_t Parcel::put_descriptor(int) { refuse_descriptor(); }
arena::Reference Parcel::take_object(std::uint32_t) {
  throw std::logic_error("procyon: a parcel is for sending");
}
int Parcel::take_descriptor(std::uint32_t) { refuse_descriptor(); }

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
}

std::uint32_t OpenedParcel::put_object(const arena::Reference&) {
  throw std::logic_error("procyon: an opened parcel is for receiving");
}
std::uint32_t OpenedParcel::put_descriptor(int) { refuse_descriptor(); }
int OpenedParcel::take_descriptor(std::uint32_t) { refuse_descriptor(); }

arena::Reference OpenedParcel::take_object(std::uint32_t index) {
  if (index >= references_.size())
    throw wire::DecodeError("procyon: this message names a shared object that did not travel with it");
  const auto pin = static_cast<arena::TravellingPin::Number>(references_[index].pin);
  const auto object = arena::Handle::from_bits(references_[index].object);
  return use_ == PinUse::take ? arena::TravellingPin::take(pin, object)
                              : arena::TravellingPin::copy(pin, object);
}

}  // namespace procyon::channel
