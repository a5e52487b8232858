// CPython's multiprocessing.shared_memory as the other program.
#include <gtest/gtest.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "procyon/shareable_list.hpp"
#include "procyon/shared_memory.hpp"
#include "procyon/shared_memory_scope.hpp"

namespace procyon {
namespace {

constexpr int no_python = 127;

struct Ended {
  int exit_code;
  std::string output;  // stdout and stderr
};

// Python before 3.13 unlinks at its end what it attached to (CPython issue 82300); `untrack(shm)` keeps it from that.
constexpr std::string_view preamble = R"(
import sys
from multiprocessing import resource_tracker
from multiprocessing.shared_memory import SharedMemory, ShareableList
def untrack(shm):
  resource_tracker.unregister(shm._name, "shared_memory")
def attach(name):
  shm = SharedMemory(name)
  untrack(shm)
  return shm
def attach_list(name):
  l = ShareableList(name=name)
  untrack(l.shm)
  return l
)";

/// python3 with that program, in which `name` is `argument`.
Ended python(const std::string& program, const std::string& argument = "") {
  const std::string text = std::string(preamble) + "name = sys.argv[1]\n" + program;
  int ends[2];
  if (::pipe(ends) != 0) ::abort();
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::dup2(ends[1], STDOUT_FILENO);
    ::dup2(ends[1], STDERR_FILENO);
    ::close(ends[0]);
    ::close(ends[1]);
    ::execlp("python3", "python3", "-c", text.c_str(), argument.c_str(), nullptr);
    ::_exit(no_python);
  }
  ::close(ends[1]);
  Ended run{0, {}};
  std::array<char, 512> buffer{};
  for (ssize_t size = 0; (size = ::read(ends[0], buffer.data(), buffer.size())) > 0;)
    run.output.append(buffer.data(), static_cast<std::size_t>(size));
  ::close(ends[0]);
  int status = 0;
  ::waitpid(pid, &status, 0);
  run.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  return run;
}

void expect_python_agrees(const std::string& program, const std::string& argument) {
  const Ended run = python(program, argument);
  EXPECT_EQ(run.exit_code, 0) << run.output;
}

bool exists(const std::string& name) { return std::filesystem::exists("/dev/shm/" + name); }

void let_a_process_attach_and_exit(const std::string& name) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    const SharedMemory attached({.name = name});
    ::exit(0);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  EXPECT_EQ(status, 0);
}

std::vector<std::byte> bytes(std::string_view text) {
  const auto all = std::as_bytes(std::span(text));
  return {all.begin(), all.end()};
}

class SharedMemoryPython : public ::testing::Test {
 protected:
  void SetUp() override {
    static const bool available = python("").exit_code == 0;
    if (!available) GTEST_SKIP() << "there is no python3";
  }
  SharedMemoryScope scope_;
};

TEST_F(SharedMemoryPython, AttachesToOurs) {
  const SharedMemory memory = scope_.SharedMemory(10'001);
  memory.buf()[10'000] = std::byte{42};
  expect_python_agrees(R"(
shm = attach(name)
assert shm.size == 10001 and shm.buf[10000] == 42 and shm.buf[5] == 0, (shm.size, shm.buf[10000])
shm.buf[0:5] = b"hello"
shm.close()
)",
                       memory.name());
  EXPECT_TRUE(std::ranges::equal(memory.buf().first(5), bytes("hello")));
  EXPECT_TRUE(exists(memory.name()));
}

TEST_F(SharedMemoryPython, UnlinksOurs) {
  SharedMemory memory = scope_.SharedMemory(10);
  expect_python_agrees("shm = SharedMemory(name); shm.unlink(); shm.close()", memory.name());
  EXPECT_FALSE(exists(memory.name()));
  EXPECT_THROW(memory.unlink(), std::system_error);
}

TEST_F(SharedMemoryPython, MakesMemoryThatWeAttachTo) {
  const Ended made = python(R"(
shm = SharedMemory(create=True, size=4097)
untrack(shm)
shm.buf[4096] = 7
print(shm.name, end="")
)");
  SharedMemory memory({.name = made.output, .size = 4097});
  EXPECT_EQ(memory.size(), 4097u);
  EXPECT_EQ(memory.buf()[4096], std::byte{7});
  let_a_process_attach_and_exit(memory.name());
  EXPECT_TRUE(exists(memory.name()));
  memory.unlink();
  const Ended after = python("attach(name)", made.output);
  EXPECT_NE(after.output.find("FileNotFoundError"), std::string::npos) << after.output;
}

// What Python does and we do not: there, who attaches is taken for the owner.
TEST_F(SharedMemoryPython, TakesAwayWhatItOnlyAttachedToAndWeDoNot) {
  const Ended version = python("print(sys.version_info >= (3, 13), end='')");
  const SharedMemory memory = scope_.SharedMemory(10);
  python("shm = SharedMemory(name); shm.close()", memory.name());
  EXPECT_FALSE(exists(memory.name())) << "repaired in Python?" << version.output;
  const SharedMemory other = scope_.SharedMemory(10);
  let_a_process_attach_and_exit(other.name());
  EXPECT_TRUE(exists(other.name()));
}

TEST_F(SharedMemoryPython, ReadsOurList) {
  const ShareableList list =
      scope_.ShareableList({1, std::numeric_limits<std::int64_t>::min(), 2.5, true, false, none, "text",
                            "größer", bytes("b\xff"), "", std::string(5000, 'x')});
  expect_python_agrees(R"(
l = attach_list(name)
assert list(l) == [1, -2**63, 2.5, True, False, None, "text", "größer", b"b\xff", "", "x" * 5000], list(l)[:-1]
assert [type(v).__name__ for v in l] == "int int float bool bool NoneType str str bytes str str".split(), list(l)
)",
                       list.name());
}

TEST_F(SharedMemoryPython, MakesOfTheSameValuesTheSameBytes) {
  const ShareableList list = scope_.ShareableList(
      {1, 2.5, true, none, "text", "12345678", bytes("b\xff"), "", std::string(5000, 'x')});
  expect_python_agrees(R"(
l = attach_list(name)
twin = ShareableList(list(l))
try:
  assert twin.format == l.format, (twin.format, l.format)
  assert bytes(twin.shm.buf) == bytes(l.shm.buf)
finally:
  twin.shm.unlink()
)",
                       list.name());
}

TEST_F(SharedMemoryPython, WritesToOurList) {
  const ShareableList list = scope_.ShareableList({1, "text", 2, none, std::string("a\0\0", 3)});
  expect_python_agrees(R"(
l = attach_list(name)
l[0] = "12345678"
l[1] = 7
l[2] = None
l[3] = b"\xfe"
assert l[4] == "a", l[4]
l[4] = "abcdefgh"
)",
                       list.name());
  EXPECT_EQ(list.values(), (std::vector<ShareableValue>{"12345678", 7, none, bytes("\xfe"), "abcdefgh"}));
}

TEST_F(SharedMemoryPython, MakesAListThatWeReadAndWrite) {
  const Ended made = python(R"(
l = ShareableList([1, -2.5, True, None, "größer", b"a\0b", "", "0123456789"])
untrack(l.shm)
print(l.shm.name, end="")
)");
  ShareableList list = ShareableList::attach(made.output);
  EXPECT_EQ(list.values(),
            (std::vector<ShareableValue>{1, -2.5, true, none, "größer", bytes(std::string_view("a\0b", 3)),
                                         "", "0123456789"}));
  list.set(0, none);
  list.set(1, 3);
  list.set(2, 0.25);
  list.set(3, false);
  list.set(4, bytes("\x80"));
  list.set(5, "ü");
  list.set(7, "0123456789012345");
  expect_python_agrees(R"(
l = attach_list(name)
assert list(l) == [None, 3, 0.25, False, b"\x80", "ü", "", "0123456789012345"], list(l)
)",
                       list.name());
  list.unlink();
}

TEST_F(SharedMemoryPython, LosesNulsThatWeKeep) {
  const ShareableList list =
      scope_.ShareableList({bytes(std::string_view("a\0\0", 3)), std::string(3, '\0')});
  expect_python_agrees(R"(
l = attach_list(name)
assert l[0] == b"a" and l[1] == "", list(l)   # the format is understood, white space and all
assert l.format == "8s\n8s\v", l.format
)",
                       list.name());
  EXPECT_EQ(list[0], ShareableValue(bytes(std::string_view("a\0\0", 3))));
  EXPECT_EQ(list[1], ShareableValue(std::string(3, '\0')));
}

TEST_F(SharedMemoryPython, MakesRoomByCharactersAndWeByBytes) {
  // Python cuts this text in the middle of a character, and cannot read it any more (CPython issue 106939).
  const Ended spoilt = python("print(list(ShareableList(['aüüüüüü'])))");
  EXPECT_NE(spoilt.output.find("UnicodeDecodeError"), std::string::npos) << spoilt.output;
  const std::string text = "aüüüüüü";
  const ShareableList list = scope_.ShareableList({text});
  EXPECT_EQ(list[0], ShareableValue(text));
  expect_python_agrees("assert attach_list(name)[0] == 'aüüüüüü'", list.name());
}

}  // namespace
}  // namespace procyon
