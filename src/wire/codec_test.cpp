#include "procyon/detail/wire/codec.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <map>
#include <string>
#include <vector>

#include "procyon/detail/arena/reference.hpp"
#include "wire/codec_samples.hpp"

namespace procyon::wire {
namespace {

template <class T>
T round_trip(const T& value) {
  Writer writer;
  write(writer, value);
  Reader reader(writer.bytes());
  T result = read<T>(reader);
  reader.expect_end(type_name<T>());
  return result;
}

TEST(Codec, BringsValuesOfEveryKindBack) {
  samples::for_each(
      [](const char* name, const auto& value) { EXPECT_TRUE(round_trip(value) == value) << name; });
}

TEST(Codec, WritesTheSameBytesIntoASpanAndTellsWhenTheyDoNotFit) {
  samples::for_each([](const char* name, const auto& value) {
    Writer growing;
    write(growing, value);
    std::vector<std::byte> room(growing.size());
    Writer exact(room);
    write(exact, value);
    EXPECT_TRUE(exact.fits()) << name;
    EXPECT_EQ(exact.size(), growing.size()) << name;
    if (room.empty()) return;
    Writer short_by_one(std::span<std::byte>(room.data(), room.size() - 1));
    write(short_by_one, value);
    EXPECT_FALSE(short_by_one.fits()) << name;
    EXPECT_EQ(short_by_one.size(), growing.size()) << name;
  });
}

TEST(Codec, CopiesTrivialRangesAsTheirBytes) {
  Writer writer;
  write(writer, std::vector<double>(1000, 1.5));
  EXPECT_EQ(writer.size(), 8 + 8000U);
}

TEST(Codec, KeepsNullPointersAndCopiesWhatPointersOwn) {
  EXPECT_EQ(round_trip(std::unique_ptr<int>()), nullptr);
  EXPECT_EQ(round_trip(std::shared_ptr<std::string>()), nullptr);
  EXPECT_EQ(*round_trip(std::make_unique<std::string>("x")), "x");
  EXPECT_EQ(*round_trip(std::make_shared<std::string>("x")), "x");
  EXPECT_EQ(*round_trip(std::unique_ptr<const int>(new int(3))), 3);
}

struct MoveOnly {
  std::unique_ptr<int> pointer;
  std::vector<std::unique_ptr<MoveOnly>> more;
};

TEST(Codec, CarriesTypesThatCanOnlyBeMoved) {
  MoveOnly value;
  value.pointer = std::make_unique<int>(4);
  value.more.push_back(nullptr);
  value.more.push_back(std::make_unique<MoveOnly>());
  const MoveOnly result = round_trip(value);
  EXPECT_EQ(*result.pointer, 4);
  EXPECT_EQ(result.more.size(), 2U);
  EXPECT_EQ(result.more[0], nullptr);
}

TEST(Codec, RunsTheSerializeMemberInBothDirections) {
  const samples::Account account("me", 5);
  EXPECT_FALSE(account.loaded());
  EXPECT_TRUE(round_trip(account).loaded());
}

struct AmpersandStyle {
  int a = 0;
  std::string b;
  template <class Archive>
  void serialize(Archive& archive) {
    archive& a& b;
  }
};

TEST(Codec, AcceptsArchivesWrittenWithAmpersand) {
  const AmpersandStyle result = round_trip(AmpersandStyle{4, "x"});
  EXPECT_EQ(result.a, 4);
  EXPECT_EQ(result.b, "x");
}

struct FieldLimit {
  std::string m01, m02, m03, m04, m05, m06, m07, m08, m09, m10, m11, m12, m13, m14, m15, m16;
  std::string m17, m18, m19, m20, m21, m22, m23, m24, m25, m26, m27, m28, m29, m30, m31, m32;
};

TEST(Codec, TakesAggregatesOfThirtyTwoMembersApart) {
  FieldLimit value;
  value.m01 = "first";
  value.m32 = "last";
  const FieldLimit result = round_trip(value);
  EXPECT_EQ(result.m01, "first");
  EXPECT_EQ(result.m32, "last");
}

struct Thrower {
  std::string text;  // not trivial, or the variant would keep its value
  Thrower() = default;
  explicit Thrower(int) { throw 1; }
  template <class Archive>
  void serialize(Archive&) {}
};

TEST(Codec, RefusesAVariantThatLostItsValue) {
  std::variant<int, Thrower> variant = 3;
  EXPECT_THROW(variant.emplace<1>(5), int);
  Writer writer;
  EXPECT_THROW(write(writer, variant), EncodeError);
}

struct Chain {
  std::unique_ptr<Chain> next;
};

// Taken apart in a loop, because the default destructor is as deep as the chain.
void take_apart(std::unique_ptr<Chain> chain) {
  while (chain) chain = std::move(chain->next);
}

TEST(Codec, RefusesToSendValuesThatAreNestedTooDeep) {
  auto chain = std::make_unique<Chain>();
  for (std::size_t depth = 0; depth < nesting_limit - 2; ++depth) {
    auto longer = std::make_unique<Chain>();
    longer->next = std::move(chain);
    chain = std::move(longer);
  }
  EXPECT_NO_THROW(take_apart(round_trip(chain)));
  auto longer = std::make_unique<Chain>();
  longer->next = std::move(chain);
  auto longest = std::make_unique<Chain>();
  longest->next = std::move(longer);
  Writer writer;
  EXPECT_THROW(write(writer, longest), EncodeError);
  // The writer is usable again.
  writer.clear();
  EXPECT_NO_THROW(write(writer, std::make_unique<Chain>()));
  take_apart(std::move(longest));
}

// Keeps what is attached in vectors.
class MemoryAttachments : public Attachments {
 public:
  std::uint32_t put_object(const arena::Reference& reference) override {
    objects.push_back(reference);
    return static_cast<std::uint32_t>(objects.size() - 1);
  }
  arena::Reference take_object(std::uint32_t index) override {
    if (index >= objects.size()) throw DecodeError("no such object");
    return objects[index];
  }
  std::uint32_t put_descriptor(int descriptor) override {
    descriptors.push_back(::dup(descriptor));
    return static_cast<std::uint32_t>(descriptors.size() - 1);
  }
  int take_descriptor(std::uint32_t index) override {
    if (index >= descriptors.size()) throw DecodeError("no such descriptor");
    return std::exchange(descriptors[index], -1);
  }

  std::vector<arena::Reference> objects;
  std::vector<int> descriptors;
};

class SharedThing {
 public:
  using procyon_shared_object = void;
  SharedThing() = default;
  explicit SharedThing(arena::Reference reference) : reference_(std::move(reference)), received_(true) {}
  const arena::Reference& reference() const { return reference_; }
  bool received() const { return received_; }

 private:
  arena::Reference reference_;
  bool received_ = false;
};

class Pipe {
 public:
  explicit Pipe(int descriptor) : descriptor_(descriptor) {}
  Pipe(Pipe&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  ~Pipe() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  int procyon_descriptor() const { return descriptor_; }
  static Pipe procyon_from_descriptor(int descriptor) { return Pipe(descriptor); }

 private:
  int descriptor_;
};

struct Carrier {
  std::string name;
  SharedThing thing;
  Pipe pipe;
};
static_assert(Transferable<Carrier>);

TEST(Codec, SendsSharedObjectsAndDescriptorsBesideTheBytes) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  MemoryAttachments attachments;
  Writer writer(&attachments);
  {
    const Carrier carrier{"x", SharedThing(), Pipe(ends[1])};
    write(writer, carrier);
  }
  EXPECT_EQ(attachments.objects.size(), 1U);
  EXPECT_EQ(attachments.descriptors.size(), 1U);
  Reader reader(writer.bytes(), &attachments);
  const Carrier result = read<Carrier>(reader);
  EXPECT_TRUE(result.thing.received());
  ASSERT_EQ(::write(result.pipe.procyon_descriptor(), "y", 1), 1);
  char letter = 0;
  ASSERT_EQ(::read(ends[0], &letter, 1), 1);
  EXPECT_EQ(letter, 'y');
  ::close(ends[0]);
}

TEST(Codec, SaysWhichTypeCannotBeSentOverAChannelOfBytes) {
  Writer writer;
  try {
    write(writer, SharedThing());
    FAIL() << "was sent without attachments";
  } catch (const EncodeError& error) {
    EXPECT_NE(std::string(error.what()).find("SharedThing"), std::string::npos) << error.what();
  }
  const std::array<std::byte, 4> bytes{};
  Reader reader(bytes);
  EXPECT_THROW(read<SharedThing>(reader), DecodeError);
}

}  // namespace
}  // namespace procyon::wire
