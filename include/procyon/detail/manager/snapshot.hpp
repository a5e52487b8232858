// A range of what a container held at the moment of the call, fetched in pieces.
//
//   for (const auto& [key, value] : dict.items()) ...
//
// An input range: once through. It takes some 64 KiB of this process, or one item that is larger, however much there is;
// changes that others make meanwhile are not seen. It keeps what it has not given out yet alive in the server until it goes.
// Not to be used by two threads at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <iterator>
#include <utility>
#include <vector>

#include "procyon/detail/manager/calls.hpp"

namespace procyon::manager {

/// `Read` makes an Item of what a ValueReader has next.
template <class Item, class Read>
class Snapshot : private StandardProxy {
 public:
  class Iterator {
   public:
    using value_type = Item;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::input_iterator_tag;

    Iterator() = default;
    explicit Iterator(Snapshot* snapshot) : snapshot_(snapshot) {}
    Item& operator*() const { return snapshot_->fetched_.front(); }
    Item* operator->() const { return &snapshot_->fetched_.front(); }
    Iterator& operator++() {
      snapshot_->fetched_.pop_front();
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator& iterator, std::default_sentinel_t) { return !iterator.has_item(); }

   private:
    [[nodiscard]] bool has_item() const { return snapshot_->has_next(); }
    Snapshot* snapshot_ = nullptr;
  };

  explicit Snapshot(ObjectReference object) : StandardProxy(std::move(object)) {}

  Iterator begin() { return Iterator(this); }
  std::default_sentinel_t end() const { return {}; }

  /// All that is left of it.
  std::vector<Item> to_vector() {
    std::vector<Item> items;
    for (Item& item : *this) items.push_back(std::move(item));
    return items;
  }

 private:
  static constexpr std::uint64_t bytes_at_a_time = 64 << 10;

  bool has_next() {
    if (fetched_.empty() && !ended_) {
      ValueReader answer = invoke("next(bytes)->items", bytes_at_a_time);
      const auto count = answer.template get<std::uint64_t>();
      for (std::uint64_t index = 0; index < count; ++index) fetched_.push_back(Read{}(answer));
      ended_ = count == 0;
    }
    return !fetched_.empty();
  }

  std::deque<Item> fetched_;
  bool ended_ = false;
};

template <class K>
using KeySnapshot = Snapshot<K, ReadKey<K>>;
template <class V>
using ValueSnapshot = Snapshot<V, ReadValue<V>>;
template <class K, class V>
using ItemSnapshot = Snapshot<std::pair<K, V>, ReadKeyAndValue<K, V>>;

}  // namespace procyon::manager
