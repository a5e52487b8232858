#include "procyon/detail/wire/exceptions.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <any>
#include <filesystem>
#include <fstream>
#include <functional>
#include <ios>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <variant>
#include <vector>

#include "procyon/detail/wire/token.hpp"
#include "procyon/errors.hpp"

namespace procyon::wire {
namespace {

std::exception_ptr cross(const std::exception_ptr& exception) {
  Writer writer;
  encode_exception(writer, exception);
  Reader reader(writer.bytes());
  std::exception_ptr result = decode_exception(reader);
  reader.expect_end("exception");
  return result;
}

// The object that arrives: exactly an Exception, with the same text.
template <class Exception>
Exception arrives(const Exception& sent) {
  try {
    std::rethrow_exception(cross(std::make_exception_ptr(sent)));
  } catch (const Exception& received) {
    EXPECT_EQ(typeid(received), typeid(Exception));
    EXPECT_STREQ(received.what(), sent.what());
    return received;
  } catch (...) {
    ADD_FAILURE() << "another type arrived than " << typeid(Exception).name();
  }
  return sent;
}

RemoteError arrives_remote(const std::exception_ptr& sent) {
  try {
    std::rethrow_exception(cross(sent));
  } catch (const RemoteError& received) {
    return received;
  } catch (const std::exception& other) {
    ADD_FAILURE() << "another type arrived: " << typeid(other).name() << ", " << other.what();
  }
  return {"", ""};
}

template <class Function>
std::exception_ptr caught(Function function) {
  try {
    function();
  } catch (...) {
    return std::current_exception();
  }
  return nullptr;
}

TEST(Exceptions, OfTheStandardLibraryComeBackAsThemselves) {
  arrives(std::exception());
  arrives(std::runtime_error("runtime"));
  arrives(std::logic_error("logic"));
  arrives(std::invalid_argument("invalid"));
  arrives(std::domain_error("domain"));
  arrives(std::length_error("length"));
  arrives(std::out_of_range("range"));
  arrives(std::range_error("range"));
  arrives(std::overflow_error("over"));
  arrives(std::underflow_error("under"));
  arrives(std::bad_alloc());
  arrives(std::bad_array_new_length());
  arrives(std::bad_cast());
  arrives(std::bad_any_cast());
  arrives(std::bad_typeid());
  arrives(std::bad_exception());
  arrives(std::bad_weak_ptr());
  arrives(std::bad_optional_access());
  arrives(std::bad_variant_access());
  arrives(std::bad_function_call());
}

TEST(Exceptions, OfTheSystemKeepTheirCode) {
  const auto system = arrives(std::system_error(ENOENT, std::system_category(), "opening x"));
  EXPECT_EQ(system.code(), std::error_code(ENOENT, std::system_category()));
  const auto generic = arrives(std::system_error(std::make_error_code(std::errc::timed_out)));
  EXPECT_EQ(generic.code(), std::errc::timed_out);
  const auto file = arrives(std::filesystem::filesystem_error(
      "cannot copy", "/a", "/b c", std::error_code(EACCES, std::generic_category())));
  EXPECT_EQ(file.path1(), "/a");
  EXPECT_EQ(file.path2(), "/b c");
  EXPECT_EQ(file.code().value(), EACCES);
  arrives(
      std::filesystem::filesystem_error("cannot open", "/a", std::error_code(EIO, std::system_category())));
  arrives(std::filesystem::filesystem_error("cannot look", std::error_code(EIO, std::system_category())));
  const auto stream = arrives(std::ios_base::failure("reading", std::make_error_code(std::io_errc::stream)));
  EXPECT_EQ(stream.code(), std::io_errc::stream);
}

TEST(Exceptions, ThatStreamsThrowComeBackAsFailure) {
  const std::exception_ptr sent = caught([] {
    std::ifstream file;
    file.exceptions(std::ios::failbit);
    file.open("/does/not/exist");
  });
  try {
    std::rethrow_exception(cross(sent));
  } catch (const std::ios_base::failure& failure) {
    EXPECT_EQ(failure.code(), std::io_errc::stream);
  }
}

TEST(Exceptions, OfProcyonComeBackAsThemselves) {
  arrives(ProcessError("process"));
  arrives(BufferTooShort("short"));
  arrives(AuthenticationError("key"));
  arrives(TimeoutError("time"));
  arrives(Empty());
  arrives(Full("full"));
  arrives(PeerGone("peer"));
  arrives(BrokenPool("pool"));
  arrives(Cancelled("cancelled"));
  arrives(ManagerGone("manager"));
  arrives(ObjectGone("object"));
  arrives(SessionError("session"));
  arrives(DecodeError("decode"));
  arrives(EncodeError("encode"));
  arrives(TokenError("token"));
  const auto lost = arrives(WorkerLost(
      {.pid = 12, .signal = SIGSEGV, .core_dumped = true, .task = "task 3 of map", .details = "More."}));
  EXPECT_EQ(lost.pid(), 12);
  EXPECT_EQ(lost.signal(), SIGSEGV);
  EXPECT_FALSE(lost.exit_code().has_value());
  EXPECT_EQ(lost.task(), "task 3 of map");
  EXPECT_EQ(arrives(CpuLimitExceeded({.pid = 13, .stack = {"f()", "g()"}})).end().stack.size(), 2U);
  EXPECT_EQ(arrives(KilledForMemory({.pid = 14, .name = "w"})).end().name, "w");
  arrives(MemoryLimitExceeded("memory"));
  const auto remote = arrives(RemoteError("my::Error", "text", "function in module"));
  EXPECT_EQ(remote.type(), "my::Error");
  EXPECT_EQ(remote.text(), "text");
  EXPECT_EQ(remote.where(), "function in module");
}

struct ParseError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

TEST(Exceptions, OfUnknownTypesBecomeRemoteErrors) {
  const RemoteError error = arrives_remote(caught([] { throw ParseError("line 5"); }));
  EXPECT_NE(error.type().find("ParseError"), std::string::npos) << error.type();
  EXPECT_EQ(error.text(), "line 5");
  EXPECT_NE(std::string(error.what()).find("line 5"), std::string::npos);
}

TEST(Exceptions, ThatAreNoneTellTheirTypeAndValue) {
  EXPECT_EQ(arrives_remote(caught([] { throw 42; })).type(), "int");
  EXPECT_EQ(arrives_remote(caught([] { throw 42; })).text(), "42");
  EXPECT_EQ(arrives_remote(caught([] { throw "text"; })).text(), "text");
  EXPECT_EQ(arrives_remote(caught([] { throw std::string("string"); })).text(), "string");
  EXPECT_EQ(arrives_remote(caught([] { throw std::string("string"); })).type(), "std::string");
  struct Odd {};
  EXPECT_NE(arrives_remote(caught([] { throw Odd(); })).type().find("Odd"), std::string::npos);
  EXPECT_NE(arrives_remote(nullptr).text(), "");
}

TEST(Exceptions, WithACategoryOfTheUsersTellTheCodeInTheText) {
  struct Category : std::error_category {
    const char* name() const noexcept override { return "mine"; }
    std::string message(int) const override { return "my message"; }
  };
  static const Category category;
  const RemoteError error =
      arrives_remote(std::make_exception_ptr(std::system_error(3, category, "doing it")));
  EXPECT_EQ(error.type(), "std::system_error");
  EXPECT_EQ(error.text(), "doing it: my message");
}

TEST(Exceptions, TellWhatTheyWereNestedIn) {
  const std::exception_ptr sent = caught([] {
    try {
      try {
        throw 5;
      } catch (...) {
        std::throw_with_nested(std::logic_error("inner"));
      }
    } catch (...) {
      std::throw_with_nested(std::runtime_error("outer"));
    }
  });
  try {
    std::rethrow_exception(cross(sent));
  } catch (const std::runtime_error& error) {
    EXPECT_EQ(typeid(error), typeid(std::runtime_error));
    EXPECT_STREQ(error.what(), "outer; caused by std::logic_error: inner; caused by int: 5");
  }
  const RemoteError own = arrives_remote(caught([] {
    try {
      throw std::length_error("deep");
    } catch (...) {
      std::throw_with_nested(ParseError("shallow"));
    }
  }));
  EXPECT_EQ(own.text(), "shallow; caused by std::length_error: deep");
  EXPECT_EQ(own.type().find("_Nested"), std::string::npos) << own.type();
}

TEST(Exceptions, LongTextsAreCut) {
  const RemoteError error = arrives_remote(std::make_exception_ptr(ParseError(std::string(1'000'000, 'x'))));
  EXPECT_LE(error.text().size(), exception_text_limit);
  EXPECT_TRUE(error.text().ends_with("(cut)"));
}

TEST(Exceptions, WhoseWhatReturnsNullCrossToo) {
  struct Null : std::exception {
    const char* what() const noexcept override { return nullptr; }
  };
  EXPECT_NE(arrives_remote(std::make_exception_ptr(Null())).text(), "");
}

TEST(Exceptions, EveryPrefixIsRefused) {
  Writer writer;
  encode_exception(writer, std::make_exception_ptr(WorkerLost({.pid = 1, .exit_code = 3, .task = "task"})));
  for (std::size_t length = 0; length < writer.size(); ++length) {
    Reader reader(writer.bytes().first(length));
    EXPECT_THROW(decode_exception(reader), DecodeError) << length;
  }
  Writer wrong;
  wrong.put(std::uint16_t{9999});
  Reader reader(wrong.bytes());
  EXPECT_THROW(decode_exception(reader), DecodeError);
}

}  // namespace
}  // namespace procyon::wire
