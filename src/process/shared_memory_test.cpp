#include "procyon/shared_memory.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "arena/test_process.hpp"
#include "process/test_support.hpp"
#include "procyon/queue.hpp"
#include "procyon/shared_memory_scope.hpp"

namespace procyon {
namespace {

namespace fs = std::filesystem;
using arena::testing::TestProcess;
using testing::check;
using testing::misuse;
using testing::open_descriptors;

/// A name that no other test has.
std::string name_of_test(const std::string& end = "") {
  return "procyon-" + std::to_string(::getpid()) + "-" +
         ::testing::UnitTest::GetInstance()->current_test_info()->name() + end;
}

bool exists(const std::string& name) { return fs::exists("/dev/shm/" + name); }

SharedMemory create(std::size_t size = 100) { return SharedMemory({.create = true, .size = size}); }

std::error_code error_of(const std::function<void()>& action, std::string* sentence = nullptr) {
  try {
    action();
  } catch (const std::system_error& error) {
    if (sentence != nullptr) *sentence = error.what();
    return error.code();
  }
  return {};
}

TEST(SharedMemory, HasAGeneratedNameExactSizeAndZeroes) {
  SharedMemory memory = create(12'345);
  EXPECT_EQ(memory.name().size(), 12u);
  EXPECT_EQ(memory.name().find_first_not_of("0123456789abcdef", 4), std::string::npos) << memory.name();
  EXPECT_TRUE(memory.name().starts_with("psm_"));
  EXPECT_EQ(memory.size(), 12'345u);
  EXPECT_EQ(memory.buf().size(), 12'345u);
  EXPECT_TRUE(std::ranges::all_of(memory.buf(), [](std::byte byte) { return byte == std::byte{0}; }));
  EXPECT_EQ(fs::file_size("/dev/shm/" + memory.name()), 12'345u);
  EXPECT_EQ(fs::status("/dev/shm/" + memory.name()).permissions(),
            fs::perms::owner_read | fs::perms::owner_write);
  memory.unlink();
  EXPECT_FALSE(exists(memory.name()));
}

TEST(SharedMemory, IsTheSameForAllWhoAttach) {
  SharedMemory ours({.name = name_of_test(), .create = true, .size = 10});
  SharedMemory theirs({.name = "/" + name_of_test()});  // as shm_open(3) has it
  EXPECT_EQ(theirs.name(), name_of_test());
  EXPECT_EQ(theirs.size(), 10u);
  theirs.buf()[9] = std::byte{42};
  EXPECT_EQ(ours.buf()[9], std::byte{42});
  TestProcess child([&] {
    SharedMemory({.name = ours.name()}).buf()[0] = std::byte{7};
    return 0;
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_TRUE(exists(ours.name()));  // who attached unlinks nothing, exiting or not
  EXPECT_EQ(ours.buf()[0], std::byte{7});
  ours.unlink();
  theirs.buf()[1] = std::byte{1};
  EXPECT_EQ(ours.buf()[1], std::byte{1});
}

TEST(SharedMemory, OfATakenNameIsRefused) {
  SharedMemory memory({.name = name_of_test(), .create = true, .size = 10});
  std::string sentence;
  const auto code =
      error_of([] { SharedMemory({.name = name_of_test(), .create = true, .size = 10}); }, &sentence);
  EXPECT_EQ(code, std::errc::file_exists);
  EXPECT_NE(sentence.find("there is one of that name already"), std::string::npos) << sentence;
  EXPECT_EQ(memory.buf().size(), 10u);
  memory.unlink();
}

TEST(SharedMemory, OfANameThatIsTakenMeanwhileIsRefusedAndLeavesItAlone) {
  // The system sees no object here, but refuses the name: as when another comes first between the two questions.
  const std::string path = "/dev/shm/" + name_of_test();
  fs::create_symlink("nowhere", path);
  TestProcess creator([&] {
    const auto code = error_of([&] { SharedMemory({.name = path.substr(9), .create = true, .size = 10}); });
    ::exit(code == std::errc::file_exists ? 0 : 1);
    return 0;
  });
  EXPECT_EQ(creator.wait(), 0);
  EXPECT_TRUE(fs::is_symlink(path));
  fs::remove(path);
}

TEST(SharedMemory, ThatDoesNotExistIsRefused) {
  std::string sentence;
  EXPECT_EQ(error_of([] { SharedMemory({.name = name_of_test()}); }, &sentence),
            std::errc::no_such_file_or_directory);
  EXPECT_NE(sentence.find(name_of_test()), std::string::npos) << sentence;
}

TEST(SharedMemory, NeedsANameOrASize) {
  EXPECT_NE(misuse([] { SharedMemory(SharedMemory::Options{}); }), "");
  EXPECT_NE(misuse([] { SharedMemory({.size = 10}); }), "");
  EXPECT_NE(misuse([] { SharedMemory({.create = true}); }), "");
  for (const std::string name : {"/", ".", "..", "a/b", "//a/"})
    EXPECT_NE(misuse([&] { SharedMemory({.name = name, .create = true, .size = 1}); }), "") << name;
  EXPECT_NE(misuse([] { SharedMemory({.name = std::string("a\0b", 3)}); }), "");
  EXPECT_NE(misuse([] { SharedMemory({.name = std::string(256, 'x')}); }), "");
}

TEST(SharedMemory, IsUnlinkedOnce) {
  SharedMemory memory = create();
  SharedMemory attached({.name = memory.name()});
  attached.unlink();  // as in Python, whoever says so
  std::string sentence;
  EXPECT_EQ(error_of([&] { memory.unlink(); }, &sentence), std::errc::no_such_file_or_directory);
  EXPECT_NE(sentence.find("unlinked already"), std::string::npos) << sentence;
}

TEST(SharedMemory, DoesNotUnlinkWhatHasTakenItsName) {
  SharedMemory old({.name = name_of_test(), .create = true, .size = 10});
  old.unlink();
  SharedMemory young({.name = name_of_test(), .create = true, .size = 20});
  EXPECT_EQ(error_of([&] { old.unlink(); }), std::errc::no_such_file_or_directory);
  EXPECT_TRUE(exists(young.name()));
  young.unlink();
}

TEST(SharedMemory, IsClosedForOneObjectOnly) {
  SharedMemory memory = create();
  SharedMemory copy = memory;
  memory.close();
  memory.close();
  EXPECT_NE(misuse([&] { static_cast<void>(memory.buf()); }).find("closed"), std::string::npos);
  EXPECT_EQ(memory.size(), 100u);
  EXPECT_EQ(copy.buf().size(), 100u);
  memory.unlink();
  EXPECT_NE(misuse([] { static_cast<void>(SharedMemory().buf()); }), "");
  EXPECT_NE(misuse([] { SharedMemory().unlink(); }), "");
}

TEST(SharedMemory, AViewKeepsTheMemory) {
  SharedMemoryView<std::byte> bytes;
  SharedMemoryView<double> numbers;
  {
    SharedMemory memory = create(80);
    bytes = memory.view();
    numbers = memory.view<double>(16, 3);
    memory.close();
    memory.unlink();
  }
  EXPECT_EQ(bytes.size(), 80u);
  numbers[2] = 1.5;
  double read = 0;
  std::memcpy(&read, bytes.data() + 32, sizeof(read));
  EXPECT_EQ(read, 1.5);
}

TEST(SharedMemory, AViewLiesInside) {
  SharedMemory memory = create(21);
  EXPECT_EQ(memory.view<int>().size(), 5u);
  EXPECT_EQ(memory.view<int>(20).size(), 0u);
  EXPECT_EQ(memory.view(21).size(), 0u);
  EXPECT_THROW(static_cast<void>(memory.view<int>(0, 6)), std::out_of_range);
  EXPECT_THROW(static_cast<void>(memory.view(22)), std::out_of_range);
  EXPECT_THROW(static_cast<void>(memory.view<int>(0, ~0ULL / 4)), std::out_of_range);
  EXPECT_THROW(static_cast<void>(memory.view<int>(2)), std::invalid_argument);
  memory.unlink();
}

TEST(SharedMemory, LargerThanThereIsRoomIsAnErrorAndLeavesNothing) {
  const auto before = open_descriptors();
  std::string sentence;
  const auto code =
      error_of([] { SharedMemory({.name = name_of_test(), .create = true, .size = 1ULL << 46}); }, &sentence);
  EXPECT_TRUE(code == std::errc::no_space_on_device || code == std::errc::not_enough_memory ||
              code == std::errc::file_too_large)
      << sentence;
  EXPECT_FALSE(exists(name_of_test()));
  EXPECT_EQ(error_of([] { SharedMemory({.create = true, .size = ~0ULL}); }), std::errc::file_too_large);
  EXPECT_EQ(open_descriptors(), before);
}

/// Runs `body` where /dev/shm has room for a megabyte.
int with_little_memory(const std::function<int()>& body) {
  TestProcess child([&] {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", "/dev/shm", "tmpfs", 0, "size=1m") != 0)
      return 77;
    return body();
  });
  return child.wait();
}

TEST(SharedMemory, WhenMemoryIsExhaustedItIsAnErrorAndLaterWorksAgain) {
  const int code = with_little_memory([] {
    SharedMemory first = create(700'000);
    std::string sentence;
    check(error_of([] { create(700'000); }, &sentence) == std::errc::no_space_on_device, 1);
    check(sentence.find("700000 bytes") != std::string::npos, 2);
    std::ranges::fill(first.buf(), std::byte{1});  // no SIGBUS
    first.unlink();
    first.close();
    SharedMemory second = create(700'000);
    std::ranges::fill(second.buf(), std::byte{1});
    second.unlink();
    check(fs::is_empty("/dev/shm"), 3);
    return 0;
  });
  if (code == 77) GTEST_SKIP() << "only root may mount a small /dev/shm";
  EXPECT_EQ(code, 0);
}

/// Runs `body` in a process of its own with that limit, takes the limit back, and sees whether a SharedMemory can be made.
int works_again_after(int resource, rlim_t limit, const std::function<void()>& body) {
  TestProcess child([&] {
    rlimit before{};
    ::getrlimit(static_cast<__rlimit_resource_t>(resource), &before);
    rlimit lowered = before;
    lowered.rlim_cur = limit;
    check(::setrlimit(static_cast<__rlimit_resource_t>(resource), &lowered) == 0, 1);
    body();
    check(::setrlimit(static_cast<__rlimit_resource_t>(resource), &before) == 0, 2);
    create().unlink();
    return 0;
  });
  return child.wait();
}

TEST(SharedMemory, WithoutAFreeDescriptorIsAnErrorAndLaterWorksAgain) {
  const std::string name = name_of_test();
  // At each of its steps, the guardian's start among them.
  for (rlim_t more = 0; more < 8; ++more) {
    const auto limit = static_cast<rlim_t>(open_descriptors()) - 1 + more;  // -1: the one that it looks with
    const int code = works_again_after(RLIMIT_NOFILE, limit, [&] {
      const auto error = error_of([&] { SharedMemory({.name = name, .create = true, .size = 10}).unlink(); });
      check(!error || error == std::errc::too_many_files_open, 5);
      check(more > 0 || error == std::errc::too_many_files_open, 6);
      check(more < 7 || !error, 7);
    });
    EXPECT_EQ(code, 0) << more;
    EXPECT_FALSE(exists(name));
  }
}

TEST(SharedMemory, LargerThanFilesMayBeIsAnErrorAndNoSignal) {
  EXPECT_EQ(works_again_after(RLIMIT_FSIZE, 4096,
                              [] {
                                check(error_of([] { create(4097); }) == std::errc::file_too_large, 5);
                                create(4096).unlink();
                              }),
            0);
}

void make_file(const std::string& name, std::size_t size) {
  const int file = ::open(("/dev/shm/" + name).c_str(), O_CREAT | O_EXCL | O_RDWR, 0600);
  ASSERT_EQ(::ftruncate(file, static_cast<off_t>(size)), 0);
  ::close(file);
}

TEST(SharedMemory, OfAForeignCreatorIsRefusedIfItIsTooShort) {
  make_file(name_of_test(), 0);
  EXPECT_EQ(error_of([] { SharedMemory({.name = name_of_test()}); }), std::errc::invalid_argument);
  fs::resize_file("/dev/shm/" + name_of_test(), 10);
  std::string sentence;
  EXPECT_EQ(error_of([] { SharedMemory({.name = name_of_test(), .size = 11}); }, &sentence),
            std::errc::invalid_argument);
  EXPECT_NE(sentence.find("it has 10 bytes, and 11 were asked for"), std::string::npos) << sentence;
  EXPECT_EQ(SharedMemory({.name = name_of_test(), .size = 10}).size(), 10u);
  SharedMemory({.name = name_of_test()}).unlink();
}

TEST(SharedMemory, WhatIsNoMemoryIsRefused) {
  const std::string path = "/dev/shm/" + name_of_test();
  fs::create_directory(path);
  EXPECT_NE(error_of([] { SharedMemory({.name = name_of_test()}); }), std::error_code());
  fs::remove(path);
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(error_of([] { SharedMemory({.name = name_of_test()}); }), std::errc::invalid_argument);
  fs::remove(path);
  fs::create_symlink("/etc/passwd", path);
  EXPECT_EQ(error_of([] { SharedMemory({.name = name_of_test()}); }),
            std::errc::too_many_symbolic_link_levels);
  fs::remove(path);
}

TEST(SharedMemory, IsUnlinkedWhenItsCreatorExits) {
  const std::string name = name_of_test();
  TestProcess creator([&] {
    { const SharedMemory object({.name = name, .create = true, .size = 10}); }
    ::exit(exists(name) ? 0 : 1);  // the object is gone, the name is not
    return 0;
  });
  EXPECT_EQ(creator.wait(), 0);
  EXPECT_FALSE(exists(name));
}

TEST(SharedMemory, OfAParentIsLeftAloneByAForkedChild) {
  SharedMemory memory = create();
  TestProcess child([&] {
    SharedMemory mine = create();
    memory.buf()[0] = std::byte{1};
    ::exit(0);
    return 0;
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_TRUE(exists(memory.name()));
  EXPECT_EQ(memory.buf()[0], std::byte{1});
  memory.unlink();
}

class SharedMemoryAcross : public testing::UnderEachStartMethod {};
INSTANTIATE_TEST_SUITE_P(Under, SharedMemoryAcross, testing::all_start_methods,
                         testing::name_of_start_method);

struct Frame {
  std::string title;
  std::vector<SharedMemory> parts;
};

TEST_P(SharedMemoryAcross, CrossesByItsName) {
  SharedMemory memory = create();
  SharedMemory part = create(8);
  Queue<SharedMemory> queue;
  queue.put(part);
  auto p = context().Process(
      [](SharedMemory m, const Frame& frame, Queue<SharedMemory> q, const SharedMemory& nothing) {
        m.buf()[0] = std::byte{1};
        frame.parts.at(1).buf()[0] = std::byte{2};
        q.get(std::chrono::seconds(60)).buf()[1] = std::byte{3};
        check(nothing.name().empty(), 5);
      },
      memory, Frame{"frame", {memory, part}}, queue, SharedMemory());
  p.start();
  p.join();
  EXPECT_EQ(p.exitcode(), 0);
  EXPECT_EQ(memory.buf()[0], std::byte{1});
  EXPECT_EQ(part.buf()[0], std::byte{2});
  EXPECT_EQ(part.buf()[1], std::byte{3});
  EXPECT_TRUE(exists(memory.name()));
  memory.unlink();
  part.unlink();
}

TEST_P(SharedMemoryAcross, AChildsOwnIsUnlinkedAtItsEnd) {
  const std::string name = "procyon-" + std::to_string(::getpid()) + "-childs";
  auto p = context().Process(
      [](const std::string& n) {
        { const SharedMemory object({.name = n, .create = true, .size = 10}); }
        check(exists(n), 5);
      },
      name);
  p.start();
  p.join();
  EXPECT_EQ(p.exitcode(), 0);
  EXPECT_FALSE(exists(name));
}

TEST_P(SharedMemoryAcross, ThatWasUnlinkedBeforeItsProcessStartedEndsItWithASentence) {
  SharedMemory memory = create();
  auto p = context().Process([](const SharedMemory&) {}, memory);
  memory.unlink();
  testing::Captured captured(STDERR_FILENO);
  p.start();
  p.join();
  const std::string text = captured.text();
  EXPECT_NE(p.exitcode(), 0);
  EXPECT_NE(text.find("SharedMemory '" + memory.name() + "': there is none; it has been unlinked"),
            std::string::npos)
      << text;
}

TEST(SharedMemory, ThatWasUnlinkedOnItsWaySaysSo) {
  Queue<SharedMemory> queue;
  SharedMemory memory({.name = name_of_test(), .create = true, .size = 10});
  queue.put(memory);
  queue.put(memory);
  memory.unlink();
  EXPECT_THROW(static_cast<void>(queue.get()), std::system_error);
  SharedMemory other({.name = name_of_test(), .create = true, .size = 10});
  EXPECT_THROW(static_cast<void>(queue.get()), std::system_error);  // not the one that was sent
  other.unlink();
}

TEST(SharedMemoryScope, UnlinksWhatWasMadeThroughIt) {
  std::string names[3];
  SharedMemory kept;
  {
    SharedMemoryScope scope;
    SharedMemory memory = scope.SharedMemory(10);
    kept = memory;
    SharedMemory unlinked = scope.SharedMemory(10);
    unlinked.unlink();
    const ShareableList list = scope.ShareableList({1, "text"});
    names[0] = memory.name();
    names[1] = unlinked.name();
    names[2] = list.name();
    EXPECT_TRUE(exists(names[0]) && exists(names[2]));
    TestProcess child([&] {
      const SharedMemoryScope inherited = std::move(scope);
      return 0;
    });
    EXPECT_EQ(child.wait(), 0);
    EXPECT_TRUE(exists(names[0]) && exists(names[2]));
  }
  for (const std::string& name : names) EXPECT_FALSE(exists(name));
  kept.buf()[0] = std::byte{1};
}

TEST(SharedMemoryScope, MayBeMovedAndEndsOnce) {
  SharedMemoryScope first;
  const std::string name = first.SharedMemory(10).name();
  SharedMemoryScope second = std::move(first);
  EXPECT_TRUE(exists(name));
  const std::string other = second.SharedMemory(10).name();
  second.shutdown();
  EXPECT_FALSE(exists(name) || exists(other));
  EXPECT_NE(misuse([&] { static_cast<void>(second.SharedMemory(1)); }), "");
  second = SharedMemoryScope();
  const std::string last = second.SharedMemory(1).name();
  second = SharedMemoryScope();
  EXPECT_FALSE(exists(last));
}

}  // namespace
}  // namespace procyon
