#include "procyon/detail/wire/call.hpp"

#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "procyon/errors.hpp"
#include "procyon/partial.hpp"

namespace procyon::wire {
namespace {

int power(int base, int exponent) {
  int result = 1;
  for (int count = 0; count < exponent; ++count) result *= base;
  return result;
}
void nothing() {}
std::string join(const std::string& first, std::string second) { return first + second; }
std::size_t length(std::string_view text) { return text.size(); }
int refuse(int number) { throw std::out_of_range("no such number: " + std::to_string(number)); }
const std::string& longer(const std::string& one, const std::string& other) {
  return one.size() > other.size() ? one : other;
}
std::unique_ptr<int> pass(std::unique_ptr<int> pointer) { return pointer; }

struct Counter {
  int number = 0;
  int inc(int by) { return number += by; }
  int get() const { return number; }
};
struct Adder {
  int by = 0;
  std::vector<int> more;
  int operator()(int value) const { return value + by + std::accumulate(more.begin(), more.end(), 0); }
};
struct Tally {
  int calls = 0;
  int operator()(int value) { return ++calls * 100 + value; }
};

// Encodes, runs and decodes, as three processes would.
template <class F, class... Arguments>
auto call(const F& function, const Arguments&... arguments) {
  Writer request;
  encode_call(request, function, arguments...);
  Writer result;
  Reader reader(request.bytes());
  run_call(reader, result);
  reader.expect_end("call");
  Reader answer(result.bytes());
  auto outcome = decode_outcome<result_t<F, Arguments...>>(answer);
  answer.expect_end("outcome");
  return outcome;
}

TEST(Call, CallsFunctionsWithTheirArguments) {
  EXPECT_EQ(*call(power, 2, 10), 1024);
  EXPECT_EQ(*call(&power, 3, 2), 9);
  EXPECT_TRUE(call(nothing));
  EXPECT_EQ(*call(join, std::string("ab"), "cd"), "abcd");
}

TEST(Call, PassesTextLiteralsOnAsStrings) {
  const char* text = "hello";
  char buffer[10] = "abc";
  EXPECT_EQ(*call(length, text), 5U);
  EXPECT_EQ(*call(length, buffer), 3U);
  EXPECT_EQ(*call(length, "hello-0"), 7U);
  EXPECT_THROW(call(length, static_cast<const char*>(nullptr)), std::invalid_argument);
}

TEST(Call, CallsMemberFunctionsOnACopyOfTheObject) {
  Counter counter{5};
  EXPECT_EQ(*call(&Counter::inc, counter, 3), 8);
  EXPECT_EQ(*call(&Counter::get, counter), 5);
  EXPECT_EQ(*call(&Counter::number, counter), 5);
}

TEST(Call, CallsLambdasAndFunctionObjects) {
  EXPECT_EQ(*call([](int a, double b) { return a * b; }, 3, 1.5), 4.5);
  EXPECT_EQ(*call([](auto value) { return value + value; }, std::string("x")), "xx");
  EXPECT_EQ(*call(std::plus<>(), 3, 4), 7);
  EXPECT_EQ(*call(Adder{1, {2, 3}}, 4), 10);
}

TEST(Call, CallsPartials) {
  EXPECT_EQ(*call(partial(power, 2), 5), 32);
  EXPECT_EQ(*call(partial(partial(power, 2), 6)), 64);
  EXPECT_EQ(*call(partial(join, "ab"), "cd"), "abcd");
  EXPECT_EQ(*call(partial(&Counter::inc, Counter{4}), 3), 7);
  EXPECT_EQ(*call(partial([](std::unique_ptr<int> pointer) { return *pointer; }, std::make_unique<int>(8))),
            8);
}

TEST(Call, MovesArgumentsAndResults) {
  const auto outcome = call(pass, std::make_unique<int>(4));
  EXPECT_EQ(**outcome, 4);
}

TEST(Call, CopiesResultsThatAreConstReferences) { EXPECT_EQ(*call(longer, std::string("abc"), "de"), "abc"); }

TEST(Call, GivesTheExceptionOfTheFunction) {
  const auto outcome = call(refuse, 7);
  ASSERT_FALSE(outcome);
  EXPECT_THROW(outcome.value(), std::out_of_range);
  EXPECT_EQ(outcome.error().what(), "no such number: 7");
  EXPECT_FALSE(call([] { throw 42; }));
  EXPECT_EQ(call([] { throw 42; }).error().what(), "42");
}

struct Fickle {
  int number = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(number);
    if (number == 13) throw std::domain_error("13 does not travel");
  }
};

TEST(Call, GivesAnErrorWhenTheResultCannotBeEncoded) {
  const auto make = [](int number) { return Fickle{number}; };
  EXPECT_EQ(call(make, 4)->number, 4);
  EXPECT_THROW(call(make, 13).value(), std::domain_error);
}

TEST(Call, ReplacesAHalfWrittenResultByTheError) {
  const auto make = [] { return std::vector<Fickle>{{1}, {2}, {13}, {4}}; };
  Writer request;
  encode_call(request, make);
  Writer result;
  result.put(std::uint32_t{77});
  Reader reader(request.bytes());
  run_call(reader, result);
  Reader answer(result.bytes());
  EXPECT_EQ(answer.get<std::uint32_t>("number"), 77U);
  EXPECT_THROW(decode_outcome<std::vector<Fickle>>(answer).value(), std::domain_error);
  answer.expect_end("outcome");
}

TEST(Call, EveryDamagedCallEndsInAnOutcome) {
  Writer request;
  encode_call(request, join, "abc", "def");
  for (std::size_t size = 0; size < request.size(); ++size) {
    Writer result;
    Reader reader(request.bytes().first(size));
    run_call(reader, result);
    Reader answer(result.bytes());
    EXPECT_FALSE(decode_outcome<std::string>(answer)) << size;
  }
  std::vector<std::byte> bytes(request.bytes().begin(), request.bytes().end());
  for (std::size_t place = 0; place < bytes.size(); ++place) {
    const std::byte before = std::exchange(bytes[place], bytes[place] ^ std::byte{0x10});
    Writer result;
    Reader reader(bytes);
    run_call(reader, result);
    Reader answer(result.bytes());
    decode_outcome<std::string>(answer);
    bytes[place] = before;
  }
}

TEST(Call, DamagedOutcomesAreErrorsThemselves) {
  Writer result;
  result.put(OutcomeMark::value);
  result.put(std::uint16_t{3});
  Reader cut(result.bytes());
  EXPECT_THROW(decode_outcome<int>(cut).value(), DecodeError);
  const std::array<std::byte, 1> wrong{std::byte{9}};
  Reader reader(wrong);
  EXPECT_THROW(decode_outcome<int>(reader).value(), DecodeError);
  Reader empty(std::span<const std::byte>{});
  EXPECT_THROW(decode_outcome<void>(empty).value(), DecodeError);
}

TEST(Procedure, RunsAndLetsExceptionsOut) {
  static int seen = 0;
  Writer request;
  encode_procedure(
      request, [](int number) { seen = number; }, 6);
  Reader reader(request.bytes());
  invoke_call(reader);
  EXPECT_EQ(seen, 6);
  Writer failing;
  encode_procedure(failing, refuse, 1);
  Reader second(failing.bytes());
  EXPECT_THROW(invoke_call(second), std::out_of_range);
}

TEST(Procedure, DropsResultsOfAnyType) {
  static int number = 4;
  Writer request;
  encode_procedure(request, []() -> int* { return &number; });
  Reader reader(request.bytes());
  EXPECT_NO_THROW(invoke_call(reader));
}

TEST(DecodedCallable, IsDecodedOnceAndCalledForEachItem) {
  Writer encoded;
  encode_callable<int>(encoded, Tally{});
  Reader reader(encoded.bytes());
  DecodedCallable callable(reader);
  Writer results;
  for (int item : {1, 2, 3}) {
    Writer arguments;
    encode_arguments<int>(arguments, item);
    Reader item_reader(arguments.bytes());
    callable.call(item_reader, results);
  }
  Reader answers(results.bytes());
  EXPECT_EQ(*decode_outcome<int>(answers), 101);
  EXPECT_EQ(*decode_outcome<int>(answers), 202);
  EXPECT_EQ(*decode_outcome<int>(answers), 303);
  answers.expect_end("outcomes");
}

TEST(DecodedCallable, GoesOnPastAnItemThatFails) {
  Writer encoded;
  encode_callable<std::string, int>(encoded, [](const std::string& text, int number) {
    if (number == 2) throw std::invalid_argument("two");
    return text + std::to_string(number);
  });
  Reader reader(encoded.bytes());
  DecodedCallable callable(reader);
  Writer results;
  for (int item : {1, 2, 3}) {
    Writer arguments;
    encode_arguments<std::string, int>(arguments, "x", item);
    Reader item_reader(arguments.bytes());
    callable.call(item_reader, results);
  }
  Reader answers(results.bytes());
  EXPECT_EQ(*decode_outcome<std::string>(answers), "x1");
  EXPECT_THROW(decode_outcome<std::string>(answers).value(), std::invalid_argument);
  EXPECT_EQ(*decode_outcome<std::string>(answers), "x3");
}

TEST(DecodedCallable, ThrowsWhenTheCallableIsDamaged) {
  Writer encoded;
  encode_callable<int>(encoded, Adder{1, {2}});
  for (std::size_t size = 0; size < encoded.size(); ++size) {
    Reader reader(encoded.bytes().first(size));
    EXPECT_THROW(DecodedCallable{reader}, DecodeError) << size;
  }
}

TEST(DecodedCallable, PassesReadsOfSeveralArgumentsInTheirOrder) {
  Writer encoded;
  encode_callable<int, std::string, std::vector<int>>(
      encoded, [](int a, const std::string& b, const std::vector<int>& c) {
        return std::to_string(a) + b + std::to_string(c.size());
      });
  Reader reader(encoded.bytes());
  DecodedCallable callable(reader);
  Writer arguments;
  encode_arguments<int, std::string, std::vector<int>>(arguments, 1, "b", std::vector<int>{1, 2});
  Writer result;
  Reader item(arguments.bytes());
  callable.call(item, result);
  Reader answer(result.bytes());
  EXPECT_EQ(*decode_outcome<std::string>(answer), "1b2");
}

TEST(Outcome, CrossesAsAValueItself) {
  const std::vector<Outcome<int>> outcomes{1, std::make_exception_ptr(std::logic_error("x")), 3};
  Writer writer;
  write(writer, outcomes);
  Reader reader(writer.bytes());
  const auto result = read<std::vector<Outcome<int>>>(reader);
  EXPECT_EQ(*result[0], 1);
  EXPECT_THROW(result[1].value(), std::logic_error);
  EXPECT_EQ(*result[2], 3);
}

std::atomic<bool> was_cleaned_up = false;

TEST(Call, LetsTheCancellationOfItsThreadThrough) {
  pthread_t thread;
  const auto body = [](void*) -> void* {
    Writer request;
    encode_call(request, [] {
      struct Cleaner {
        ~Cleaner() { was_cleaned_up = true; }
      } cleaner;
      pthread_exit(nullptr);
    });
    Writer result;
    Reader reader(request.bytes());
    run_call(reader, result);
    return result.bytes().data() == nullptr ? nullptr : &was_cleaned_up;
  };
  ASSERT_EQ(pthread_create(&thread, nullptr, body, nullptr), 0);
  void* result = &was_cleaned_up;
  ASSERT_EQ(pthread_join(thread, &result), 0);
  EXPECT_EQ(result, nullptr);
  EXPECT_TRUE(was_cleaned_up);
}

}  // namespace
}  // namespace procyon::wire
