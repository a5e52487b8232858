#include "count_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <stdexcept>
#include <system_error>

namespace {

constexpr std::size_t looked_at_for_zero_bytes = 4096;

[[noreturn]] void fail(const std::string& path) {
  throw std::system_error(errno, std::generic_category(), "cannot read " + path);
}

// FNV-1a, 64 bits: the same files are poison in every run.
std::uint64_t hash_of(std::string_view path) {
  std::uint64_t hash = 14695981039346656037U;
  for (const char c : path) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  return hash;
}

void crash() { *reinterpret_cast<volatile int*>(0x1000) = 0; }  // no program has memory there
void leave() { std::_Exit(3); }
void hang() {
  for (;;) ::pause();
}
void raise_error() { throw std::runtime_error("poison"); }

}  // namespace

std::string read_file(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) fail(path);
  struct stat status {};
  ::fstat(file, &status);
  std::string content(static_cast<std::size_t>(status.st_size) + 1, '\0');  // one more, to see the end
  std::size_t size = 0;
  ssize_t got = 0;
  while ((got = ::read(file, content.data() + size, content.size() - size)) > 0) {
    size += static_cast<std::size_t>(got);
    if (size == content.size()) content.resize(2 * size + 4096);
  }
  const int error = errno;
  ::close(file);
  errno = error;
  if (got < 0) fail(path);
  content.resize(size);
  return content;
}

FileCounts count_file(const std::string& path) {
  FileCounts counts;
  const std::string content = read_file(path);
  counts.bytes = content.size();
  counts.binary =
      std::string_view(content).substr(0, looked_at_for_zero_bytes).find('\0') != std::string_view::npos;
  if (!counts.binary) counts.words.add_text(content);
  return counts;
}

FileCounts count_file_or_poison(const std::string& path) {
  constexpr void (*poisons[])() = {crash, leave, hang, raise_error};
  const std::uint64_t hash = hash_of(path);
  if (hash % 100 == 0) poisons[hash / 100 % 4]();
  return count_file(path);
}
