// QueueOptions: how a queue is made.
//
//   mp::Queue<Job> jobs({.maxsize = 100});
//   mp::Queue<Image> images({.max_bytes = 64 << 20});          // at most 64 MiB of messages wait in it
//   mp::Queue<Event> events({.end_with_producers = true});     // get() throws PeerGone when no producer lives any more
//
// Options stand in their declared order (C++ wants that).
#pragma once

#include <cstddef>
#include <cstdint>

namespace procyon {

struct QueueOptions {
  /// At most so many messages wait in it; 0: as many as memory holds.
  std::size_t maxsize = 0;
  /// At most so many bytes of messages, as they are serialised; 0: no bound. A message that is larger than this alone is
  /// refused by put() with std::length_error.
  std::uint64_t max_bytes = 0;
  /// The queue names its producers: a process is one from its first put() until it ends, however, or calls close(). When
  /// there has been one, none is left and the queue is empty, get() throws PeerGone instead of waiting.
  bool end_with_producers = false;
};

}  // namespace procyon
