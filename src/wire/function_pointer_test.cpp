#include "procyon/detail/wire/function_pointer.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>

#include "procyon/detail/wire/codec.hpp"

namespace procyon::wire {
namespace {

int twice(int number) { return 2 * number; }
int thrice(int number) noexcept { return 3 * number; }

struct Base {
  int number = 1;
  int plain(int by) { return number + by; }
  virtual int overridden(int) { return -1; }
  virtual ~Base() = default;
};
struct Other {
  long padding = 7;
  long of_other() const { return padding; }
};
struct Derived : Base, Other {
  int overridden(int by) override { return 100 + by; }
};

template <class T>
T round_trip(const T& value) {
  Writer writer;
  write(writer, value);
  Reader reader(writer.bytes());
  T result = read<T>(reader);
  reader.expect_end("pointer");
  return result;
}

TEST(FunctionPointer, CrossesAsThePlaceOfTheFunction) {
  EXPECT_EQ(round_trip(&twice)(4), 8);
  EXPECT_EQ(round_trip(&thrice)(4), 12);
  EXPECT_EQ(round_trip<int (*)(int)>(nullptr), nullptr);
  const std::vector<int (*)(int)> functions{&twice, nullptr, &thrice};
  EXPECT_EQ(round_trip(functions), functions);
}

TEST(FunctionPointer, OfAnotherLibraryCrosses) {
  EXPECT_EQ(round_trip(&std::atoi), &std::atoi);
  EXPECT_EQ(round_trip(&std::atoi)("12"), 12);
}

TEST(FunctionPointer, ToMembersCrossesVirtualAndNot) {
  Derived object;
  EXPECT_EQ(std::invoke(round_trip(&Base::plain), object, 4), 5);
  EXPECT_EQ(std::invoke(round_trip(&Base::overridden), object, 4), 104);
  EXPECT_EQ(std::invoke(round_trip(static_cast<long (Derived::*)() const>(&Other::of_other)), object), 7);
  EXPECT_EQ(round_trip<int (Base::*)(int)>(nullptr), nullptr);
  EXPECT_EQ(object.*round_trip(&Base::number), 1);
}

TEST(FunctionPointer, IsRefusedAsAFunctionOfAnotherSignature) {
  Writer writer;
  write(writer, &twice);
  Reader reader(writer.bytes());
  EXPECT_THROW(read<int (*)(long)>(reader), DecodeError);
}

TEST(FunctionPointer, IntoDataIsRefused) {
  static int number = 0;
  Writer writer;
  write_code_address(writer, &number, type_hash<int (*)(int)>());
  Reader reader(writer.bytes());
  EXPECT_THROW(read<int (*)(int)>(reader), TokenError);
}

TEST(FunctionPointer, ToTheHeapCannotBeSent) {
  const auto memory = std::make_unique<char[]>(64);
  Writer writer;
  EXPECT_THROW(write_code_address(writer, memory.get(), 1), TokenError);
}

TEST(FunctionPointer, OfDamagedBytesIsRefused) {
  Writer writer;
  write(writer, &twice);
  std::vector<std::byte> bytes(writer.bytes().begin(), writer.bytes().end());
  for (std::size_t place = 0; place < bytes.size(); ++place) {
    const std::byte before = std::exchange(bytes[place], bytes[place] ^ std::byte{0x10});
    Reader reader(bytes);
    EXPECT_THROW(read<int (*)(int)>(reader), DecodeError) << place;
    bytes[place] = before;
  }
}

TEST(FunctionPointer, EveryPrefixIsRefused) {
  for (const bool member : {false, true}) {
    Writer writer;
    if (member) {
      write(writer, &Base::plain);
    } else {
      write(writer, &twice);
    }
    for (std::size_t length = 0; length < writer.size(); ++length) {
      Reader reader(writer.bytes().first(length));
      if (member) {
        EXPECT_THROW(read<int (Base::*)(int)>(reader), DecodeError) << length;
      } else {
        EXPECT_THROW(read<int (*)(int)>(reader), DecodeError) << length;
      }
    }
  }
}

}  // namespace
}  // namespace procyon::wire
