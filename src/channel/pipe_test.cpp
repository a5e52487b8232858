#include "procyon/pipe.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "arena/test_process.hpp"
#include "procyon/lock.hpp"

namespace procyon {
namespace {

using namespace std::chrono_literals;
using arena::testing::TestProcess;

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

std::vector<std::byte> pattern(std::size_t size) {
  std::vector<std::byte> result(size);
  for (std::size_t i = 0; i < size; ++i) result[i] = static_cast<std::byte>(i * 31 % 251);
  return result;
}

template <class Exception>
std::string sentence(const std::function<void()>& action) {
  try {
    action();
  } catch (const Exception& error) {
    return error.what();
  }
  return "(it did not throw)";
}

int error_code(const std::function<void()>& action) {
  try {
    action();
  } catch (const std::system_error& error) {
    return error.code().value();
  }
  return 0;
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

void write_raw(const Connection& connection, std::span<const std::byte> bytes) {
  ASSERT_EQ(::send(connection.fileno(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(bytes.size()));
}

struct Point {
  int x;
  int y;
  friend bool operator==(const Point&, const Point&) = default;
};

TEST(Pipe, CarriesValuesBothWays) {
  auto [parent, child] = Pipe();
  const std::map<std::string, int> map{{"a", 1}, {"b", 2}};
  parent.send(map);
  parent.send("text");
  child.send(Point{1, 2});
  child.send(7);
  EXPECT_EQ((child.recv<std::map<std::string, int>>()), map);
  EXPECT_EQ(child.recv<std::string>(), "text");
  EXPECT_EQ(parent.recv<Point>(), (Point{1, 2}));
  EXPECT_EQ(parent.recv<int>(1s), 7);
}

TEST(Pipe, OneWayHasAReceiveEndAndASendEnd) {
  auto [in, out] = Pipe(one_way);
  EXPECT_TRUE(in.readable());
  EXPECT_FALSE(in.writable());
  EXPECT_FALSE(out.readable());
  EXPECT_TRUE(out.writable());
  out.send(1);
  EXPECT_EQ(in.recv<int>(), 1);
  EXPECT_TRUE(contains(sentence<std::logic_error>([&in = in] { in.send(1); }), "does not send"));
  EXPECT_TRUE(contains(sentence<std::logic_error>([&out = out] { static_cast<void>(out.recv<int>()); }),
                       "does not receive"));
  EXPECT_THROW(static_cast<void>(out.poll()), std::logic_error);
}

TEST(Pipe, AWrongTypeIsAnErrorThatNamesBoth) {
  auto [parent, child] = Pipe();
  parent.send(1.5);
  const auto error =
      sentence<wire::DecodeError>([&child = child] { static_cast<void>(child.recv<Point>()); });
  EXPECT_TRUE(contains(error, "double")) << error;
  EXPECT_TRUE(contains(error, "Point")) << error;
  parent.send(2);  // the pipe goes on
  EXPECT_EQ(child.recv<int>(), 2);
}

TEST(Pipe, PlainBytesAreNotTakenForAValue) {
  auto [parent, child] = Pipe();
  for (const auto& message : {bytes_of(""), bytes_of("hello"), std::vector<std::byte>(100)}) {
    parent.send_bytes(message);
    const auto error =
        sentence<wire::DecodeError>([&child = child] { static_cast<void>(child.recv<int>()); });
    EXPECT_TRUE(contains(error, "plain bytes")) << error;
  }
}

TEST(Pipe, ADamagedValueIsAnError) {
  auto [parent, child] = Pipe();
  parent.send(std::vector<int>{1, 2, 3});
  const auto message = child.recv_bytes();
  for (std::size_t size = 0; size < message.size(); ++size) {
    parent.send_bytes(std::span(message).first(size));
    EXPECT_THROW(static_cast<void>(child.recv<std::vector<int>>()), wire::DecodeError) << size;
  }
  auto longer = message;
  longer.push_back(std::byte{});
  parent.send_bytes(longer);
  EXPECT_THROW(static_cast<void>(child.recv<std::vector<int>>()), wire::DecodeError);
  auto longer_name = message;
  longer_name[23] = std::byte{0x7f};  // the highest byte of the length of the name
  parent.send_bytes(longer_name);
  EXPECT_THROW(static_cast<void>(child.recv<std::vector<int>>()), wire::DecodeError);
}

TEST(Pipe, CarriesBytesOfAnyNumber) {
  auto [parent, child] = Pipe();
  for (const std::size_t size : {0u, 1u, 16'384u, 16'385u, 5'000'000u}) {
    const auto message = pattern(size);
    std::thread sender([&message, &parent = parent] { parent.send_bytes(message); });
    EXPECT_EQ(child.recv_bytes(), message);
    sender.join();
  }
  EXPECT_FALSE(child.poll());
}

TEST(Pipe, SendsAPartOfABuffer) {
  auto [parent, child] = Pipe();
  const auto buffer = bytes_of("abcdef");
  parent.send_bytes(buffer, 2);
  parent.send_bytes(buffer, 2, 3);
  parent.send_bytes(buffer, 6);
  parent.send_bytes("text");
  EXPECT_EQ(child.recv_bytes(), bytes_of("cdef"));
  EXPECT_EQ(child.recv_bytes(), bytes_of("cde"));
  EXPECT_EQ(child.recv_bytes(), bytes_of(""));
  EXPECT_EQ(child.recv_bytes(), bytes_of("text"));
  EXPECT_THROW(parent.send_bytes(buffer, 7), std::out_of_range);
  EXPECT_THROW(parent.send_bytes(buffer, 2, 5), std::out_of_range);
  EXPECT_FALSE(child.poll());
}

TEST(Pipe, FramesBytesAsPythonDoes) {
  auto [parent, child] = Pipe();
  parent.send_bytes("abc");
  std::array<std::byte, 16> buffer{};
  ASSERT_EQ(::recv(child.fileno(), buffer.data(), buffer.size(), 0), 7);
  EXPECT_EQ(std::memcmp(buffer.data(), "\0\0\0\3abc", 7), 0);
}

TEST(Pipe, ReceivesIntoABuffer) {
  auto [parent, child] = Pipe();
  std::vector<std::byte> buffer(5);
  parent.send_bytes("abc");
  EXPECT_EQ(child.recv_bytes_into(buffer, 2), 3u);
  EXPECT_EQ(buffer, bytes_of(std::string_view("\0\0abc", 5)));
  parent.send_bytes("");
  EXPECT_EQ(child.recv_bytes_into(buffer, 5), 0u);
  EXPECT_THROW(child.recv_bytes_into(buffer, 6), std::out_of_range);
}

TEST(Pipe, AMessageThatDoesNotFitTheBufferIsInTheException) {
  auto [parent, child] = Pipe();
  std::vector<std::byte> buffer(5);
  parent.send_bytes("abcdef");
  try {
    child.recv_bytes_into(buffer);
    FAIL();
  } catch (const BufferTooShort& error) {
    EXPECT_EQ(error.message(), bytes_of("abcdef"));
  }
  parent.send_bytes("next");
  EXPECT_EQ(child.recv_bytes(), bytes_of("next"));
}

TEST(Pipe, AMessageLongerThanAllowedEndsReceiving) {
  auto [parent, child] = Pipe();
  parent.send_bytes("abc");
  parent.send_bytes("abcd");
  EXPECT_EQ(child.recv_bytes(3), bytes_of("abc"));
  EXPECT_EQ(error_code([&child = child] { static_cast<void>(child.recv_bytes(3)); }), EMSGSIZE);
  EXPECT_FALSE(child.readable());
  EXPECT_THROW(static_cast<void>(child.recv_bytes()), std::logic_error);
  child.send(1);
  EXPECT_EQ(parent.recv<int>(), 1);

  auto [in, out] = Pipe(one_way);
  out.send_bytes("abcd");
  EXPECT_EQ(error_code([&in = in] { static_cast<void>(in.recv_bytes(3)); }), EMSGSIZE);
  EXPECT_TRUE(in.closed());
}

TEST(Pipe, WhatIsNoMessageEndsReceiving) {
  auto [parent, child] = Pipe();
  write_raw(parent, bytes_of("\xff\xff\xff\xfe garbage"));
  EXPECT_EQ(error_code([&child = child] { static_cast<void>(child.recv_bytes()); }), EBADMSG);
  EXPECT_FALSE(child.readable());
}

TEST(Pipe, AHostileLengthDoesNotTakeMemory) {
  auto [parent, child] = Pipe();
  write_raw(parent, bytes_of(std::string_view("\xff\xff\xff\xff\x0f\0\0\0\0\0\0\0rest", 16)));
  parent.close();
  const auto error =
      sentence<std::runtime_error>([&child = child] { static_cast<void>(child.recv_bytes()); });
  EXPECT_TRUE(contains(error, "in the middle of a message (after 4 of 1080863910568919040 bytes)")) << error;
}

TEST(Pipe, TheEndOfFileIsTold) {
  auto [parent, child] = Pipe();
  parent.send(1);
  parent.close();
  EXPECT_EQ(child.recv<int>(), 1);
  EXPECT_TRUE(child.poll());
  EXPECT_THROW(static_cast<void>(child.recv<int>()), EndOfFile);
  EXPECT_THROW(static_cast<void>(child.recv_bytes()), EndOfFile);
}

TEST(Pipe, TheEndOfFileIsToldToWhoseMessagesWereNotRead) {
  auto [parent, child] = Pipe();
  child.send(1);
  parent.send(2);
  parent.close();
  EXPECT_EQ(child.recv<int>(), 2);
  EXPECT_THROW(static_cast<void>(child.recv<int>()), EndOfFile);
  EXPECT_EQ(error_code([&child = child] { child.send(1); }), EPIPE);
}

TEST(Pipe, TheEndOfFileInTheMiddleOfAMessageIsAnError) {
  auto [parent, child] = Pipe();
  write_raw(parent, bytes_of(std::string_view("\0\0", 2)));
  parent.close();
  EXPECT_TRUE(
      contains(sentence<std::runtime_error>([&child = child] { static_cast<void>(child.recv_bytes()); }),
               "in the middle of a message (within its length)"));
}

TEST(Pipe, SendingToNobodyIsAnErrorAndNoSignal) {
  auto [parent, child] = Pipe();
  child.close();
  EXPECT_EQ(error_code([&parent = parent] { parent.send(1); }), EPIPE);
  EXPECT_EQ(error_code([&parent = parent] { parent.send_bytes(pattern(5'000'000)); }), EPIPE);
}

TEST(Pipe, ReceivingGivesUpInTime) {
  auto [parent, child] = Pipe();
  std::vector<std::byte> buffer(5);
  EXPECT_THROW(static_cast<void>(child.recv<int>(1ms)), TimeoutError);
  EXPECT_THROW(static_cast<void>(child.recv_bytes(0s)), TimeoutError);
  EXPECT_THROW(static_cast<void>(child.recv_bytes(5, -1s)), TimeoutError);
  EXPECT_THROW(child.recv_bytes_into(buffer, 0, 1ms), TimeoutError);
  EXPECT_FALSE(child.poll(1ms));
  EXPECT_FALSE(child.poll(0s));
  parent.send(1);
  EXPECT_TRUE(child.poll());
  EXPECT_TRUE(child.poll(1h));
  EXPECT_EQ(child.recv<int>(0s), 1);
}

TEST(Pipe, AMessageOfWhichAPartCameInTimeIsNotLost) {
  auto [parent, child] = Pipe();
  std::vector<std::byte> buffer(10);
  const auto stream = bytes_of(std::string_view("\0\0\0\5abcde", 9));
  for (const auto byte : stream) {
    EXPECT_THROW(static_cast<void>(child.recv_bytes(0s)), TimeoutError);
    EXPECT_THROW(child.recv_bytes_into(buffer, 0, 0s), TimeoutError);
    write_raw(parent, std::span(&byte, 1));
  }
  EXPECT_EQ(child.recv_bytes(0s), bytes_of("abcde"));
  for (const auto byte : stream) {
    EXPECT_THROW(static_cast<void>(child.recv_bytes(0s)), TimeoutError);
    write_raw(parent, std::span(&byte, 1));
  }
  std::vector<std::byte> other_buffer(7);
  EXPECT_EQ(child.recv_bytes_into(other_buffer, 1, 0s), 5u);
  EXPECT_EQ(other_buffer, bytes_of(std::string_view("\0abcde\0", 7)));
}

TEST(Pipe, SendingGivesUpInTime) {
  auto [parent, child] = Pipe();
  std::size_t sent = 0;
  try {
    for (;; ++sent) parent.send_bytes(pattern(1000), 1ms);
  } catch (const TimeoutError&) {
  }
  EXPECT_GT(sent, 10u);
  for (std::size_t i = 0; i < sent; ++i) EXPECT_EQ(child.recv_bytes(), pattern(1000));
  parent.send(1, 1s);  // nothing of the last message went, so the pipe goes on
  EXPECT_EQ(child.recv<int>(), 1);
}

TEST(Pipe, AMessageBrokenOffByItsTimeOutEndsSending) {
  auto [parent, child] = Pipe();
  const auto error = sentence<TimeoutError>([&parent = parent] { parent.send(pattern(5'000'000), 1ms); });
  EXPECT_TRUE(contains(error, "is closed now")) << error;
  EXPECT_FALSE(parent.writable());
  EXPECT_THROW(parent.send(1), std::logic_error);
  EXPECT_TRUE(
      contains(sentence<std::runtime_error>([&child = child] { static_cast<void>(child.recv_bytes()); }),
               "in the middle of a message"));
  child.send(2);  // the other direction goes on
  EXPECT_EQ(parent.recv<int>(), 2);
}

TEST(Pipe, CopiesAreOneEnd) {
  auto [parent, child] = Pipe();
  Connection copy = parent;
  EXPECT_EQ(copy.fileno(), parent.fileno());
  copy.close();
  copy.close();
  EXPECT_TRUE(parent.closed());
  EXPECT_TRUE(contains(sentence<std::logic_error>([&parent = parent] { parent.send(1); }), "closed"));
  EXPECT_THROW(static_cast<void>(parent.recv<int>()), std::logic_error);
  EXPECT_THROW(static_cast<void>(parent.poll()), std::logic_error);
  EXPECT_THROW(static_cast<void>(parent.fileno()), std::logic_error);
  EXPECT_TRUE(parent.readable());
  EXPECT_THROW(static_cast<void>(child.recv<int>()), EndOfFile);
}

TEST(Pipe, TheLastCopyCloses) {
  auto [parent, child] = Pipe();
  {
    const Connection copy = std::move(parent);
    EXPECT_FALSE(child.poll());
  }
  EXPECT_TRUE(child.poll());
  EXPECT_THROW(parent.close(), std::logic_error);  // NOLINT(bugprone-use-after-move): the promise
}

TEST(Pipe, LeavesNoDescriptorBehind) {
  const auto lowest_free = [] {
    const os::Descriptor probe(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    return probe.get();
  };
  static_cast<void>(Pipe());  // the session has descriptors of its own, which stay
  const int before = lowest_free();
  for (int round = 0; round < 1000; ++round) {
    auto [parent, child] = Pipe();
    parent.send(round);
    EXPECT_EQ(child.recv<int>(), round);
    if (round % 2 == 0) parent.close();
  }
  EXPECT_EQ(lowest_free(), before);
}

TEST(Pipe, ClosesWhenAnotherProgramIsExecuted) {
  auto [parent, child] = Pipe();
  for (const Connection* end : {&parent, &child}) {
    EXPECT_EQ(::fcntl(end->fileno(), F_GETFD), FD_CLOEXEC);
    EXPECT_EQ(::fcntl(end->fileno(), F_GETFL) & O_NONBLOCK, 0);
    EXPECT_GT(end->fileno(), 2);
  }
}

TEST(Pipe, ClosingEndsTheWaitOfAnotherThread) {
  auto [parent, child] = Pipe();
  std::thread receiver(
      [&child = child] { EXPECT_THROW(static_cast<void>(child.recv<int>()), std::logic_error); });
  std::thread second_receiver(
      [&child = child] { EXPECT_THROW(static_cast<void>(child.recv<int>()), std::logic_error); });
  std::thread sender([&child = child] { EXPECT_THROW(child.send(pattern(5'000'000)), std::logic_error); });
  static_cast<void>(parent.poll(60s));  // the sender is at work
  const int number = child.fileno();
  child.close();
  receiver.join();
  second_receiver.join();
  sender.join();
  EXPECT_EQ(::fcntl(number, F_GETFD), -1);
}

TEST(Pipe, ThreadsTakeTurns) {
  auto [parent, child] = Pipe();
  constexpr int rounds = 20;
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&parent = parent] {
      for (int round = 0; round < rounds; ++round) parent.send(std::vector<int>(100'000, round));
    });
    threads.emplace_back([&child = child] {
      for (int round = 0; round < rounds; ++round) {
        const auto numbers = child.recv<std::vector<int>>();
        ASSERT_EQ(numbers.size(), 100'000u);
        EXPECT_EQ(std::count(numbers.begin(), numbers.end(), numbers.front()), 100'000);
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

void ignore_signal(int) {}

TEST(Pipe, SignalsDoNotDisturb) {
  struct sigaction action {};
  action.sa_handler = &ignore_signal;  // without SA_RESTART
  struct sigaction before {};
  ::sigaction(SIGUSR1, &action, &before);
  auto [parent, child] = Pipe();
  const auto message = pattern(20'000'000);
  std::atomic<bool> done = false;
  std::thread sender([&message, &parent = parent] { parent.send_bytes(message); });
  std::thread receiver([&message, &done, &child = child] {
    EXPECT_EQ(child.recv_bytes(), message);
    done = true;
  });
  while (!done) {
    ::pthread_kill(sender.native_handle(), SIGUSR1);
    ::pthread_kill(receiver.native_handle(), SIGUSR1);
    std::this_thread::yield();
  }
  sender.join();
  receiver.join();
  ::sigaction(SIGUSR1, &before, nullptr);
}

TEST(Pipe, AKilledSenderIsTold) {
  auto [parent, child] = Pipe();
  TestProcess sender([&parent = parent, &child = child] {
    parent.close();
    child.send(1);
    static_cast<void>(child.recv_bytes());
    return 0;
  });
  child.close();
  EXPECT_EQ(parent.recv<int>(), 1);
  EXPECT_FALSE(parent.poll());
  sender.kill();
  EXPECT_THROW(static_cast<void>(parent.recv<int>(60s)), EndOfFile);
  EXPECT_EQ(error_code([&parent = parent] { parent.send(1); }), EPIPE);
}

TEST(Pipe, ASenderKilledInTheMiddleOfAMessageIsTold) {
  auto [parent, child] = Pipe();
  TestProcess sender([&parent = parent, &child = child] {
    parent.close();
    child.send_bytes(pattern(50'000'000));
    return 0;
  });
  child.close();
  ASSERT_TRUE(parent.poll(60s));
  EXPECT_THROW(static_cast<void>(parent.recv_bytes(0s)), TimeoutError);
  sender.kill();
  const auto error =
      sentence<std::runtime_error>([&parent = parent] { static_cast<void>(parent.recv_bytes(60s)); });
  EXPECT_TRUE(contains(error, "in the middle of a message")) << error;
}

TEST(Pipe, AReceiverKilledInTheMiddleOfAMessageIsTold) {
  auto [parent, child] = Pipe();
  TestProcess receiver([&parent = parent, &child = child] {
    parent.close();
    child.send("ready");
    for (;;) ::pause();
    return 0;
  });
  child.close();
  EXPECT_EQ(parent.recv<std::string>(60s), "ready");
  std::thread killer([&receiver, &parent = parent] {
    pollfd room{parent.fileno(), POLLOUT, 0};
    while (::poll(&room, 1, 0) == 1 && (room.revents & POLLOUT) != 0) std::this_thread::yield();
    receiver.kill();
  });
  EXPECT_EQ(error_code([&parent = parent] { parent.send_bytes(pattern(50'000'000)); }), EPIPE);
  killer.join();
}

TEST(Pipe, NoDescriptorsLeftIsAnError) {
  std::vector<std::pair<Connection, Connection>> pipes;
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit low = before;
  low.rlim_cur = 64;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  const int code = error_code([&pipes] {
    for (;;) pipes.push_back(Pipe());
  });
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(code, EMFILE);
}

}  // namespace
}  // namespace procyon
