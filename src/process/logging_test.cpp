// Records: whose name they carry, who writes them, and that nothing is written unless asked for.

#include "procyon/logging.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <sstream>

#include "process/log.hpp"
#include "process/test_support.hpp"

namespace procyon {
namespace {

using namespace testing;

class LoggingTest : public UnderEachStartMethod {
 protected:
  // What `body` and its children write to stderr; it runs in a process of its own, where nothing has been set.
  template <class F>
  static std::string errors_of(const F& body) {
    Captured errors(STDERR_FILENO);
    auto p = get_context(fork).Process({.name = "program"}, [&] {
      set_start_method(context().get_start_method(), true);
      body();
    });
    p.start();
    p.join();
    EXPECT_EQ(p.exitcode(), 0);
    return errors.text();
  }

  static void run(void (*target)()) {
    Process p({.name = "calc-1"}, target);
    p.start();
    p.join();
  }
  static bool has(const std::string& text, const std::string& line) {
    return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
  }
};
INSTANTIATE_TEST_SUITE_P(Under, LoggingTest, all_start_methods, name_of_start_method);

void say_something() { get_logger()->warn("{} of {} files", 3, 100); }

TEST_P(LoggingTest, IsSilentUnlessAskedFor) {
  EXPECT_EQ(errors_of([] {
              say_something();
              run(say_something);
            }),
            "");
}

TEST_P(LoggingTest, RecordsOfChildrenCarryTheirNames) {
  const std::string text = errors_of([] {
    log_to_stderr();
    say_something();
    run(say_something);
  });
  EXPECT_TRUE(has(text, "[WARNING/program] 3 of 100 files")) << text;
  EXPECT_TRUE(has(text, "[INFO/calc-1] child process calling its target")) << text;
  EXPECT_TRUE(has(text, "[WARNING/calc-1] 3 of 100 files")) << text;
  EXPECT_TRUE(has(text, "[INFO/calc-1] process exiting with exit code 0")) << text;
  EXPECT_NE(text.find("[INFO/program] started process 'calc-1', pid "), std::string::npos) << text;
  EXPECT_EQ(text.find("DEBUG"), std::string::npos) << text;
}

TEST_P(LoggingTest, DebugRecordsTellHowChildrenEnded) {
  const std::string text = errors_of([] {
    log_to_stderr(LogLevel::debug);
    run([] { ::exit(3); });
  });
  EXPECT_TRUE(has(text, "[INFO/calc-1] process exiting with exit code 3")) << text;
  EXPECT_NE(text.find(", ended: exit code 3\n"), std::string::npos) << text;
}

TEST_P(LoggingTest, ChildrenHaveTheLevelOfTheirParentAndGiveItToTheirs) {
  const std::string text = errors_of([] {
    log_to_stderr(LogLevel::error);
    run([] {
      get_logger()->warn("not this");
      get_logger()->error("but this");
      run([] { get_logger()->error("and this of a grandchild"); });
    });
    log_to_stderr(LogLevel::off);
    run([] { get_logger()->critical("nor this"); });
  });
  EXPECT_EQ(text, "[ERROR/calc-1] but this\n[ERROR/calc-1] and this of a grandchild\n");
}

TEST_P(LoggingTest, TheEnvironmentTurnsItOn) {
  Captured errors(STDERR_FILENO);
  auto p = get_context(fork).Process([] {
    ::setenv("PROCYON_LOG", "info", 1);
    // As a program that is started with the variable: a child of a fork, which finds no state.
    const pid_t pid = ::fork();
    if (pid != 0) {
      int status = 0;
      ::waitpid(pid, &status, 0);
      ::_exit(WEXITSTATUS(status));
    }
    set_start_method(context().get_start_method(), true);
    run(say_something);
    ::_exit(0);
  });
  p.start();
  p.join();
  const std::string text = errors.text();
  EXPECT_TRUE(has(text, "[WARNING/calc-1] 3 of 100 files")) << text;
}

TEST_P(LoggingTest, AnUncaughtExceptionIsToldBesidesTheRecords) {
  const std::string text = errors_of([] {
    log_to_stderr();
    run([] {
      Process p({.name = "sub"}, [] { throw std::runtime_error("told anyway"); });
      p.start();
      p.join();
    });
  });
  EXPECT_NE(text.find("Process sub (pid"), std::string::npos) << text;
  EXPECT_TRUE(has(text, "[INFO/sub] process exiting with exit code 1")) << text;
}

TEST(Logging, WarningsOfTheLibraryAreRecordsOnceTheyAreAskedFor) {
  Captured errors(STDERR_FILENO);
  auto p = get_context(fork).Process({.name = "program"}, [] {
    process::warn("before");
    log_to_stderr(LogLevel::warning);
    process::warn("after");
    log_to_stderr(LogLevel::off);
    process::warn("never lost");
  });
  p.start();
  p.join();
  EXPECT_EQ(errors.text(),
            "procyon: warning: before\n[WARNING/program] after\nprocyon: warning: never lost\n");
}

TEST(Logging, TheLoggerIsSpdlogsAndTakesSinksAndPatterns) {
  Captured errors(STDERR_FILENO);
  auto p = get_context(fork).Process([] {
    static auto* const stream = new std::ostringstream;  // the logger writes to it until the very end
    get_logger()->sinks().push_back(std::make_shared<spdlog::sinks::ostream_sink_mt>(*stream));
    log_to_stderr(LogLevel::debug);
    get_logger()->set_pattern("%n %l: %v");
    get_logger()->info("in a pattern");
    check(get_logger()->name() == "procyon", 1);
    check(stream->str() == "procyon info: in a pattern\n", 2);
  });
  p.start();
  p.join();
  EXPECT_EQ(p.exitcode(), 0);
  EXPECT_EQ(errors.text().substr(0, 27), "procyon info: in a pattern\n");
}

}  // namespace
}  // namespace procyon
