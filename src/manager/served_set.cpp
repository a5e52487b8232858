#include "manager/served_set.hpp"

#include <unordered_set>

#include "manager/served_snapshot.hpp"

namespace procyon::manager {

const Method<ServedSet> ServedSet::methods_[] = {
    {"add(elements)->u64", &ServedSet::add},
    {"erase(elements)->u64", &ServedSet::erase},
    {"retain(elements)", &ServedSet::retain},
    {"toggle(elements)", &ServedSet::toggle},
    {"contains(element)->bool", &ServedSet::contains},
    {"count_contained(elements)->u64", &ServedSet::count_contained},
    {"pop()->optional<element>", &ServedSet::pop},
    {"clear()", &ServedSet::clear},
    {"size()->u64", &ServedSet::size},
    {"elements()->snapshot", &ServedSet::elements},
};

using Elements = std::vector<std::string>;

ServedPointer ServedSet::make(Loop& /*loop*/, IncomingCall& arguments) {
  auto [type] = arguments.read<std::string>();
  return std::make_shared<ServedSet>(std::move(type));
}

void ServedSet::call(IncomingCall call) { run_method(*this, methods_, std::move(call)); }
std::vector<std::string> ServedSet::methods() const { return names_of(methods_); }
std::string ServedSet::text() const { return type_ + " of " + std::to_string(table_.size()) + " elements"; }

void ServedSet::add(IncomingCall& call) {
  auto [elements] = call.read<Elements>();
  std::uint64_t added = 0;
  for (std::string& element : elements)
    if (!table_.contains(element) && table_.put(std::move(element), nullptr)) ++added;
  call.reply(added);
}

void ServedSet::erase(IncomingCall& call) {
  const auto [elements] = call.read<Elements>();
  std::uint64_t erased = 0;
  for (const std::string& element : elements)
    if (table_.erase(element)) ++erased;
  call.reply(erased);
}

void ServedSet::retain(IncomingCall& call) {
  const auto [elements] = call.read<Elements>();
  const std::unordered_set<std::string_view> wanted(elements.begin(), elements.end());
  std::vector<std::string> unwanted;
  for (const OrderedTable::Entry& entry : table_.entries())
    if (!wanted.contains(entry.key)) unwanted.push_back(entry.key);
  for (const std::string& element : unwanted) table_.erase(element);
  call.reply();
}

void ServedSet::toggle(IncomingCall& call) {
  auto [elements] = call.read<Elements>();
  const std::unordered_set<std::string> once(std::make_move_iterator(elements.begin()),
                                             std::make_move_iterator(elements.end()));
  for (const std::string& element : once)
    if (!table_.erase(element)) table_.put(element, nullptr);
  call.reply();
}

void ServedSet::contains(IncomingCall& call) {
  const auto [element] = call.read<std::string>();
  call.reply(table_.contains(element));
}

void ServedSet::count_contained(IncomingCall& call) {
  const auto [elements] = call.read<Elements>();
  std::uint64_t contained = 0;
  for (const std::string& element : elements) contained += table_.contains(element) ? 1 : 0;
  call.reply(contained);
}

void ServedSet::pop(IncomingCall& call) {
  call.read<>();
  std::optional<std::string> popped;
  if (table_.size() != 0) {
    popped = table_.entries().front().key;
    table_.erase(*popped);
  }
  call.reply(popped);
}

void ServedSet::clear(IncomingCall& call) {
  call.read<>();
  table_.clear();
  call.reply();
}

void ServedSet::size(IncomingCall& call) {
  call.read<>();
  call.reply(std::uint64_t{table_.size()});
}

void ServedSet::elements(IncomingCall& call) {
  call.read<>();
  std::vector<SnapshotItem> items;
  items.reserve(table_.size());
  for (const OrderedTable::Entry& entry : table_.entries()) items.push_back({entry.key, nullptr});
  call.reply_object(std::make_shared<ServedSnapshot>(type_, SnapshotOf::keys, std::move(items)));
}

}  // namespace procyon::manager
