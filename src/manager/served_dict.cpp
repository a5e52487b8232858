#include "manager/served_dict.hpp"

namespace procyon::manager {

const Method<ServedDict> ServedDict::methods_[] = {
    {"get(key)->entry", &ServedDict::get},
    {"get_many(keys)->entries", &ServedDict::get_many},
    {"set(key,value)", &ServedDict::set},
    {"set_many(items)", &ServedDict::set_many},
    {"set_default(key,value)->value", &ServedDict::set_default},
    {"set_if_unchanged(key,version,value)->bool", &ServedDict::set_if_unchanged},
    {"set_if_equal(key,value,value)->bool", &ServedDict::set_if_equal},
    {"contains(key)->bool", &ServedDict::contains},
    {"erase(key)->bool", &ServedDict::erase},
    {"pop(key)->entry", &ServedDict::pop},
    {"pop_last()->item", &ServedDict::pop_last},
    {"clear()", &ServedDict::clear},
    {"size()->u64", &ServedDict::size},
    {"keys()->snapshot", &ServedDict::keys},
    {"values()->snapshot", &ServedDict::values},
    {"items()->snapshot", &ServedDict::items},
};

namespace {

// An entry in an answer: its version, 0 if there is none, and its value.
void put_entry(AnswerWriter& answer, const OrderedTable::Entry* entry) {
  answer.put(entry == nullptr ? std::uint64_t{0} : entry->version);
  if (entry != nullptr) answer.put_value(*entry->value);
}

}  // namespace

ServedPointer ServedDict::make(Loop& /*loop*/, IncomingCall& arguments) {
  auto [type] = arguments.read<std::string>();
  return std::make_shared<ServedDict>(std::move(type));
}

void ServedDict::call(IncomingCall call) { run_method(*this, methods_, std::move(call)); }
std::vector<std::string> ServedDict::methods() const { return names_of(methods_); }
std::string ServedDict::text() const { return type_ + " of " + std::to_string(table_.size()) + " items"; }

void ServedDict::get(IncomingCall& call) {
  ArgumentReader arguments(call);
  const std::string key = arguments.key();
  arguments.end();
  AnswerWriter answer;
  put_entry(answer, table_.find(key));
  answer.reply_to(call);
}

void ServedDict::get_many(IncomingCall& call) {
  const auto [keys] = call.read<std::vector<std::string>>();
  AnswerWriter answer;
  for (const std::string& key : keys) put_entry(answer, table_.find(key));
  answer.reply_to(call);
}

void ServedDict::set(IncomingCall& call) {
  ArgumentReader arguments(call);
  std::string key = arguments.key();
  StoredPointer value = arguments.value();
  arguments.end();
  table_.put(std::move(key), std::move(value));
  call.reply();
}

// All or none: what cannot be read is found before the first is put in.
void ServedDict::set_many(IncomingCall& call) {
  ArgumentReader arguments(call);
  std::vector<std::pair<std::string, StoredPointer>> items;
  for (auto count = arguments.get<std::uint64_t>(); count > 0; --count) {
    std::string key = arguments.key();
    items.emplace_back(std::move(key), arguments.value());
  }
  arguments.end();
  for (auto& [key, value] : items) table_.put(std::move(key), std::move(value));
  call.reply();
}

void ServedDict::set_default(IncomingCall& call) {
  ArgumentReader arguments(call);
  const std::string key = arguments.key();
  const StoredPointer value = arguments.value();
  arguments.end();
  if (!table_.contains(key)) table_.put(key, value);
  AnswerWriter answer;
  answer.put_value(*table_.find(key)->value);
  answer.reply_to(call);
}

// Version 0: only if there is no such key.
void ServedDict::set_if_unchanged(IncomingCall& call) {
  ArgumentReader arguments(call);
  std::string key = arguments.key();
  const auto version = arguments.get<std::uint64_t>();
  StoredPointer value = arguments.value();
  arguments.end();
  const OrderedTable::Entry* const entry = table_.find(key);
  const bool unchanged = (entry == nullptr ? 0 : entry->version) == version;
  if (unchanged) table_.put(std::move(key), std::move(value));
  call.reply(unchanged);
}

void ServedDict::set_if_equal(IncomingCall& call) {
  ArgumentReader arguments(call);
  std::string key = arguments.key();
  const StoredPointer expected = arguments.value();
  StoredPointer value = arguments.value();
  arguments.end();
  const OrderedTable::Entry* const entry = table_.find(key);
  const bool equal = entry != nullptr && *entry->value == *expected;
  if (equal) table_.put(std::move(key), std::move(value));
  call.reply(equal);
}

void ServedDict::contains(IncomingCall& call) {
  const auto [key] = call.read<std::string>();
  call.reply(table_.contains(key));
}

void ServedDict::erase(IncomingCall& call) {
  const auto [key] = call.read<std::string>();
  call.reply(table_.erase(key));
}

void ServedDict::pop(IncomingCall& call) {
  const auto [key] = call.read<std::string>();
  AnswerWriter answer;
  put_entry(answer, table_.find(key));
  table_.erase(key);
  answer.reply_to(call);
}

void ServedDict::pop_last(IncomingCall& call) {
  call.read<>();
  AnswerWriter answer;
  answer.put(table_.size() != 0);
  if (table_.size() != 0) {
    const OrderedTable::Entry& last = table_.entries().back();
    answer.put(last.key);
    answer.put_value(*last.value);
    table_.erase(std::string(last.key));
  }
  answer.reply_to(call);
}

void ServedDict::clear(IncomingCall& call) {
  call.read<>();
  table_.clear();
  call.reply();
}

void ServedDict::size(IncomingCall& call) {
  call.read<>();
  call.reply(std::uint64_t{table_.size()});
}

void ServedDict::keys(IncomingCall& call) { reply_snapshot(call, SnapshotOf::keys); }
void ServedDict::values(IncomingCall& call) { reply_snapshot(call, SnapshotOf::values); }
void ServedDict::items(IncomingCall& call) { reply_snapshot(call, SnapshotOf::keys_and_values); }

void ServedDict::reply_snapshot(IncomingCall& call, SnapshotOf what) const {
  call.read<>();
  std::vector<SnapshotItem> items;
  items.reserve(table_.size());
  for (const auto& [key, value, version] : table_.entries())
    items.push_back(
        {what == SnapshotOf::values ? std::string() : key, what == SnapshotOf::keys ? nullptr : value});
  call.reply_object(std::make_shared<ServedSnapshot>(type_, what, std::move(items)));
}

}  // namespace procyon::manager
