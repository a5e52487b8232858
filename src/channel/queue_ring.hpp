// Positions and records in the ring of a segment (queue_format.hpp).
#pragma once

#include <cstring>
#include <span>

#include "channel/queue_format.hpp"

namespace procyon::channel {

constexpr std::size_t round_up(std::size_t bytes) { return (bytes + granule - 1) / granule * granule; }
constexpr std::uint32_t granules(std::size_t bytes) {
  return static_cast<std::uint32_t>(round_up(bytes) / granule);
}

// The bytes of the ring that a position names.
inline std::byte* at(Segment& segment, std::uint32_t position) {
  return segment.ring() + (std::size_t{position} * granule & (segment.ring_bytes - 1));
}

inline std::size_t bytes_to_end(const Segment& segment, std::uint32_t position) {
  return segment.ring_bytes - (std::size_t{position} * granule & (segment.ring_bytes - 1));
}

/// A record as a consumer finds it.
struct Record {
  RecordHeader header;
  const std::byte* payload;
  Mark behind;  // the head that takes it

  [[nodiscard]] std::span<const std::byte> bytes() const { return {payload, header.size}; }
  [[nodiscard]] BlockRecord block() const {
    BlockRecord record;
    std::memcpy(&record, payload, sizeof record);
    return record;
  }
};

inline RecordHeader header_at(Segment& segment, std::uint32_t position) {
  std::uint64_t word;
  std::memcpy(&word, at(segment, position), sizeof word);
  return {static_cast<std::uint32_t>(word), static_cast<RecordKind>(word >> 32)};
}

/// The record at `head`, or behind the filler that lies there. There is one.
inline Record record_at(Segment& segment, Mark head) {
  RecordHeader header = header_at(segment, head.position);
  if (header.kind == RecordKind::filler) {
    head.position += granules(sizeof header + header.size);
    header = header_at(segment, head.position);
  }
  return {header,
          at(segment, head.position) + sizeof header,
          {head.position + granules(sizeof header + header.size), head.sequence + 1}};
}

}  // namespace procyon::channel
