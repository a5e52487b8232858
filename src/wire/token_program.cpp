// A program that sends calls to another process of itself, which has its code at other addresses. It is built in several
// ways (see token_programs.cmake); its exit code is the number of calls that did not come back as they should.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "procyon/detail/wire/call.hpp"
#include "procyon/partial.hpp"

namespace {

using namespace procyon;

int power(int base, int exponent) {
  int result = 1;
  while (exponent-- > 0) result *= base;
  return result;
}
int refuse(const std::string& why) { throw std::invalid_argument(why); }

struct Shape {
  double side = 0;
  double plain() const { return side; }
  virtual double area() const { return 0; }
  virtual ~Shape() = default;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(side);
  }
};
struct Square : Shape {
  double area() const override { return side * side; }
};

// All bytes of a stream, to its end.
std::vector<std::byte> read_all(std::FILE* file) {
  std::vector<std::byte> bytes;
  int letter = 0;
  while ((letter = std::fgetc(file)) != EOF) bytes.push_back(static_cast<std::byte>(letter));
  return bytes;
}

void write_all(std::FILE* file, std::span<const std::byte> bytes) {
  std::fwrite(bytes.data(), 1, bytes.size(), file);
  std::fflush(file);
}

int be_the_child() {
  const std::vector<std::byte> bytes = read_all(stdin);
  wire::Reader reader(bytes);
  wire::Writer result;
  while (reader.remaining() > 0) wire::run_call(reader, result);
  write_all(stdout, result.bytes());
  return 0;
}

// Runs the calls in another process of this program, whose standard input and output are files.
std::vector<std::byte> run_elsewhere(const wire::Writer& calls) {
  std::FILE* input = std::tmpfile();
  std::FILE* output = std::tmpfile();
  write_all(input, calls.bytes());
  std::rewind(input);
  const std::string command = "exec /proc/" + std::to_string(::getpid()) + "/exe child <&" +
                              std::to_string(::fileno(input)) + " >&" + std::to_string(::fileno(output));
  if (std::system(command.c_str()) != 0) return {};
  std::rewind(output);
  return read_all(output);
}

int failures = 0;

template <class T>
void expect(const char* what, const Outcome<T>& outcome, const T& value) {
  if (outcome && *outcome == value) return;
  ++failures;
  std::printf("%s: %s\n", what, outcome ? "another value" : outcome.error().what().c_str());
}

}  // namespace

int main(int argument_count, char**) {
  if (argument_count > 1) return be_the_child();
  Square square;
  square.side = 3;
  wire::Writer calls;
  wire::encode_call(calls, power, 2, 10);
  wire::encode_call(
      calls, [](const std::vector<int>& values) { return values.size(); }, std::vector<int>{1, 2, 3});
  wire::encode_call(calls, partial(partial(power, 3), 2));
  wire::encode_call(calls, &Shape::area, square);
  wire::encode_call(calls, &Shape::plain, square);
  wire::encode_call(calls, std::plus<>(), std::string("a"), "b");
  wire::encode_call(calls, refuse, "no");
  const std::vector<std::byte> bytes = run_elsewhere(calls);
  wire::Reader reader(bytes);
  expect("a function", wire::decode_outcome<int>(reader), 1024);
  expect("a lambda", wire::decode_outcome<std::size_t>(reader), std::size_t{3});
  expect("a partial", wire::decode_outcome<int>(reader), 9);
  expect("a virtual member function", wire::decode_outcome<double>(reader), 9.0);
  expect("a member function", wire::decode_outcome<double>(reader), 3.0);
  expect("a function object", wire::decode_outcome<std::string>(reader), std::string("ab"));
  const Outcome<int> refused = wire::decode_outcome<int>(reader);
  if (refused || !refused.error().is<std::invalid_argument>()) {
    ++failures;
    std::printf("an exception did not come back as itself\n");
  }
  return failures;
}
