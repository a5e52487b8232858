#include "wire/throw_site.hpp"

#include <array>
#include <cstddef>
#include <cstring>

#include "wire/symbol.hpp"

namespace procyon::wire {

namespace {

struct Throw {
  const void* object;
  const void* address;
};

// The last throws of a thread. A few, because between a throw and its report destructors and handlers may throw and
// catch others.
struct RecentThrows {
  std::array<Throw, 8> throws;
  std::size_t next;
};

// initial-exec: no call to find the variable, and none that could allocate, in the middle of a throw.
[[gnu::tls_model("initial-exec")]] thread_local constinit RecentThrows recent_throws{};

}  // namespace

void note_throw(const void* object, const void* address) noexcept {
  recent_throws.throws[recent_throws.next % recent_throws.throws.size()] = {object, address};
  ++recent_throws.next;
}

namespace {

std::string describe_throw(const Throw& site) {
  if (site.address == nullptr) return {};
  // Items of one batch often fail at one place; reading the symbols of a large program takes a while.
  thread_local const void* known_address = nullptr;
  thread_local std::string known_text;
  if (site.address != known_address) {
    // The call is the last instruction of some functions: the address after it would belong to the next one.
    known_text = describe_address(static_cast<const char*>(site.address) - 1);
    known_address = site.address;
  }
  return known_text;
}

}  // namespace

std::string last_throw_site() {
  if (recent_throws.next == 0) return {};
  return describe_throw(recent_throws.throws[(recent_throws.next - 1) % recent_throws.throws.size()]);
}

std::string throw_site_of(const std::exception_ptr& exception) {
  // libstdc++'s exception_ptr is a pointer to the object that was thrown.
  static_assert(sizeof(exception) == sizeof(void*));
  const void* object = nullptr;
  std::memcpy(&object, static_cast<const void*>(&exception), sizeof(object));
  if (object == nullptr) return {};
  for (std::size_t age = 1; age <= recent_throws.throws.size() && age <= recent_throws.next; ++age) {
    const Throw& site = recent_throws.throws[(recent_throws.next - age) % recent_throws.throws.size()];
    if (site.object == object) return describe_throw(site);
  }
  return {};
}

}  // namespace procyon::wire
