// The limit of a fork server: one process, one socket, eight bytes each way, nothing else.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "harness.hpp"

namespace bench {

class RawForkServer {
 public:
  explicit RawForkServer(int (*function)(int)) {
    std::array<int, 2> sockets{};
    require(::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets.data()) == 0, "socketpair failed");
    server_ = in_child([&] {
      ::close(sockets[0]);
      serve(sockets[1], function);
    });
    ::close(sockets[1]);
    socket_ = sockets[0];
  }
  ~RawForkServer() {
    ::close(socket_);
    join_child(server_);
  }
  RawForkServer(const RawForkServer&) = delete;
  RawForkServer& operator=(const RawForkServer&) = delete;

  // Starts a child that calls the function, and waits for its status.
  int start_and_join(int argument) const {
    int status = -1;
    require(::write(socket_, &argument, sizeof argument) == sizeof argument, "request failed");
    require(::read(socket_, &status, sizeof status) == sizeof status, "reply failed");
    return WEXITSTATUS(status);
  }

 private:
  static void serve(int socket, int (*function)(int)) {
    int argument = 0;
    while (::read(socket, &argument, sizeof argument) == sizeof argument) {
      const pid_t child = fork_child();
      if (child == 0) ::_exit(function(argument));
      int status = 0;
      ::waitpid(child, &status, 0);
      require(::write(socket, &status, sizeof status) == sizeof status, "reply failed");
    }
  }

  pid_t server_ = -1;
  int socket_ = -1;
};

}  // namespace bench
