#include "process/start_record.hpp"

#include <string.h>

#include <cstring>
#include <iterator>
#include <stdexcept>

#include "procyon/detail/arena/reference.hpp"
#include "procyon/detail/arena/session.hpp"

namespace procyon::process {

namespace {

constexpr std::uint64_t record_magic = 0x74'72'61'74'73'6f'72'70;  // "prostart"
constexpr std::size_t call_alignment = 16;

std::size_t aligned(std::size_t size) {
  return (size + call_alignment - 1) / call_alignment * call_alignment;
}

std::size_t bytes_before_call(const RecordHeader& header) {
  std::size_t size = sizeof(RecordHeader) + header.pin_count * sizeof(RecordPin) +
                     header.identity_count * sizeof(std::uint32_t);
  for (const std::uint32_t text : header.text_sizes) size += text;
  return aligned(size);
}

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

// Copies piece by piece, forwards.
class Cursor {
 public:
  explicit Cursor(std::byte* at) : at_(at) {}
  void put(const void* bytes, std::size_t size) {
    if (size != 0) std::memcpy(at_, bytes, size);
    at_ += size;
  }

 private:
  std::byte* at_;
};

// The pins of objects that travel; dropped again unless they reach the record.
class Pins {
 public:
  explicit Pins(const std::vector<arena::Reference>& objects) {
    numbers_.reserve(objects.size());
    records_.reserve(objects.size());
    for (const arena::Reference& object : objects) {
      numbers_.push_back(arena::TravellingPin::pack(object));
      records_.push_back({object.handle().bits(), numbers_.back(), 0});
    }
  }
  ~Pins() {
    for (const RecordPin& pin : records_)
      if (!handed_over_) arena::TravellingPin::drop(pin.number, arena::Handle::from_bits(pin.object));
  }
  Pins(const Pins&) = delete;
  Pins& operator=(const Pins&) = delete;

  [[nodiscard]] const std::vector<RecordPin>& records() const { return records_; }
  void hand_to(arena::Handle record) {
    if (!numbers_.empty()) arena::TravellingPin::hand_to(numbers_.data(), numbers_.size(), record);
    handed_over_ = true;
  }

 private:
  std::vector<arena::TravellingPin::Number> numbers_;
  std::vector<RecordPin> records_;
  bool handed_over_ = false;
};

}  // namespace

arena::Handle write_record(const Identity& identity, const EncodedCall& call) {
  RecordHeader header{};
  header.magic = record_magic;
  header.call_size = call.bytes.size();
  header.pin_count = static_cast<std::uint32_t>(call.objects.size());
  header.identity_count = static_cast<std::uint32_t>(identity.path.size());
  const std::span<const std::byte> key =
      identity.authkey ? identity.authkey->bytes() : std::span<const std::byte>();
  std::string libraries;
  for (const std::string& path : identity.libraries) libraries.append(path).push_back('\0');
  const std::span<const std::byte> texts[] = {bytes_of(identity.name),       bytes_of(identity.parent_name),
                                              bytes_of(identity.class_name), key,
                                              bytes_of(libraries),           bytes_of(identity.settings)};
  for (std::size_t i = 0; i < std::size(texts); ++i)
    header.text_sizes[i] = static_cast<std::uint32_t>(texts[i].size());
  header.start_method = static_cast<std::uint32_t>(identity.start_method);
  header.logging = identity.logging;

  arena::Session& session = arena::Session::current();
  Pins pins(call.objects);
  const arena::Handle block = session.allocate(bytes_before_call(header) + call.bytes.size());
  std::byte* start = session.bytes(block);
  Cursor cursor(start);
  cursor.put(&header, sizeof(header));
  cursor.put(pins.records().data(), pins.records().size() * sizeof(RecordPin));
  cursor.put(identity.path.data(), identity.path.size() * sizeof(std::uint32_t));
  for (const auto& text : texts) cursor.put(text.data(), text.size());
  if (!call.bytes.empty())
    std::memcpy(start + bytes_before_call(header), call.bytes.data(), call.bytes.size());
  pins.hand_to(block);
  return block;
}

Record read_record(std::span<std::byte> block) {
  RecordHeader header{};
  if (block.size() >= sizeof(header)) std::memcpy(&header, block.data(), sizeof(header));
  if (header.magic != record_magic || header.call_size > block.size() ||
      bytes_before_call(header) > block.size() - header.call_size)
    throw std::runtime_error("the start record that the parent wrote cannot be read");

  Record record;
  std::byte* at = block.data() + sizeof(header);
  const auto take = [&](void* into, std::size_t size) {
    if (size != 0) std::memcpy(into, at, size);
    at += size;
  };
  record.pins.resize(header.pin_count);
  take(record.pins.data(), header.pin_count * sizeof(RecordPin));
  record.identity.path.resize(header.identity_count);
  take(record.identity.path.data(), header.identity_count * sizeof(std::uint32_t));
  std::string* const texts[] = {&record.identity.name, &record.identity.parent_name,
                                &record.identity.class_name};
  for (std::size_t i = 0; i < std::size(texts); ++i) {
    texts[i]->resize(header.text_sizes[i]);
    take(texts[i]->data(), header.text_sizes[i]);
  }
  if (const std::size_t key_size = header.text_sizes[3]; key_size != 0) {
    record.identity.authkey.emplace(std::span<const std::byte>(at, key_size));
    ::explicit_bzero(at, key_size);
    at += key_size;
  }
  std::string libraries(header.text_sizes[4], '\0');
  take(libraries.data(), libraries.size());
  for (std::size_t begin = 0, end = 0; (end = libraries.find('\0', begin)) != std::string::npos;
       begin = end + 1)
    record.identity.libraries.push_back(libraries.substr(begin, end - begin));
  record.identity.settings.resize(header.text_sizes[5]);
  take(record.identity.settings.data(), header.text_sizes[5]);
  record.identity.start_method = static_cast<StartMethod>(header.start_method);
  record.identity.logging = header.logging;
  record.call = block.subspan(bytes_before_call(header), header.call_size);
  return record;
}

}  // namespace procyon::process
