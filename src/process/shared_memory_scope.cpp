#include "procyon/shared_memory_scope.hpp"

#include <unistd.h>

#include <exception>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include "process/log.hpp"

namespace procyon {

SharedMemoryScope::SharedMemoryScope() : owner_(::getpid()) {}

SharedMemoryScope::SharedMemoryScope(SharedMemoryScope&& other) noexcept
    : made_(std::exchange(other.made_, {})),
      owner_(other.owner_),
      is_over_(std::exchange(other.is_over_, true)) {}

SharedMemoryScope& SharedMemoryScope::operator=(SharedMemoryScope&& other) noexcept {
  SharedMemoryScope ended(std::move(*this));
  made_ = std::exchange(other.made_, {});
  owner_ = other.owner_;
  is_over_ = std::exchange(other.is_over_, true);
  return *this;
}

SharedMemoryScope::~SharedMemoryScope() {
  try {
    shutdown();
  } catch (const std::exception& error) {
    process::warn(std::string("at the end of a SharedMemoryScope: ") + error.what());
  }
}

void SharedMemoryScope::require_open() const {
  if (is_over_)
    throw std::logic_error("procyon: this SharedMemoryScope has been shut down; make another one");
}

procyon::SharedMemory SharedMemoryScope::SharedMemory(std::size_t size) {
  require_open();
  procyon::SharedMemory made({.create = true, .size = size});
  made_.push_back(made);
  made_.back().close();
  return made;
}

procyon::ShareableList SharedMemoryScope::ShareableList(std::span<const ShareableValue> values) {
  require_open();
  procyon::ShareableList made(values);
  made_.push_back(made.shm());
  made_.back().close();
  return made;
}

procyon::ShareableList SharedMemoryScope::ShareableList(std::initializer_list<ShareableValue> values) {
  return ShareableList(std::span(values.begin(), values.size()));
}

void SharedMemoryScope::shutdown() {
  is_over_ = true;
  auto made = std::exchange(made_, {});
  if (::getpid() != owner_) return;
  std::exception_ptr first_error;
  for (procyon::SharedMemory& memory : made) {
    try {
      memory.unlink();
    } catch (const std::system_error& error) {
      const bool is_gone = error.code() == std::errc::no_such_file_or_directory;
      if (!is_gone && !first_error) first_error = std::current_exception();
    }
  }
  if (first_error) std::rethrow_exception(first_error);
}

}  // namespace procyon
