#include "word_counts.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

namespace {

constexpr std::array<bool, 256> is_word_byte = [] {
  std::array<bool, 256> table{};
  for (const char c : std::string_view("0123456789_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")) {
    table[static_cast<unsigned char>(c)] = true;
  }
  return table;
}();

constexpr std::uint32_t hash_start = 2166136261U;  // FNV-1a
constexpr std::uint32_t hash_factor = 16777619U;

}  // namespace

void WordCounts::add_text(std::string_view text) {
  const auto* at = reinterpret_cast<const unsigned char*>(text.data());
  const auto* const end = at + text.size();
  while (at != end) {
    const auto* const start = at;
    std::uint32_t hash = hash_start;
    while (at != end && is_word_byte[*at]) hash = (hash ^ *at++) * hash_factor;
    if (at != start) {
      add(text.substr(static_cast<std::size_t>(start - reinterpret_cast<const unsigned char*>(text.data())),
                      static_cast<std::size_t>(at - start)),
          hash, 1);
    }
    while (at != end && !is_word_byte[*at]) ++at;
  }
}

void WordCounts::merge(const WordCounts& other) {
  for (std::size_t i = 0; i < other.entries_.size(); ++i) {
    add(other.word(i), other.entries_[i].hash, other.entries_[i].count);
  }
}

void WordCounts::add(std::string_view word, std::uint32_t hash, std::uint64_t times) {
  if ((entries_.size() + 1) * 2 > index_.size()) grow_index();
  std::uint32_t& slot = slot_of(word, hash);
  if (slot != 0) {
    entries_[slot - 1].count += times;
    return;
  }
  if (letters_.size() + word.size() > UINT32_MAX)
    throw std::length_error("more than 4 GiB of different words");
  letters_ += word;
  entries_.push_back({times, hash, static_cast<std::uint32_t>(letters_.size())});
  slot = static_cast<std::uint32_t>(entries_.size());
}

std::string_view WordCounts::word(std::size_t entry) const {
  const std::size_t begin = entry == 0 ? 0 : entries_[entry - 1].end;
  return std::string_view(letters_).substr(begin, entries_[entry].end - begin);
}

// Where the word stands in the index, or the empty slot where it belongs.
std::uint32_t& WordCounts::slot_of(std::string_view word, std::uint32_t hash) {
  const std::size_t mask = index_.size() - 1;
  for (std::size_t i = hash & mask;; i = (i + 1) & mask) {
    std::uint32_t& slot = index_[i];
    if (slot == 0 || (entries_[slot - 1].hash == hash && this->word(slot - 1) == word)) return slot;
  }
}

void WordCounts::grow_index() {
  std::size_t size = std::max<std::size_t>(index_.size(), 512);
  while (size < (entries_.size() + 1) * 4) size *= 2;
  index_.assign(size, 0);
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    slot_of(word(i), entries_[i].hash) = static_cast<std::uint32_t>(i + 1);
  }
}

std::uint64_t WordCounts::total() const {
  std::uint64_t sum = 0;
  for (const Entry& entry : entries_) sum += entry.count;
  return sum;
}

std::vector<std::pair<std::string_view, std::uint64_t>> WordCounts::top(std::size_t how_many) const {
  std::vector<std::pair<std::string_view, std::uint64_t>> all;
  for (std::size_t i = 0; i < entries_.size(); ++i) all.emplace_back(word(i), entries_[i].count);
  const auto middle = all.begin() + static_cast<std::ptrdiff_t>(std::min(how_many, all.size()));
  std::partial_sort(all.begin(), middle, all.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  all.erase(middle, all.end());
  return all;
}

bool WordCounts::operator==(const WordCounts& other) const {
  return different() == other.different() && top(different()) == other.top(different());
}
