// Shared objects, Connections and descriptors that travel through a Connection.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "arena/test_process.hpp"
#include "procyon/descriptor.hpp"
#include "procyon/detail/arena/session.hpp"
#include "procyon/event.hpp"
#include "procyon/lock.hpp"
#include "procyon/pipe.hpp"
#include "procyon/queue.hpp"
#include "procyon/value.hpp"

namespace procyon {
namespace {

using namespace std::chrono_literals;
using arena::testing::TestProcess;

struct Job {
  std::string name;
  Queue<int> answers;
  std::vector<Lock> locks;
  std::optional<Connection> more;
};

std::size_t used() {
  arena::Session::current().recover_everybody();
  return arena::Session::current().used_bytes();
}

int lowest_free_descriptor() {
  arena::Session::current();  // which has two of its own, and stays
  const os::Descriptor probe(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  return probe.get();
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

TEST(ConnectionObjects, ArriveAsTheSameObjects) {
  auto [parent, child] = Pipe();
  Queue<int> answers;
  Lock lock;
  parent.send(Job{"calc", answers, {lock, lock}, std::nullopt});
  auto job = child.recv<Job>();
  EXPECT_EQ(job.name, "calc");
  job.answers.put(7);
  EXPECT_EQ(answers.get(0s), 7);
  job.locks[0].acquire();
  EXPECT_FALSE(lock.acquire(0s));
  job.locks[1].release();
}

TEST(ConnectionObjects, OutliveTheirSender) {
  auto [parent, child] = Pipe();
  TestProcess sender([&child = child] {
    Queue<int> queue;
    queue.put(1);
    child.send(queue);
    return 0;
  });
  EXPECT_EQ(sender.wait(), 0);
  EXPECT_EQ(parent.recv<Queue<int>>(60s).get(0s), 1);
}

TEST(ConnectionObjects, OutliveAKilledSender) {
  auto [parent, child] = Pipe();
  TestProcess sender([&child = child] {
    Queue<int> queue;
    queue.put(1);
    child.send(queue);
    child.send("sent");
    for (;;) ::pause();
    return 0;
  });
  EXPECT_TRUE(parent.poll(60s));
  auto queue = parent.recv<Queue<int>>(60s);
  EXPECT_EQ(parent.recv<std::string>(60s), "sent");
  sender.kill();
  arena::Session::current().recover_everybody();
  EXPECT_EQ(queue.get(0s), 1);
}

TEST(ConnectionObjects, ThatNobodyReceivesGoWithThePipe) {
  { const auto first = Pipe(); }
  const std::size_t before = used();
  {
    auto [parent, child] = Pipe();
    for (int i = 0; i < 100; ++i) parent.send(Queue<int>());
    child.close();
    EXPECT_GT(used(), before);
  }
  EXPECT_EQ(used(), before);
}

TEST(ConnectionObjects, ThatNobodyReceivesGoWithTheLastProcessOfThePipe) {
  const std::size_t before = used();
  {
    TestProcess both([] {
      auto [parent, child] = Pipe();
      for (int i = 0; i < 100; ++i) parent.send(Queue<int>());
      ::_exit(0);
      return 0;
    });
    EXPECT_EQ(both.wait(), 0);
  }
  EXPECT_EQ(used(), before);
}

TEST(ConnectionObjects, ThatArriveAreGivenBack) {
  auto [parent, child] = Pipe();
  const std::size_t before = used();
  for (int i = 0; i < 100; ++i) {
    parent.send(Queue<int>());
    static_cast<void>(child.recv<Queue<int>>());
  }
  EXPECT_EQ(used(), before);
}

TEST(ConnectionObjects, OfAMessageThatIsNotUnderstoodAreGivenBack) {
  auto [parent, child] = Pipe();
  const std::size_t before = used();
  for (int i = 0; i < 10; ++i) {
    parent.send(Queue<int>());
    EXPECT_THROW(static_cast<void>(child.recv<Lock>()), wire::DecodeError);
  }
  EXPECT_EQ(used(), before);
}

TEST(ConnectionObjects, OfAMessageThatIsNotSentAreGivenBack) {
  auto [parent, child] = Pipe();
  const std::size_t before = used();
  child.close();
  EXPECT_THROW(parent.send(Queue<int>()), std::system_error);
  EXPECT_EQ(used(), before);
  struct Large {
    std::vector<std::byte> bytes;
    Lock lock;
  };
  auto [other, unread] = Pipe();
  const std::size_t with_other = used();
  EXPECT_THROW(other.send(Large{std::vector<std::byte>(5'000'000), {}}, 1ms), TimeoutError);
  EXPECT_EQ(used(), with_other);
}

TEST(ConnectionObjects, AMessageThatIsRepeatedIsAnError) {
  auto [parent, child] = Pipe();
  parent.send(Event());
  const auto message = child.recv_bytes();
  parent.send_bytes(message);
  static_cast<void>(child.recv<Event>());
  parent.send_bytes(message);
  EXPECT_NE(sentence<ObjectGone>([&child = child] {
              static_cast<void>(child.recv<Event>());
            }).find("received before"),
            std::string::npos);
}

TEST(ConnectionObjects, AMessageOfAnotherPipeIsAnError) {
  auto [parent, child] = Pipe();
  auto [other_parent, other_child] = Pipe();
  parent.send(Event());
  other_parent.send_bytes(child.recv_bytes());
  EXPECT_NE(sentence<wire::DecodeError>([&other_child = other_child] {
              static_cast<void>(other_child.recv<Event>());
            }).find("another session"),
            std::string::npos);
}

TEST(ConnectionObjects, DoNotTravelThroughAStreamThatIsNoPipe) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  Connection one(os::Descriptor{ends[0]}, true, true);
  Connection other(os::Descriptor{ends[1]}, true, true);
  EXPECT_NE(sentence<wire::EncodeError>([&] { one.send(Lock()); }).find("Pipe()"), std::string::npos);
  EXPECT_FALSE(other.poll());
  one.send(1);
  EXPECT_EQ(other.recv<int>(), 1);
}

TEST(ConnectionObjects, AreRefusedByAReceiverOfAnotherSession) {
  auto [parent, child] = Pipe();
  parent.send(Lock());
  // What another program would make of the descriptor.
  Connection foreign(os::Descriptor(Descriptor::duplicate_of(child.fileno()).release()), true, true);
  EXPECT_NE(
      sentence<wire::DecodeError>([&] { static_cast<void>(foreign.recv<Lock>()); }).find("another session"),
      std::string::npos);
}

TEST(ConnectionObjects, AConnectionTravelsThroughAnother) {
  auto [parent, child] = Pipe();
  const int before = lowest_free_descriptor();
  {
    auto [in, out] = Pipe(one_way);
    parent.send(out);
    out.close();
    auto arrived = child.recv<Connection>();
    EXPECT_TRUE(arrived.writable());
    EXPECT_FALSE(arrived.readable());
    EXPECT_EQ(::fcntl(arrived.fileno(), F_GETFD), FD_CLOEXEC);
    arrived.send(Event());  // its pipe's carrier came along
    static_cast<void>(in.recv<Event>());
    arrived.close();
    EXPECT_THROW(static_cast<void>(in.recv<int>()), EndOfFile);
  }
  EXPECT_EQ(lowest_free_descriptor(), before);
}

TEST(ConnectionObjects, AConnectionOnItsWayKeepsItsPipeOpen) {
  auto [parent, child] = Pipe();
  auto [in, out] = Pipe(one_way);
  parent.send(std::vector<Connection>{out, out});
  out.close();
  EXPECT_FALSE(in.poll());
  {
    auto arrived = child.recv<std::vector<Connection>>();
    arrived[1].send(1);
    EXPECT_EQ(in.recv<int>(), 1);
  }
  EXPECT_THROW(static_cast<void>(in.recv<int>()), EndOfFile);
}

TEST(ConnectionObjects, AnEndMayTravelThroughItsOwnPipe) {
  const std::size_t before = used();
  {
    auto [parent, child] = Pipe();
    parent.send(child);
    parent.send(parent);
    auto copy = child.recv<Connection>();
    copy.send(Event());
    static_cast<void>(parent.recv<Event>());
  }  // with one of its own ends still in it
  EXPECT_EQ(used(), before);
}

TEST(ConnectionObjects, ManyConnectionsOfWhichNoneIsReceivedAreClosed) {
  const int before = lowest_free_descriptor();
  const std::size_t used_before = used();
  {
    auto [parent, child] = Pipe();
    auto [in, out] = Pipe(one_way);
    for (int i = 0; i < 50; ++i) parent.send(out);
    out.close();
    EXPECT_FALSE(in.poll());
    parent.close();
    child.close();
    EXPECT_TRUE(in.poll(60s));
  }
  EXPECT_EQ(lowest_free_descriptor(), before);
  EXPECT_EQ(used(), used_before);
}

TEST(ConnectionObjects, AnOpenFileArrives) {
  auto [parent, child] = Pipe();
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  Descriptor in(ends[0]);
  Descriptor out(ends[1]);
  parent.send(out);
  parent.send("behind it");
  out.close();
  auto arrived = child.recv<Descriptor>();
  EXPECT_EQ(child.recv<std::string>(), "behind it");
  EXPECT_EQ(::write(arrived.fileno(), "x", 1), 1);
  arrived.close();
  char buffer[2];
  EXPECT_EQ(::read(in.fileno(), buffer, 2), 1);
  EXPECT_EQ(::read(in.fileno(), buffer, 2), 0);
  EXPECT_THROW(parent.send(Descriptor()), std::logic_error);
  EXPECT_FALSE(child.poll());
}

TEST(ConnectionObjects, DescriptorsStayInStepWithTheirMessages) {
  auto [parent, child] = Pipe();
  struct Numbered {
    int number;
    Descriptor descriptor;
    std::vector<std::byte> bytes;
  };
  TestProcess sender([&parent = parent] {
    for (int i = 0; i < 200; ++i) {
      char text[8];
      const Descriptor file(::memfd_create("numbered", MFD_CLOEXEC));
      const int length = std::snprintf(text, sizeof text, "%d", i);
      if (::write(file.fileno(), text, static_cast<std::size_t>(length)) != length) return 1;
      parent.send(Numbered{i, Descriptor::duplicate_of(file.fileno()),
                           std::vector<std::byte>(static_cast<std::size_t>(i) * 5'000)});
      parent.send_bytes("between");
    }
    return 0;
  });
  for (int i = 0; i < 200; ++i) {
    auto numbered = child.recv<Numbered>(60s);
    EXPECT_EQ(numbered.number, i);
    EXPECT_EQ(numbered.bytes.size(), static_cast<std::size_t>(i) * 5'000);
    char text[8] = {};
    ASSERT_GT(::pread(numbered.descriptor.fileno(), text, sizeof text - 1, 0), 0);
    EXPECT_EQ(std::to_string(i), text);
    EXPECT_EQ(child.recv_bytes(60s).size(), 7u);
  }
  EXPECT_EQ(sender.wait(), 0);
}

TEST(ConnectionObjects, ATimedOutReceiverKeepsTheDescriptorsThatCame) {
  auto [parent, child] = Pipe();
  struct Large {
    Descriptor descriptor;
    std::vector<std::byte> bytes;
  };
  TestProcess sender([&parent = parent] {
    parent.send(
        Large{Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC)), std::vector<std::byte>(50'000'000)});
    return 0;
  });
  ASSERT_TRUE(child.poll(60s));
  EXPECT_THROW(static_cast<void>(child.recv<Large>(0s)), TimeoutError);
  auto large = child.recv<Large>(60s);
  EXPECT_EQ(large.bytes.size(), 50'000'000u);
  EXPECT_NE(::fcntl(large.descriptor.fileno(), F_GETFD), -1);
  EXPECT_EQ(sender.wait(), 0);
}

TEST(ConnectionObjects, StrippedDescriptorsAreTold) {
  auto [parent, child] = Pipe();
  std::vector<Descriptor> many;
  for (int i = 0; i < 20; ++i) many.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  parent.send(many);
  parent.send(1);
  many.clear();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit low = before;
  low.rlim_cur = static_cast<rlim_t>(lowest_free_descriptor()) + 5;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  const int free_before = lowest_free_descriptor();
  std::optional<std::system_error> error;
  try {
    static_cast<void>(child.recv<std::vector<Descriptor>>());
  } catch (const std::system_error& thrown) {
    error = thrown;
  }
  EXPECT_EQ(lowest_free_descriptor(), free_before);
  ::setrlimit(RLIMIT_NOFILE, &before);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code().value(), EMFILE);
  EXPECT_NE(std::string(error->what()).find("20 descriptors"), std::string::npos) << error->what();
  EXPECT_EQ(child.recv<int>(), 1);  // the pipe goes on
}

TEST(ConnectionObjects, MoreDescriptorsThanAMessageCarriesAreRefused) {
  auto [parent, child] = Pipe();
  const int before = lowest_free_descriptor();
  EXPECT_THROW(parent.send(std::vector<Connection>(254, child)), wire::EncodeError);
  EXPECT_EQ(lowest_free_descriptor(), before);
  EXPECT_FALSE(child.poll());
  parent.send(std::vector<Connection>(253, child));
  EXPECT_EQ(child.recv<std::vector<Connection>>().size(), 253u);
  EXPECT_EQ(lowest_free_descriptor(), before);
}

TEST(ConnectionObjects, DescriptorsThatNobodyAskedForAreClosed) {
  auto [parent, child] = Pipe();
  const int before = lowest_free_descriptor();
  parent.send(Descriptor::duplicate_of(0));
  static_cast<void>(child.recv_bytes());
  EXPECT_EQ(lowest_free_descriptor(), before);
  parent.send(Descriptor::duplicate_of(0));
  std::vector<std::byte> buffer(200);
  child.recv_bytes_into(buffer);
  EXPECT_EQ(lowest_free_descriptor(), before);
}

}  // namespace
}  // namespace procyon
