#include "manager/served_list.hpp"

#include <algorithm>
#include <stdexcept>

#include "manager/served_snapshot.hpp"

namespace procyon::manager {

const Method<ServedList> ServedList::methods_[] = {
    {"get(u64)->item", &ServedList::get},
    {"get_many(u64,u64)->values", &ServedList::get_many},
    {"get_last()->values", &ServedList::get_last},
    {"set(u64,value)", &ServedList::set},
    {"set_if_unchanged(u64,version,value)->bool", &ServedList::set_if_unchanged},
    {"extend(values)", &ServedList::extend},
    {"insert(u64,value)", &ServedList::insert},
    {"pop(u64)->value", &ServedList::pop},
    {"pop_last()->value", &ServedList::pop_last},
    {"erase(u64,u64)", &ServedList::erase},
    {"remove(value)->bool", &ServedList::remove},
    {"index(value)->optional<u64>", &ServedList::index},
    {"count(value)->u64", &ServedList::count},
    {"reverse()", &ServedList::reverse},
    {"clear()", &ServedList::clear},
    {"assign_if_unchanged(version,values)->bool", &ServedList::assign_if_unchanged},
    {"size()->u64", &ServedList::size},
    {"items()->version,snapshot", &ServedList::items},
};

namespace {

std::vector<StoredPointer> read_values(ArgumentReader& arguments) {
  std::vector<StoredPointer> values;
  for (auto count = arguments.get<std::uint64_t>(); count > 0; --count) values.push_back(arguments.value());
  arguments.end();
  return values;
}

[[noreturn]] void throw_out_of_range(const std::string& type, std::uint64_t index, std::size_t size) {
  throw std::out_of_range("procyon: this " + type + " has " + std::to_string(size) +
                          " items, so there is none at " + std::to_string(index) +
                          (index > INT64_MAX ? ": negative indices are not counted from the end here" : ""));
}

}  // namespace

ServedPointer ServedList::make(Loop& /*loop*/, IncomingCall& arguments) {
  auto [type] = arguments.read<std::string>();
  return std::make_shared<ServedList>(std::move(type));
}

void ServedList::call(IncomingCall call) { run_method(*this, methods_, std::move(call)); }
std::vector<std::string> ServedList::methods() const { return names_of(methods_); }
std::string ServedList::text() const { return type_ + " of " + std::to_string(items_.size()) + " items"; }

ServedList::Item& ServedList::at(std::uint64_t index) {
  if (index >= items_.size()) throw_out_of_range(type_, index, items_.size());
  return items_[index];
}

std::size_t ServedList::place_of(const StoredValue& value) const {
  const auto found =
      std::find_if(items_.begin(), items_.end(), [&](const Item& item) { return *item.value == value; });
  return static_cast<std::size_t>(found - items_.begin());
}

void ServedList::get(IncomingCall& call) {
  const auto [index] = call.read<std::uint64_t>();
  const Item& item = at(index);
  AnswerWriter answer;
  answer.put(item.version);
  answer.put_value(*item.value);
  answer.reply_to(call);
}

// As a slice of Python's: what lies beyond the end is not there.
void ServedList::get_many(IncomingCall& call) {
  const auto [first, most] = call.read<std::uint64_t, std::uint64_t>();
  const std::uint64_t begin = std::min<std::uint64_t>(first, items_.size());
  const std::uint64_t end = begin + std::min<std::uint64_t>(most, items_.size() - begin);
  AnswerWriter answer;
  answer.put(end - begin);
  for (std::uint64_t index = begin; index < end; ++index) answer.put_value(*items_[index].value);
  answer.reply_to(call);
}

// None of an empty list.
void ServedList::get_last(IncomingCall& call) {
  call.read<>();
  AnswerWriter answer;
  answer.put(std::uint64_t{items_.empty() ? 0u : 1u});
  if (!items_.empty()) answer.put_value(*items_.back().value);
  answer.reply_to(call);
}

void ServedList::set(IncomingCall& call) {
  ArgumentReader arguments(call);
  const auto index = arguments.get<std::uint64_t>();
  StoredPointer value = arguments.value();
  arguments.end();
  at(index) = {std::move(value), next_version()};
  call.reply();
}

void ServedList::set_if_unchanged(IncomingCall& call) {
  ArgumentReader arguments(call);
  const auto index = arguments.get<std::uint64_t>();
  const auto version = arguments.get<std::uint64_t>();
  StoredPointer value = arguments.value();
  arguments.end();
  Item& item = at(index);
  const bool unchanged = item.version == version;
  if (unchanged) item = {std::move(value), next_version()};
  call.reply(unchanged);
}

void ServedList::extend(IncomingCall& call) {
  ArgumentReader arguments(call);
  for (StoredPointer& value : read_values(arguments)) items_.push_back({std::move(value), next_version()});
  call.reply();
}

void ServedList::insert(IncomingCall& call) {
  ArgumentReader arguments(call);
  const auto index = arguments.get<std::uint64_t>();
  StoredPointer value = arguments.value();
  arguments.end();
  if (index > items_.size()) throw_out_of_range(type_, index, items_.size());
  items_.insert(items_.begin() + static_cast<std::ptrdiff_t>(index), {std::move(value), next_version()});
  call.reply();
}

void ServedList::answer_and_erase(IncomingCall& call, std::size_t index) {
  AnswerWriter answer;
  answer.put_value(*items_[index].value);
  items_.erase(items_.begin() + static_cast<std::ptrdiff_t>(index));
  ++version_;
  answer.reply_to(call);
}

void ServedList::pop(IncomingCall& call) {
  const auto [index] = call.read<std::uint64_t>();
  static_cast<void>(at(index));
  answer_and_erase(call, index);
}

void ServedList::pop_last(IncomingCall& call) {
  call.read<>();
  if (items_.empty())
    throw std::out_of_range("procyon: there is nothing to pop: this " + type_ + " is empty");
  answer_and_erase(call, items_.size() - 1);
}

void ServedList::erase(IncomingCall& call) {
  const auto [first, count] = call.read<std::uint64_t, std::uint64_t>();
  if (first > items_.size() || count > items_.size() - first)
    throw_out_of_range(type_, first + count, items_.size());
  const auto begin = items_.begin() + static_cast<std::ptrdiff_t>(first);
  items_.erase(begin, begin + static_cast<std::ptrdiff_t>(count));
  ++version_;
  call.reply();
}

void ServedList::remove(IncomingCall& call) {
  ArgumentReader arguments(call);
  const StoredPointer value = arguments.value();
  arguments.end();
  const std::size_t place = place_of(*value);
  const bool found = place < items_.size();
  if (found) {
    items_.erase(items_.begin() + static_cast<std::ptrdiff_t>(place));
    ++version_;
  }
  call.reply(found);
}

void ServedList::index(IncomingCall& call) {
  ArgumentReader arguments(call);
  const StoredPointer value = arguments.value();
  arguments.end();
  const std::size_t place = place_of(*value);
  call.reply(place < items_.size() ? std::optional<std::uint64_t>(place) : std::nullopt);
}

void ServedList::count(IncomingCall& call) {
  ArgumentReader arguments(call);
  const StoredPointer value = arguments.value();
  arguments.end();
  const auto count =
      std::count_if(items_.begin(), items_.end(), [&](const Item& item) { return *item.value == *value; });
  call.reply(static_cast<std::uint64_t>(count));
}

void ServedList::reverse(IncomingCall& call) {
  call.read<>();
  std::reverse(items_.begin(), items_.end());
  ++version_;
  call.reply();
}

void ServedList::clear(IncomingCall& call) {
  call.read<>();
  items_.clear();
  ++version_;
  call.reply();
}

void ServedList::assign_if_unchanged(IncomingCall& call) {
  ArgumentReader arguments(call);
  const auto version = arguments.get<std::uint64_t>();
  std::vector<StoredPointer> values = read_values(arguments);
  const bool unchanged = version == version_;
  if (unchanged) {
    items_.clear();
    for (StoredPointer& value : values) items_.push_back({std::move(value), next_version()});
    ++version_;
  }
  call.reply(unchanged);
}

void ServedList::size(IncomingCall& call) {
  call.read<>();
  call.reply(std::uint64_t{items_.size()});
}

void ServedList::items(IncomingCall& call) {
  call.read<>();
  std::vector<SnapshotItem> items;
  items.reserve(items_.size());
  for (const Item& item : items_) items.push_back({{}, item.value});
  wire::Writer version;
  version.put(version_);
  call.reply_bytes({version.bytes().begin(), version.bytes().end()},
                   {std::make_shared<ServedSnapshot>(type_, SnapshotOf::values, std::move(items))});
}

}  // namespace procyon::manager
