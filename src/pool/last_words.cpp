#include "pool/last_words.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "os/error.hpp"
#include "os/memfd.hpp"

namespace procyon::pool {

namespace {

constexpr std::size_t kept_bytes = 64 * 1024;
constexpr std::size_t told_bytes = 4 * 1024;
constexpr std::size_t told_lines = 20;
constexpr std::size_t page = 4096;

std::size_t size_of(const os::Descriptor& file) {
  struct stat status {};
  return ::fstat(file.get(), &status) == 0 ? static_cast<std::size_t>(status.st_size) : 0;
}

}  // namespace

LastWords::LastWords() : file_(os::create_memfd("procyon-stderr")) {
  // Of the open file, which the worker gets: whoever of it writes, writes at the end.
  os::check(::fcntl(file_.get(), F_SETFL, O_APPEND), "preparing the stderr of a worker (fcntl)");
}

void LastWords::trim() {
  const std::size_t size = size_of(file_);
  if (size < trimmed_ + 2 * kept_bytes) return;
  const std::size_t end = (size - kept_bytes) / page * page;
  if (os::decommit(file_, trimmed_, end - trimmed_)) trimmed_ = end;
}

std::string LastWords::lines() const {
  const std::size_t size = size_of(file_);
  const std::size_t wanted = std::min(size, told_bytes);
  std::string text(wanted, '\0');
  const ssize_t got = ::pread(file_.get(), text.data(), wanted, static_cast<off_t>(size - wanted));
  text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  while (!text.empty() && text.back() == '\n') text.pop_back();
  std::size_t start = text.size();
  for (std::size_t lines = 0; lines < told_lines && start != std::string::npos && start != 0; ++lines)
    start = text.rfind('\n', start - 1);
  if (start != std::string::npos && start != 0)
    text.erase(0, start + 1);
  else if (size > wanted && text.find('\n') != std::string::npos)
    text.erase(0, text.find('\n') + 1);  // half a line
  for (char& letter : text)
    if (static_cast<unsigned char>(letter) < ' ' && letter != '\n' && letter != '\t') letter = '?';
  return text;
}

void become_stderr(int file) { os::check(::dup2(file, STDERR_FILENO), "giving a worker its stderr (dup2)"); }

}  // namespace procyon::pool
