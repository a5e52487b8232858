// Who else writes to the list is not known, so nothing in it is believed: the layout is checked when it is read and kept
// from then on, formats and codes are checked at each access.
#include "procyon/shareable_list.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <limits>
#include <optional>
#include <stdexcept>

namespace procyon {

namespace {

static_assert(std::endian::native == std::endian::little, "the format is CPython's on such machines");

constexpr std::size_t word = 8;
constexpr std::size_t largest_room = 9'999'992;  // 7 digits and "s" are all that a format has place for
constexpr std::string_view spaces = " \t\n\v\f\r";

constexpr std::string_view format_of_int = "q";
constexpr std::string_view format_of_float = "d";
constexpr std::string_view format_of_bool = "xxxxxxx?";
constexpr std::string_view format_of_none = "xxxxxx?x";
constexpr std::size_t byte_of_bool = 7;

enum class Code : std::uint8_t { number = 0, text = 1, bytes = 2, none = 3 };

std::optional<std::span<const std::byte>> text_of(const ShareableValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return std::as_bytes(std::span(*text));
  if (const auto* bytes = std::get_if<std::vector<std::byte>>(&value)) return *bytes;
  return std::nullopt;
}

std::size_t room_for(const ShareableValue& value) {
  const auto text = text_of(value);
  return text ? word * (text->size() / word + 1) : word;
}

Code code_of(const ShareableValue& value) {
  if (std::holds_alternative<std::string>(value)) return Code::text;
  if (std::holds_alternative<std::vector<std::byte>>(value)) return Code::bytes;
  return std::holds_alternative<None>(value) ? Code::none : Code::number;
}

std::size_t nuls_at_end(std::span<const std::byte> text) {
  const auto last = std::find_if(text.rbegin(), text.rend(), [](std::byte b) { return b != std::byte{0}; });
  return static_cast<std::size_t>(last - text.rbegin());
}

// The NULs that a text ends with, if they have to be told from padding: as white space behind its format.
std::string format_of_text(std::size_t room, std::size_t nuls) {
  std::string format = std::to_string(room) + "s";
  for (; nuls > 0; nuls /= spaces.size()) format += spaces[nuls % spaces.size()];
  if (format.size() > word)
    throw std::length_error(
        "procyon: a text in a ShareableList may end with at most 215 NULs (35 in rooms of 10,000 bytes, 5 of "
        "100,000, none of 1,000,000): its format has no place for their number; add a byte behind them");
  return format;
}

std::string format_of(const ShareableValue& value, std::size_t room) {
  if (const auto text = text_of(value)) return format_of_text(room, nuls_at_end(*text));
  if (std::holds_alternative<std::int64_t>(value)) return std::string(format_of_int);
  if (std::holds_alternative<double>(value)) return std::string(format_of_float);
  return std::string(std::holds_alternative<bool>(value) ? format_of_bool : format_of_none);
}

struct TextFormat {
  std::size_t length;
  std::size_t nuls;
};

std::optional<TextFormat> parse_text_format(std::string_view format) {
  TextFormat result{0, 0};
  const char* const end = format.data() + format.size();
  const auto [next, error] = std::from_chars(format.data(), end, result.length);
  if (error != std::errc() || next == end || *next != 's') return std::nullopt;
  for (const char* digit = end; --digit > next;) {
    const auto value = spaces.find(*digit);
    if (value == std::string_view::npos) return std::nullopt;
    result.nuls = result.nuls * spaces.size() + value;
  }
  return result;
}

template <class T>
T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

template <class T>
void store(std::byte* to, const T& value) {
  std::memcpy(to, &value, sizeof(value));
}

}  // namespace

struct ShareableList::Slot {
  std::byte* data;
  std::size_t room;
  std::byte* format;
  std::byte* code;

  /// `value` has room. Anybody may look meanwhile.
  void write(const ShareableValue& value, const std::string& new_format) const {
    if (const auto text = text_of(value)) {
      std::copy(text->begin(), text->end(), data);
      std::fill(data + text->size(), data + room, std::byte{0});
    } else if (const auto* number = std::get_if<std::int64_t>(&value)) {
      store(data, *number);
    } else if (const auto* real = std::get_if<double>(&value)) {
      store(data, *real);
    } else {
      store(data, std::uint64_t{0});
      if (const auto* flag = std::get_if<bool>(&value)) store(data + byte_of_bool, *flag);
    }
    std::fill(format, format + word, std::byte{0});
    std::memcpy(format, new_format.data(), new_format.size());
    *code = static_cast<std::byte>(code_of(value));
  }
};

ShareableList::ShareableList(std::span<const ShareableValue> values, const std::string& name) {
  const std::size_t count = values.size();
  std::vector<std::uint64_t> offsets{0};
  for (const ShareableValue& value : values) {
    const std::size_t room = room_for(value);
    if (room > largest_room)
      throw std::length_error(
          "procyon: a text in a ShareableList has less than 10 MB; use a SharedMemory for more");
    format_of(value, room);  // refuses what cannot be written, while nothing is made yet
    offsets.push_back(offsets.back() + room);
  }
  const std::size_t start = word * (count + 2);
  for (const std::uint64_t offset : offsets) offsets_.push_back(start + offset);
  // The list is complete when it gets its name.
  const std::size_t bytes = offsets_.back() + count * (word + 1);
  memory_ = SharedMemory(name, bytes, [&](std::span<std::byte> memory) {
    store(memory.data(), static_cast<std::uint64_t>(count));
    std::memcpy(memory.data() + word, offsets.data(), offsets.size() * word);
    for (std::size_t index = 0; index < count; ++index) {
      const Slot place = slot_in(memory.data(), index);
      place.write(values[index], format_of(values[index], place.room));
    }
  });
}

ShareableList ShareableList::attach(const std::string& name) {
  ShareableList list;
  list.memory_ = SharedMemory({.name = name});
  list.read_layout();
  return list;
}

void ShareableList::throw_spoilt(const std::string& how) const {
  throw std::runtime_error("procyon: the shared memory '" + name() +
                           "' is no ShareableList, or somebody has spoilt it: " + how);
}

void ShareableList::read_layout() {
  offsets_.clear();
  if (name().empty()) return;
  const std::span<const std::byte> bytes = memory_.buf();
  if (bytes.size() < 2 * word) throw_spoilt("it has only " + std::to_string(bytes.size()) + " bytes");
  const auto count = load<std::uint64_t>(bytes.data());
  // Each item takes an offset, a format and a code; its data may be shared by nobody but takes a word at least.
  if (count > bytes.size() / (3 * word + 1))
    throw_spoilt("it says that it has " + std::to_string(count) + " items, more than fit into its " +
                 std::to_string(bytes.size()) + " bytes");
  const std::size_t start = word * (count + 2);
  const std::size_t formats = count * (word + 1);
  std::vector<std::size_t> offsets;
  for (std::size_t index = 0; index <= count; ++index) {
    const auto offset = load<std::uint64_t>(bytes.data() + word * (index + 1));
    const std::size_t least = index == 0 ? 0 : offsets.back() - start + word;
    if (offset < least || (index == 0 && offset != 0) || offset > bytes.size() - start - formats)
      throw_spoilt("item " + std::to_string(index) + " lies at " + std::to_string(offset) +
                   ", outside or on another one's place");
    offsets.push_back(start + offset);
  }
  offsets_ = std::move(offsets);
}

ShareableList::Slot ShareableList::slot(std::size_t index) const {
  return slot_in(memory_.buf().data(), index);
}

ShareableList::Slot ShareableList::slot_in(std::byte* bytes, std::size_t index) const {
  if (index >= size())
    throw std::out_of_range("procyon: this ShareableList has " + std::to_string(size()) +
                            " items, so there is none at " + std::to_string(index) + "; the first is at 0");
  const std::size_t formats = offsets_.back();
  return {bytes + offsets_[index], offsets_[index + 1] - offsets_[index], bytes + formats + word * index,
          bytes + formats + word * size() + index};
}

std::size_t ShareableList::capacity(std::size_t index) const { return slot(index).room; }

ShareableValue ShareableList::operator[](std::size_t index) const {
  const Slot place = slot(index);
  char letters[word];
  std::memcpy(letters, place.format, word);
  const std::string_view format(letters, ::strnlen(letters, word));
  const auto code = static_cast<Code>(*place.code);
  if (code == Code::none) return none;
  if (code == Code::number) {
    if (format == format_of_int) return load<std::int64_t>(place.data);
    if (format == format_of_float) return load<double>(place.data);
    if (format == format_of_bool) return place.data[byte_of_bool] != std::byte{0};
  }
  const auto text = parse_text_format(format);
  if (!text || text->length > place.room || (code != Code::text && code != Code::bytes))
    throw_spoilt("item " + std::to_string(index) + " has the format '" + std::string(format) +
                 "' and the code " + std::to_string(static_cast<int>(code)));
  std::vector<std::byte> bytes(place.data, place.data + text->length);
  const std::size_t without_nuls = bytes.size() - nuls_at_end(bytes);
  bytes.resize(std::min(without_nuls + text->nuls, bytes.size()));
  if (code == Code::bytes) return bytes;
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

void ShareableList::set(std::size_t index, const ShareableValue& value) {
  const Slot place = slot(index);
  const auto text = text_of(value);
  if (text && text->size() > place.room)
    throw std::length_error("procyon: item " + std::to_string(index) + " of the ShareableList '" + name() +
                            "' has room for " + std::to_string(place.room) + " bytes, not for " +
                            std::to_string(text->size()) + "; make the list with longer texts");
  place.write(value, format_of(value, place.room));
}

std::vector<ShareableValue> ShareableList::values() const {
  std::vector<ShareableValue> result;
  for (std::size_t index = 0; index < size(); ++index) result.push_back((*this)[index]);
  return result;
}

std::size_t ShareableList::count(const ShareableValue& value) const {
  const auto all = values();
  return static_cast<std::size_t>(std::count(all.begin(), all.end(), value));
}

std::size_t ShareableList::index(const ShareableValue& value) const {
  const auto all = values();
  return static_cast<std::size_t>(std::find(all.begin(), all.end(), value) - all.begin());
}

std::string ShareableList::format() const {
  std::string result;
  for (std::size_t index = 0; index < size(); ++index) {
    const Slot place = slot(index);
    const auto* letters = reinterpret_cast<const char*>(place.format);
    result.append(letters, ::strnlen(letters, word));
  }
  return result;
}

}  // namespace procyon
