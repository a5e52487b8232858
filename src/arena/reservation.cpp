#include "arena/reservation.hpp"

#include <sys/mman.h>
#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>

#include "arena/format.hpp"
#include "procyon/errors.hpp"

namespace procyon::arena {

namespace {

constexpr std::uint64_t default_reservation = std::uint64_t{64} << 30;
constexpr std::uint64_t valgrind_reservation = std::uint64_t{4} << 30;
constexpr std::uint64_t smallest_reservation = std::uint64_t{1} << 20;

bool under_valgrind() {
  const char* preload = std::getenv("LD_PRELOAD");
  return preload != nullptr && std::strstr(preload, "vgpreload") != nullptr;
}

std::uint64_t soft_limit(int resource) {
  rlimit limit{};
  if (::getrlimit(static_cast<__rlimit_resource_t>(resource), &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
    return UINT64_MAX;
  return limit.rlim_cur;
}

}  // namespace

std::uint64_t parse_size(const char* text, const char* what) {
  std::uint64_t number = 0;
  const char* const end = text + std::strlen(text);
  const auto [rest, error] = std::from_chars(text, end, number);
  const std::string suffix(rest, end);
  const int shift = suffix.empty() ? 0 : suffix == "K" ? 10 : suffix == "M" ? 20 : suffix == "G" ? 30 : -1;
  if (error != std::errc() || shift < 0 || number > UINT64_MAX >> shift)
    throw std::invalid_argument(std::string("procyon: ") + what + " is \"" + text +
                                "\"; it wants a number of bytes such as 64M or 2G");
  return number << shift;
}

std::uint64_t reservation_size() {
  std::uint64_t bytes = under_valgrind() ? valgrind_reservation : default_reservation;
  if (const char* wanted = std::getenv("PROCYON_ARENA_SIZE"); wanted != nullptr && *wanted != '\0')
    bytes = parse_size(wanted, "PROCYON_ARENA_SIZE");
  if (const std::uint64_t limit = soft_limit(RLIMIT_AS); limit != UINT64_MAX)
    bytes = std::min(bytes, limit / 4);
  bytes = std::min({bytes, soft_limit(RLIMIT_FSIZE), std::uint64_t{1} << 37});
  if (bytes < smallest_reservation)
    throw SessionError(
        "procyon: the session's shared memory would be only " + std::to_string(bytes) +
        " bytes; it needs 1 MiB at least (see PROCYON_ARENA_SIZE, `ulimit -v` and `ulimit -f`)");
  return bytes / unit_size * unit_size;
}

void* map_reservation(const os::Descriptor& memory, std::uint64_t bytes) {
  void* mapping = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, memory.get(), 0);
  if (mapping == MAP_FAILED) return nullptr;
  ::madvise(mapping, bytes, MADV_DONTDUMP);
  return mapping;
}

}  // namespace procyon::arena
