// A queue's fileno() in Boost.Asio's loop. Not built where that is not installed.
#include <gtest/gtest.h>

#if __has_include(<boost/asio/io_context.hpp>)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wold-style-cast"
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#pragma GCC diagnostic pop

#include <unistd.h>

#include <functional>
#include <thread>

#include "procyon/process.hpp"
#include "procyon/queue.hpp"

namespace procyon {
namespace {

constexpr int message_count = 2'000;

TEST(WaitAsio, AQueueInItsLoop) {
  Queue<int> queue;
  boost::asio::io_context loop;
  // It closes what it is given, so it is given a duplicate.
  boost::asio::posix::stream_descriptor descriptor(loop, ::dup(queue.fileno()));
  int taken = 0;
  std::function<void()> wait_for_messages = [&] {
    descriptor.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                          [&](const boost::system::error_code& error) {
                            ASSERT_FALSE(error) << error.message();
                            while (queue.try_get()) ++taken;
                            if (taken < message_count) wait_for_messages();
                          });
  };
  wait_for_messages();
  Process producer(
      [](Queue<int> to) {
        for (int i = 0; i < message_count; ++i) {
          to.put(i);
          if (i % 100 == 0) std::this_thread::yield();
        }
      },
      queue);
  producer.start();
  loop.run();
  EXPECT_EQ(taken, message_count);
  producer.join();
}

}  // namespace
}  // namespace procyon
#endif
