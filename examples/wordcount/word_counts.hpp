// How often each word occurs. Made to be sent: the words of a file lie in one string, their counts in one array, so
// that a whole table crosses to another process as two copies of memory; and each word brings its hash along, so that
// merging tables costs one look-up a word and no hashing. That keeps the process that merges from being the bottleneck.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

class WordCounts {
 public:
  // Counts the words of a text: runs of ASCII letters, digits and underscores, as they are written.
  void add_text(std::string_view text);
  void merge(const WordCounts& other);

  std::uint64_t total() const;
  std::size_t different() const { return entries_.size(); }
  // The most frequent words first; words as frequent as each other in alphabetical order.
  std::vector<std::pair<std::string_view, std::uint64_t>> top(std::size_t how_many) const;

  // The same words as often, whatever the order in which they were met.
  bool operator==(const WordCounts& other) const;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(letters_, entries_);  // not the index: whoever needs it builds it
  }

 private:
  struct Entry {
    std::uint64_t count;
    std::uint32_t hash;
    std::uint32_t end;  // in letters_, where the entry before it ends, this one begins
  };

  void add(std::string_view word, std::uint32_t hash, std::uint64_t times);
  std::string_view word(std::size_t entry) const;
  std::uint32_t& slot_of(std::string_view word, std::uint32_t hash);
  void grow_index();

  std::string letters_;
  std::vector<Entry> entries_;        // in the order in which the words were met
  std::vector<std::uint32_t> index_;  // open addressing by hash: number of an entry plus one, or zero
};
