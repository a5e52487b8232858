#include "pool/results.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "procyon/event.hpp"

namespace procyon::pool {
namespace {

using arena::Reference;
using arena::Session;
using channel::OpenedParcel;
using channel::Parcel;

class Results : public ::testing::Test {
 protected:
  Results() {
    session.recover_everybody();  // what other tests' children held
    pool_ = Reference::create_with_room<PoolState>(PoolState::room_for(1, 1), pool_type);
    pool_.get<PoolState>().worker_count = 1;
    slot = new (&pool_.get<PoolState>().slot(0)) TaskSlot;
    writer.emplace(session, *slot, pool_.handle());
    idle_ = session.used_bytes();
  }
  void append(const std::string& outcome) {
    Parcel nothing;
    append(outcome, nothing);
  }
  void append(const std::string& outcome, Parcel& parcel) {
    writer->append(std::as_bytes(std::span(outcome)), parcel);
  }
  static std::string text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  void expect_freed() {
    free_results(session, *slot, pool_.handle());
    EXPECT_EQ(session.used_bytes(), idle_);
    EXPECT_EQ(slot->current_result, 0U);
    session.verify();
  }

  Session& session = Session::current();
  TaskSlot* slot = nullptr;
  std::optional<ResultWriter> writer;

 private:
  Reference pool_;
  std::size_t idle_ = 0;
};

TEST_F(Results, SmallOnesLieInTheSlot) {
  append("first");
  append("");
  append("third");
  EXPECT_EQ(slot->result_block[0], 0U);
  EXPECT_EQ(slot->result_block[1], 0U);
  ResultReader reader(session, *slot);
  for (const char* expected : {"first", "", "third"}) EXPECT_EQ(text(reader.next().bytes), expected);
  expect_freed();
}

TEST_F(Results, AnySizesComeBackInOrderAndAreFreed) {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < 60; ++i) {
    texts.emplace_back(i * i * i, static_cast<char>('a' + i % 26));
    append(texts.back());
  }
  ResultReader reader(session, *slot);
  for (const std::string& expected : texts) ASSERT_EQ(text(reader.next().bytes), expected);
  expect_freed();
}

TEST_F(Results, OneThatFillsTheSlotExactly) {
  append(std::string(inline_result_bytes - sizeof(ResultRecord), 'x'));
  EXPECT_EQ(slot->result_block[0], 0U);
  EXPECT_EQ(slot->result_block[1], 0U);
  append("y");
  ResultReader reader(session, *slot);
  EXPECT_EQ(reader.next().bytes.size(), inline_result_bytes - sizeof(ResultRecord));
  EXPECT_EQ(text(reader.next().bytes), "y");
  expect_freed();
}

TEST_F(Results, SharedObjectsTravelWithThem) {
  {
    Event event;
    event.set();
    Parcel parcel;
    static_cast<void>(parcel.put_object(event.reference()));
    append(std::string(1'000, 'x'), parcel);
    append("without");
  }
  {
    ResultReader reader(session, *slot);
    const ResultReader::Result first = reader.next();
    ASSERT_EQ(first.references.size(), 1U);
    OpenedParcel opened(first.references);
    EXPECT_TRUE(Event(opened.take_object(0)).is_set());
    EXPECT_TRUE(reader.next().references.empty());
  }
  expect_freed();
}

TEST_F(Results, BareValuesLieInRunsBetweenOutcomes) {
  const auto write_run = [this](std::uint32_t room, const std::vector<std::uint64_t>& values) {
    auto* const run = writer->open_run(sizeof(std::uint64_t), room);
    if (!values.empty()) std::memcpy(run, values.data(), values.size() * sizeof(std::uint64_t));
  };
  write_run(1'000, {1, 2, 3});
  writer->close_run(3);
  append("an error");
  write_run(996, {});
  writer->close_run(0);
  append("another");
  write_run(995, {4, 5});  // its writer died here: open, and two items are finished
  ResultReader reader(session, *slot);
  ResultReader::Result result = reader.next(7);
  EXPECT_EQ(result.values, 3U);
  EXPECT_EQ(result.bytes.size(), 24U);
  EXPECT_EQ(result.bytes[16], std::byte{3});
  EXPECT_EQ(text(reader.next(4).bytes), "an error");
  result = reader.next(3);
  EXPECT_EQ(result.values, 0U);
  EXPECT_EQ(text(result.bytes), "another");
  result = reader.next(2);
  EXPECT_EQ(result.values, 2U);
  EXPECT_EQ(result.bytes[8], std::byte{5});
  expect_freed();
}

TEST_F(Results, DamagedOnesAreRefused) {
  append("text");
  auto* const record = reinterpret_cast<ResultRecord*>(slot->result);
  for (const std::uint64_t size : {std::uint64_t{inline_result_bytes}, ~std::uint64_t{0}}) {
    *record = {size, 0, 0};
    EXPECT_THROW(ResultReader(session, *slot).next(), std::runtime_error);
    *record = {0, static_cast<std::uint32_t>(size), 0};
    EXPECT_THROW(ResultReader(session, *slot).next(), std::runtime_error);
  }
  *record = {inline_result_bytes / 4, 0, ResultRecord::open_run};
  EXPECT_THROW(ResultReader(session, *slot).next(4), std::runtime_error);
  *record = {inline_result_bytes - sizeof(ResultRecord), 0, 0};
  ResultReader reader(session, *slot);
  static_cast<void>(reader.next());
  EXPECT_THROW(reader.next(), std::runtime_error);
}

}  // namespace
}  // namespace procyon::pool
