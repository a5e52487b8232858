// Queues that the kernel or Boost.Interprocess keeps, made so that children inherit them: for messages of one size.
#pragma once

#include <mqueue.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fcntl.h>
#include <boost/interprocess/ipc/message_queue.hpp>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>

#include "harness.hpp"

namespace bench {

inline void write_all(int descriptor, const void* bytes, std::size_t size) {
  const auto* next = static_cast<const std::byte*>(bytes);
  while (size != 0) {
    const ssize_t done = ::write(descriptor, next, size);
    require(done > 0, "write failed");
    next += done;
    size -= static_cast<std::size_t>(done);
  }
}

inline void read_all(int descriptor, void* bytes, std::size_t size) {
  auto* next = static_cast<std::byte*>(bytes);
  while (size != 0) {
    const ssize_t done = ::read(descriptor, next, size);
    require(done > 0, "read failed");
    next += done;
    size -= static_cast<std::size_t>(done);
  }
}

// Messages of at most PIPE_BUF bytes arrive whole, whoever else writes and reads; larger ones between two processes only.
template <std::size_t Size>
class PipeChannel {
 public:
  PipeChannel() {
    require(::pipe(ends_) == 0, "pipe failed");
    if (Size > 4096) ::fcntl(ends_[1], F_SETPIPE_SZ, 1 << 20);
  }
  void put(const void* message) { write_all(ends_[1], message, Size); }
  void get(void* message) { read_all(ends_[0], message, Size); }

 private:
  int ends_[2] = {-1, -1};
};

template <std::size_t Size>
class SocketChannel {
 public:
  SocketChannel() {
    require(::socketpair(AF_UNIX, Size <= 4096 ? SOCK_SEQPACKET : SOCK_STREAM, 0, ends_) == 0,
            "socketpair failed");
  }
  void put(const void* message) { write_all(ends_[1], message, Size); }
  void get(void* message) { read_all(ends_[0], message, Size); }

 private:
  int ends_[2] = {-1, -1};
};

// Ten messages, which is what everybody may have.
template <std::size_t Size>
class PosixChannel {
 public:
  PosixChannel() {
    const std::string name =
        "/procyon-benchmark-" + std::to_string(::getpid()) + "-" + std::to_string(made++);
    mq_attr attributes{};
    attributes.mq_maxmsg = 10;
    attributes.mq_msgsize = Size;
    queue_ = ::mq_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600, &attributes);
    require(queue_ >= 0, "mq_open failed");
    ::mq_unlink(name.c_str());
  }
  void put(const void* message) {
    require(::mq_send(queue_, static_cast<const char*>(message), Size, 0) == 0, "mq_send failed");
  }
  void get(void* message) {
    require(::mq_receive(queue_, static_cast<char*>(message), Size, nullptr) == Size, "mq_receive failed");
  }

 private:
  inline static int made = 0;
  mqd_t queue_;
};

template <std::size_t Size>
class BoostChannel {
 public:
  BoostChannel()
      : name_("procyon-benchmark-" + std::to_string(::getpid()) + "-" + std::to_string(made++)),
        queue_(boost::interprocess::create_only, name_.c_str(), Size <= 4096 ? 1024 : 8, Size) {
    boost::interprocess::message_queue::remove(name_.c_str());  // children inherit the mapping
  }
  void put(const void* message) { queue_.send(message, Size, 0); }
  void get(void* message) {
    std::size_t size = 0;
    unsigned priority = 0;
    queue_.receive(message, Size, size, priority);
  }

 private:
  inline static int made = 0;
  std::string name_;
  boost::interprocess::message_queue queue_;
};

}  // namespace bench
