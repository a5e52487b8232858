#include "pool/results.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <stdexcept>

namespace procyon::pool {

using arena::Handle;
using channel::TravellingReference;

namespace {

constexpr std::size_t round_up(std::size_t bytes) { return (bytes + 7) / 8 * 8; }

}  // namespace

void ResultWriter::append(std::span<const std::byte> outcome, channel::Parcel& parcel) {
  const ResultRecord record{outcome.size(), static_cast<std::uint32_t>(parcel.references().size()), 0};
  const std::size_t bytes = sizeof record + parcel.references().size_bytes() + round_up(outcome.size());
  if (bytes > area_.size() - used_) grow(used_ + bytes);
  std::byte* target = area_.data() + used_;
  std::memcpy(target, &record, sizeof record);
  target += sizeof record;
  if (!parcel.empty()) {
    std::memcpy(target, parcel.references().data(), parcel.references().size_bytes());
    target += parcel.references().size_bytes();
    parcel.hand_to(pool_);
  }
  if (!outcome.empty()) std::memcpy(target, outcome.data(), outcome.size());
  used_ += bytes;
}

std::byte* ResultWriter::open_run(std::size_t size, std::uint32_t values) {
  const ResultRecord record{size, 0, ResultRecord::open_run};
  const std::size_t bytes = sizeof record + size * values;
  if (bytes > area_.size() - used_) grow(used_ + bytes);
  std::byte* const target = area_.data() + used_;
  std::memcpy(target, &record, sizeof record);
  return target + sizeof record;
}

void ResultWriter::close_run(std::uint32_t values) {
  if (values == 0) return;  // as if it had never been opened
  ResultRecord record;
  std::byte* const target = area_.data() + used_;
  std::memcpy(&record, target, sizeof record);
  record.values = values;
  std::memcpy(target, &record, sizeof record);
  used_ += sizeof record + round_up(record.size * values);
}

void ResultWriter::grow(std::size_t bytes_needed) {
  // Room for as much again: a task of many items appends often.
  const std::size_t wanted = std::max(bytes_needed, area_.size() * 2);
  const Handle block = session_.allocate(wanted);
  const std::uint32_t other = 1 - slot_.current_result.load(std::memory_order_relaxed);
  slot_.result_block[other].store(block.bits(), std::memory_order_release);
  session_.hand_to(block, pool_);
  std::byte* const bytes = session_.bytes(block);
  if (used_ != 0) std::memcpy(bytes, area_.data(), used_);
  slot_.current_result.store(other, std::memory_order_release);
  auto& previous = slot_.result_block[1 - other];
  if (const std::uint64_t bits = previous.load(std::memory_order_relaxed); bits != 0) {
    session_.release(Handle::from_bits(bits));
    previous.store(0, std::memory_order_release);
  }
  area_ = {bytes, session_.size(block)};
}

ResultReader::ResultReader(arena::Session& session, TaskSlot& slot) {
  const std::uint32_t current = slot.current_result.load(std::memory_order_acquire);
  const Handle block = Handle::from_bits(slot.result_block[current].load(std::memory_order_acquire));
  area_ = block ? std::span<const std::byte>(session.bytes(block), session.size(block))
                : std::span<const std::byte>(slot.result, inline_result_bytes);
}

ResultReader::Result ResultReader::next(std::uint32_t items_left) {
  const auto require = [this](std::size_t bytes) {
    if (bytes > area_.size() - position_)
      throw std::runtime_error("procyon: the results of a task are damaged");
  };
  ResultRecord record;
  require(sizeof record);
  std::memcpy(&record, area_.data() + position_, sizeof record);
  position_ += sizeof record;
  require(record.size);  // before multiplying
  if (record.values != 0) {
    const std::uint32_t values = std::min(record.values, items_left);
    require(record.size * values);
    const std::span<const std::byte> bytes = area_.subspan(position_, record.size * values);
    position_ = std::min(position_ + round_up(bytes.size()), area_.size());
    return {bytes, {}, values};
  }
  const std::size_t references_bytes = record.references * sizeof(TravellingReference);
  require(references_bytes);
  const auto* const references = reinterpret_cast<const TravellingReference*>(area_.data() + position_);
  position_ += references_bytes;
  require(record.size);
  const std::span<const std::byte> outcome = area_.subspan(position_, record.size);
  position_ = std::min(position_ + round_up(record.size), area_.size());
  return {outcome, {references, record.references}, 0};
}

void free_results(arena::Session& session, TaskSlot& slot, Handle pool) {
  for (auto& word : slot.result_block) {
    const std::uint64_t bits = word.load(std::memory_order_acquire);
    if (bits == 0) continue;
    const Handle block = Handle::from_bits(bits);
    if (session.is_held_by(block, pool)) session.release(block);
    word.store(0, std::memory_order_relaxed);
  }
  // Only if it must be: what is not written to stays in the worker's cache.
  if (slot.current_result.load(std::memory_order_relaxed) != 0)
    slot.current_result.store(0, std::memory_order_relaxed);
}

}  // namespace procyon::pool
