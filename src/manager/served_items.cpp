#include "manager/served_items.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <stdexcept>

#include "manager/waiting_calls.hpp"
#include "procyon/array.hpp"
#include "procyon/value.hpp"

namespace procyon::manager {

const Method<ServedItems> ServedItems::methods_[] = {
    {"get(u64,u64)->bytes", &ServedItems::get}, {"set(u64,bytes)", &ServedItems::set},
    {"size()->u64", &ServedItems::size},        {"acquire(i64)->lock_answer", &ServedItems::acquire},
    {"release()", &ServedItems::release},       {"locked()->bool", &ServedItems::locked},
    {"recover(tenure)", &ServedItems::recover}, {"give_back(tenure)", &ServedItems::give_back},
};

namespace {

// sync::ValueState<T>, but for the value.
struct ValueHead : arena::Counted {
  sync::RobustWord lock;
};

constexpr std::size_t place_of_value(std::size_t alignment) {
  return (sizeof(ValueHead) + alignment - 1) / alignment * alignment;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored \
    "-Winvalid-offsetof"  // one base class, no virtual functions: every compiler knows it
template <class T>
constexpr bool lies_there = offsetof(sync::ValueState<T>, value) == place_of_value(sync::item_alignment<T>);
#pragma GCC diagnostic pop
struct alignas(64) Aligned {
  char bytes[64];
};
static_assert(lies_there<char> && lies_there<int> && lies_there<double> && lies_there<long double> &&
              lies_there<Aligned>);

void check(const ItemType& type) {
  if (type.size == 0 || !std::has_single_bit(type.alignment) || type.alignment > sync::offset_of_items)
    throw std::invalid_argument("procyon: a Value or Array cannot hold items of " +
                                std::to_string(type.size) + " bytes at multiples of " +
                                std::to_string(type.alignment));
}

}  // namespace

ServedPointer ServedItems::make_value(Loop& loop, IncomingCall& arguments) {
  auto [type, item, initial] = arguments.read<std::string, ItemType, std::string>();
  check(item);
  if (initial.size() != item.size)
    throw std::invalid_argument("procyon: a " + type + " begins with a value of its own size");
  const arena::ObjectType object{"Value", sync::value_type<char>.kind, item.detail};
  const std::size_t place = place_of_value(item.alignment);
  auto reference =
      arena::Reference::create_with_room<ValueHead>(place - sizeof(ValueHead) + item.size, object);
  auto* const value = static_cast<std::byte*>(reference.address()) + place;
  std::memcpy(value, initial.data(), initial.size());
  auto& head = reference.get<ValueHead>();
  return std::make_shared<ServedItems>(loop, std::move(type), std::move(reference), head.lock,
                                       std::span(value, item.size), item.size);
}

ServedPointer ServedItems::make_array(Loop& loop, IncomingCall& arguments) {
  auto [type, item, count, initial] = arguments.read<std::string, ItemType, std::uint64_t, std::string>();
  check(item);
  const arena::ObjectType object{"Array", sync::array_type<char>.kind, item.detail};
  auto reference = arena::Reference::create_with_room<sync::ArrayState>(
      sync::room_for_items(sizeof(sync::ArrayState), count, item.size), object, count);
  const std::span items(static_cast<std::byte*>(reference.address()) + sync::offset_of_items,
                        count * item.size);
  if (initial.size() != items.size() && !initial.empty())
    throw std::invalid_argument("procyon: the first items of a " + type + " are not as many as it has");
  std::memset(items.data(), 0, items.size());
  std::memcpy(items.data(), initial.data(), initial.size());
  auto& lock = reference.get<sync::ArrayState>().lock;
  return std::make_shared<ServedItems>(loop, std::move(type), std::move(reference), lock, items, item.size);
}

void ServedItems::call(IncomingCall call) { run_method(*this, methods_, std::move(call)); }
std::vector<std::string> ServedItems::methods() const { return names_of(methods_); }

std::span<std::byte> ServedItems::items(std::uint64_t first, std::uint64_t count) const {
  const std::size_t size = items_.size() / item_size_;
  if (first > size || count > size - first)
    throw std::out_of_range("procyon: this " + type_ + " has " + std::to_string(size) +
                            " items, so there is none at " +
                            std::to_string(std::max<std::uint64_t>(first, size)));
  return items_.subspan(first * item_size_, count * item_size_);
}

void ServedItems::get(IncomingCall& call) {
  const auto [first, count] = call.read<std::uint64_t, std::uint64_t>();
  const auto bytes = items(first, count);
  call.reply(std::vector<std::byte>(bytes.begin(), bytes.end()));
}

void ServedItems::set(IncomingCall& call) {
  const auto [first, bytes] = call.read<std::uint64_t, std::vector<std::byte>>();
  std::ranges::copy(bytes, items(first, bytes.size() / item_size_).begin());
  call.reply();
}

void ServedItems::size(IncomingCall& call) {
  call.read<>();
  call.reply(std::uint64_t{items_.size() / item_size_});
}

void ServedItems::acquire(IncomingCall& call) {
  const auto [timeout] = call.read<std::int64_t>();
  remote_.acquire(std::move(call), deadline_of(timeout));
}

void ServedItems::release(IncomingCall& call) {
  call.read<>();
  remote_.release(call.caller());
  call.reply();
}

void ServedItems::locked(IncomingCall& call) {
  call.read<>();
  call.reply(remote_.is_held());
}

void ServedItems::recover(IncomingCall& call) {
  const auto [tenure] = call.read<std::uint64_t>();
  remote_.recover(call.caller().client, tenure);
  call.reply();
}

void ServedItems::give_back(IncomingCall& call) {
  const auto [tenure] = call.read<std::uint64_t>();
  remote_.give_back(call.caller().client, tenure);
  call.reply();
}

}  // namespace procyon::manager
