// Processes by derivation: ProcessOf<Derived> and its run().

#include <memory>
#include <string>
#include <vector>

#include "process/test_support.hpp"
#include "procyon/value.hpp"

namespace procyon {
namespace {

using namespace testing;

class SubclassTest : public UnderEachStartMethod {
 protected:
  static ProcessOptions options(std::string name = {}, bool daemon = false) {
    return {.name = std::move(name), .daemon = daemon, .start_method = GetParam()};
  }
};
INSTANTIATE_TEST_SUITE_P(Under, SubclassTest, all_start_methods, name_of_start_method);

struct Crawler : ProcessOf<Crawler> {
  std::string url;
  std::vector<int> depths;
  Crawler() = default;
  Crawler(ProcessOptions o, std::string u) : ProcessOf(std::move(o)), url(std::move(u)) {}
  void run() override { ::_exit(url == "https://example.org" && depths == std::vector<int>{1, 2} ? 7 : 1); }
  template <class A>
  void serialize(A& archive) {
    archive(url, depths);
  }
};

TEST_P(SubclassTest, RunsWithTheMembersThatItHasWhenItIsStarted) {
  Crawler crawler(options(), "https://example.com");
  crawler.url = "https://example.org";
  crawler.depths = {1, 2};
  crawler.start();
  crawler.join();
  EXPECT_EQ(crawler.exitcode(), 7);
}

TEST_P(SubclassTest, IsNamedAfterItsClass) {
  const Crawler crawler(options(), "");
  EXPECT_EQ(crawler.name().rfind("Crawler-", 0), 0u) << crawler.name();
  EXPECT_EQ(to_string(crawler).rfind("<Crawler name='Crawler-", 0), 0u) << crawler;
}

TEST_P(SubclassTest, IsAProcessLikeAnyOther) {
  auto crawler = std::make_unique<Crawler>(options("c-1", true), "https://example.org");
  crawler->depths = {1, 2};
  std::vector<std::unique_ptr<Process>> processes;
  processes.push_back(std::move(crawler));
  EXPECT_TRUE(processes[0]->daemon());
  for (auto& p : processes) p->start();
  EXPECT_EQ(misuse([&] { processes[0]->start(); }),
            "start: process 'c-1' has been started already; make another Process");
  for (auto& p : processes) p->join();
  EXPECT_EQ(processes[0]->exitcode(), 7);
}

TEST_P(SubclassTest, MayBeMoved) {
  Crawler crawler(options(), "https://example.org");
  crawler.depths = {1, 2};
  Crawler moved = std::move(crawler);
  moved.start();
  moved.join();
  EXPECT_EQ(moved.exitcode(), 7);
}

struct Hello : ProcessOf<Hello> {
  Hello() = default;
  explicit Hello(ProcessOptions o) : ProcessOf(std::move(o)) {}
  void run() override { ::_exit(7); }
};

TEST_P(SubclassTest, NeedsNoSerializeWithoutMembers) {
  Hello hello(options());
  hello.start();
  hello.join();
  EXPECT_EQ(hello.exitcode(), 7);
}

// What the object says of itself in the child.
struct Curious : ProcessOf<Curious> {
  pid_t parent = 0;
  Value<int> seen{0};
  Curious() = default;
  explicit Curious(ProcessOptions o) : ProcessOf(std::move(o)), parent(::getpid()) {}
  void run() override {
    check(name() == "curious" && current_process().name() == "curious", 1);
    check(pid() == ::getpid(), 2);
    check(is_alive() && !exitcode() && daemon(), 3);
    check(to_string(*this) == "<Curious name='curious' parent=" + std::to_string(parent) + " started daemon>",
          4);
    check(authkey() == current_process().authkey(), 5);
    check(
        misuse([&] { join(); }) ==
            "join: this object stands for the process 'curious', which is running it; only the process that "
            "started it may do that",
        6);
    check(!misuse([&] { start(); }).empty() && !misuse([&] { terminate(); }).empty(), 7);
    set_name("renamed");
    check(current_process().name() == "renamed", 8);
    // Another object is not this process.
    Hello other({.daemon = true});
    check(!other.pid() && other.name().rfind("Hello-", 0) == 0 && other.name() != name(), 9);
    seen.with([](int& n) { n = 42; });
  }
  template <class A>
  void serialize(A& archive) {
    archive(parent, seen);
  }
};

TEST_P(SubclassTest, StandsForTheRunningProcessInIt) {
  Curious curious(options("curious", true));
  curious.start();
  curious.join();
  EXPECT_EQ(curious.exitcode(), 0);
  EXPECT_EQ(curious.seen.value(), 42);
}

struct Thrower : ProcessOf<Thrower> {
  Thrower() = default;
  explicit Thrower(ProcessOptions o) : ProcessOf(std::move(o)) {}
  void run() override { throw std::runtime_error("out of run"); }
};

TEST_P(SubclassTest, AnExceptionOutOfRunIsReportedLikeOneOutOfATarget) {
  Captured errors(STDERR_FILENO);
  Thrower thrower(options("thrower"));
  thrower.start();
  thrower.join();
  EXPECT_EQ(thrower.exitcode(), 1);
  EXPECT_NE(errors.text().find("std::runtime_error: out of run"), std::string::npos);
}

struct FastCrawler : Crawler {
  using Crawler::Crawler;
};

TEST_P(SubclassTest, DerivingTwiceIsMisuse) {
  FastCrawler crawler(options(), "https://example.org");
  const std::string sentence = misuse([&] { crawler.start(); });
  EXPECT_NE(sentence.find("FastCrawler derives from"), std::string::npos) << sentence;
  EXPECT_NE(sentence.find("derive it from ProcessOf<"), std::string::npos) << sentence;
}

TEST_P(SubclassTest, StartingOnlyItsProcessPartIsMisuse) {
  Crawler crawler(options("c-1"), "https://example.org");
  Process part = std::move(crawler);
  EXPECT_EQ(
      misuse([&] { part.start(); }),
      "start: process 'c-1' is the Process part of an object of a subclass, which was moved out of it; start "
      "the whole object, or hold it by pointer");
}

}  // namespace
}  // namespace procyon
