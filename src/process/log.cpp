#include "process/log.hpp"

#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

#include <initializer_list>

namespace procyon::process {

namespace {

// All parts by one system call, so that lines of different processes do not mix.
void write_line(std::initializer_list<std::string_view> parts) noexcept {
  iovec pieces[4];
  int count = 0;
  for (const std::string_view part : parts) pieces[count++] = {const_cast<char*>(part.data()), part.size()};
  const int saved = errno;
  while (::writev(STDERR_FILENO, pieces, count) < 0 && errno == EINTR) {
  }
  errno = saved;
}

}  // namespace

void warn(std::string_view sentence) noexcept { write_line({"procyon: warning: ", sentence, "\n"}); }

void report(std::string_view line) noexcept { write_line({line, "\n"}); }

}  // namespace procyon::process
