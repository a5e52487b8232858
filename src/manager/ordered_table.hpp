// Entries by key, in the order in which their keys were first put in, as Python's dict keeps them.
//
// Each change of an entry gives it a version that no entry of the table ever had: so "unchanged since it was read" is one
// comparison, even if the key was erased and put in again meanwhile.
#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "manager/stored_values.hpp"

namespace procyon::manager {

class OrderedTable {
 public:
  struct Entry {
    std::string key;
    StoredPointer value;  // null in a set
    std::uint64_t version = 0;
  };
  using Entries = std::list<Entry>;

  /// Null if there is none.
  [[nodiscard]] Entry* find(std::string_view key) {
    const auto place = places_.find(key);
    return place == places_.end() ? nullptr : &*place->second;
  }
  [[nodiscard]] bool contains(std::string_view key) const { return places_.contains(key); }

  /// Puts a value in, or in the place of the one there was. Returns whether the key is new.
  bool put(std::string key, StoredPointer value) {
    if (Entry* const entry = find(key)) {
      entry->value = std::move(value);
      entry->version = ++last_version_;
      return false;
    }
    entries_.push_back({std::move(key), std::move(value), ++last_version_});
    const auto place = std::prev(entries_.end());
    places_.emplace(place->key, place);
    return true;
  }

  bool erase(std::string_view key) {
    const auto place = places_.find(key);
    if (place == places_.end()) return false;
    const auto entry = place->second;
    places_.erase(place);
    entries_.erase(entry);
    return true;
  }

  void clear() {
    places_.clear();
    entries_.clear();
  }

  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] const Entries& entries() const { return entries_; }

 private:
  Entries entries_;
  std::unordered_map<std::string_view, Entries::iterator> places_;  // by the keys that lie in entries_
  std::uint64_t last_version_ = 0;
};

}  // namespace procyon::manager
