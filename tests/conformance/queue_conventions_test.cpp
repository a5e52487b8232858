// What a queue must not do that CPython's does: hold up a process that has put much, or hide what was just put.
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "procyon/process.hpp"
#include "procyon/queue.hpp"

namespace procyon {
namespace {

using namespace std::chrono_literals;

TEST(QueueConventions, AProcessEndsThoughNobodyHasReadWhatItPut) {
  constexpr int messages = 200;
  const std::string message(100'000, 'x');  // far more than a pipe holds
  Queue<std::string> queue;
  Process producer(
      [](Queue<std::string> results, const std::string& text) {
        for (int i = 0; i < messages; ++i) results.put(text);
      },
      queue, message);
  producer.start();
  ASSERT_TRUE(producer.join(60s));
  EXPECT_EQ(producer.exitcode(), 0);
  for (int i = 0; i < messages; ++i) ASSERT_EQ(queue.get(0s), message);
  EXPECT_TRUE(queue.empty());
}

TEST(QueueConventions, WhatWasPutIsThereAtOnce) {
  Queue<int> queue;
  for (int i = 0; i < 10'000; ++i) {
    queue.put(i);
    ASSERT_FALSE(queue.empty());
    ASSERT_EQ(queue.qsize(), 1U);
    ASSERT_EQ(queue.get_nowait(), i);
    ASSERT_TRUE(queue.empty());
  }
}

}  // namespace
}  // namespace procyon
