// Named memory is a file of /dev/shm, as shm_open(3) has it.
//
// HOW IT IS CREATED. An unnamed file (O_TMPFILE) gets its size, all of its memory and a mapping; the guardian is told of the
// name and the file; then linkat() gives the file its name, which fails if there is one. So there is no moment at which a
// name leads to something unfinished, or at which a death leaves it: before linkat() there is no name, after it the
// guardian knows. It removes a name only if that leads to the very file, so it may know of one that turns out to be
// somebody else's.
//
// HOW IT IS UNLINKED. The name goes first, then the guardian forgets it; a death in between leaves the guardian a name that
// is not there.
#include "procyon/shared_memory.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "os/error.hpp"
#include "os/memfd.hpp"
#include "process/guardian.hpp"
#include "process/state.hpp"
#include "procyon/detail/os/crash_point.hpp"
#include "procyon/detail/os/descriptor.hpp"

namespace procyon {

namespace {

using process::Leftover;

constexpr const char* directory = "/dev/shm";
constexpr std::size_t longest_name = 255;
constexpr mode_t mode_of_created = 0600;

std::string quoted(const std::string& name) { return "SharedMemory '" + name + "'"; }

[[noreturn]] void throw_error(const std::string& name, const std::string& sentence, int error) {
  os::throw_system_error("procyon: " + quoted(name) + ": " + sentence, error);
}

std::string path_of(const std::string& name) { return std::string(directory) + "/" + name; }

// As CPython names its own.
std::string generated_name() {
  std::uint32_t number = 0;
  if (::getrandom(&number, sizeof(number), 0) != static_cast<ssize_t>(sizeof(number)))
    os::throw_system_error("procyon: making up a name for a SharedMemory (getrandom)");
  constexpr char digits[] = "0123456789abcdef";
  std::string name = "psm_";
  for (int shift = 28; shift >= 0; shift -= 4) name += digits[number >> shift & 15];
  return name;
}

std::string checked_name(const std::string& given) {
  std::string name = given.substr(std::min(given.find_first_not_of('/'), given.size()));
  if (name.empty() || name == "." || name == ".." || name.size() > longest_name ||
      name.find_first_of(std::string_view("/\0", 2)) != std::string::npos)
    throw std::invalid_argument("procyon: " + quoted(given) +
                                ": that is no name for shared memory; it takes 1 to 255 characters without "
                                "slashes, such as \"samples\"");
  return name;
}

os::Descriptor make_unnamed_file(const std::string& name, std::size_t size) {
  const int number = ::open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, mode_of_created);
  if (number < 0)
    throw_error(name,
                std::string("the system makes no memory for it in ") + directory + " (open with O_TMPFILE)",
                errno);
  os::Descriptor file = os::Descriptor::adopt(number, "creating shared memory");
  // Before anybody writes to it: what the system does not have now is an error, later it would be SIGBUS.
  const bool possible = size <= static_cast<std::size_t>(std::numeric_limits<off_t>::max());
  if (!possible) errno = EFBIG;
  if (!possible || !os::commit(file, 0, size))
    throw_error(name,
                "the system does not have its " + std::to_string(size) + " bytes (fallocate in " + directory +
                    "); make it smaller, unlink what is not needed, or give " + directory + " more room",
                errno);
  return file;
}

struct stat status_of(const os::Descriptor& file, const std::string& name) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw_error(name, "asking for its size (fstat)", errno);
  return status;
}

void forget(const Leftover& leftover) {
  process::State* state = process::State::existing();
  process::Guardian* guardian = state == nullptr ? nullptr : state->existing_guardian();
  if (guardian != nullptr) guardian->forget(leftover);
}

// False if there is one of that name. Unless it has the name afterwards, the guardian forgets it.
bool give_name(const os::Descriptor& file, const std::string& name, const Leftover& leftover) {
  const std::string open_file = "/proc/self/fd/" + std::to_string(file.get());
  if (::linkat(AT_FDCWD, open_file.c_str(), AT_FDCWD, leftover.path.c_str(), AT_SYMLINK_FOLLOW) == 0)
    return true;
  const int error = errno;
  forget(leftover);
  if (error != EEXIST) throw_error(name, "giving it its name (linkat)", error);
  return false;
}

Leftover leftover_of(const std::string& name, std::uint64_t device, std::uint64_t inode) {
  return {path_of(name), Leftover::Kind::file, {.device = device, .inode = inode}};
}

}  // namespace

struct SharedMemory::Mapping {
  Mapping(const os::Descriptor& file, std::size_t bytes, const std::string& name) : size(bytes) {
    void* const memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
    if (memory == MAP_FAILED)
      throw_error(name, "mapping its " + std::to_string(size) + " bytes (mmap)", errno);
    start = static_cast<std::byte*>(memory);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() { ::munmap(start, size); }

  std::byte* start = nullptr;
  const std::size_t size;
};

SharedMemory::SharedMemory(const Options& options) {
  if (!options.create && options.name.empty())
    throw std::invalid_argument(
        "procyon: a SharedMemory is attached to by its name; say .name, or .create = true and .size");
  if (!options.name.empty()) name_ = checked_name(options.name);
  if (options.create)
    create(options.size, [](std::span<std::byte>) {});
  else
    attach(options.size);
}

SharedMemory::SharedMemory(const std::string& name, std::size_t size, const Fill& fill) {
  if (!name.empty()) name_ = checked_name(name);
  create(size, fill);
}

void SharedMemory::create(std::size_t size, const Fill& fill) {
  if (size == 0)
    throw std::invalid_argument("procyon: a SharedMemory that is created has at least one byte; say .size");
  if (name_.empty()) {
    while (!create_by_name(generated_name(), size, fill)) {
    }
  } else if (!create_by_name(name_, size, fill)) {
    throw_error(name_,
                "there is one of that name already; attach to it (.create = false), or take another name",
                EEXIST);
  }
}

bool SharedMemory::create_by_name(const std::string& name, std::size_t size, const Fill& fill) {
  // Most often known before anything is done. Whether there is one is decided by giving the name.
  if (::access(path_of(name).c_str(), F_OK) == 0) return false;
  const os::Descriptor file = make_unnamed_file(name, size);
  auto mapping = std::make_shared<Mapping>(file, size, name);
  fill({mapping->start, size});
  const struct stat status = status_of(file, name);
  const Leftover leftover = leftover_of(name, status.st_dev, status.st_ino);
  os::crash_point("shared_memory.create.made");
  process::State::current().guardian().watch(leftover);
  os::crash_point("shared_memory.create.watched");
  if (!give_name(file, name, leftover)) return false;
  os::crash_point("shared_memory.create.named");
  name_ = name;
  device_ = status.st_dev;
  inode_ = status.st_ino;
  size_ = size;
  mapping_ = std::move(mapping);
  return true;
}

void SharedMemory::attach(std::size_t least_size) {
  const int number = ::open(path_of(name_).c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (number < 0 && errno == ENOENT)
    throw_error(name_, "there is none; it has been unlinked, its creator has ended, or has not made it yet",
                ENOENT);
  if (number < 0) throw_error(name_, "attaching to it (open)", errno);
  const os::Descriptor file = os::Descriptor::adopt(number, "attaching to shared memory");
  const struct stat status = status_of(file, name_);
  if (!S_ISREG(status.st_mode)) throw_error(name_, "what has that name is no shared memory", EINVAL);
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0)
    throw_error(name_, "it has no bytes; its creator has not finished it, or somebody has truncated it",
                EINVAL);
  if (size < least_size)
    throw_error(name_,
                "it has " + std::to_string(size) + " bytes, and " + std::to_string(least_size) +
                    " were asked for; somebody has truncated it, or it is another object",
                EINVAL);
  mapping_ = std::make_shared<Mapping>(file, size, name_);
  device_ = status.st_dev;
  inode_ = status.st_ino;
  size_ = size;
}

void SharedMemory::attach_as_received() {
  if (name_.empty()) {
    *this = {};
    return;
  }
  const std::uint64_t device = device_;
  const std::uint64_t inode = inode_;
  name_ = checked_name(name_);
  attach(1);
  if (device == device_ && inode == inode_) return;
  close();
  throw_error(name_, "what was sent has been unlinked, and the name is another object's by now", ENOENT);
}

void SharedMemory::require_open() const {
  if (mapping_) return;
  throw std::logic_error(name_.empty()
                             ? "procyon: this SharedMemory refers to nothing"
                             : "procyon: " + quoted(name_) +
                                   ": it has been closed; take a view() before that, which keeps the memory");
}

std::span<std::byte> SharedMemory::buf() const {
  require_open();
  return {mapping_->start, size_};
}

std::byte* SharedMemory::part(std::size_t offset, std::size_t& count, std::size_t size,
                              std::size_t alignment) const {
  require_open();
  const std::size_t room = offset <= size_ ? (size_ - offset) / size : 0;
  if (offset > size_ || (count != all_that_fit && count > room))
    throw std::out_of_range("procyon: " + quoted(name_) + ": it has " + std::to_string(size_) +
                            " bytes; a view of " + (count == all_that_fit ? "what" : std::to_string(count)) +
                            " objects of " + std::to_string(size) + " bytes from byte " +
                            std::to_string(offset) + " on does not fit");
  if (offset % alignment != 0)
    throw std::invalid_argument("procyon: " + quoted(name_) + ": byte " + std::to_string(offset) +
                                " is no place for objects that lie on multiples of " +
                                std::to_string(alignment));
  if (count == all_that_fit) count = room;
  return mapping_->start + offset;
}

void SharedMemory::close() { mapping_.reset(); }

void SharedMemory::unlink() {
  if (name_.empty()) require_open();
  const std::string path = path_of(name_);
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0 && errno == ENOENT)
    throw_error(name_, "its name is gone: it has been unlinked already", ENOENT);
  if (status.st_dev != device_ || status.st_ino != inode_)
    throw_error(name_, "it has been unlinked already, and the name is another object's by now", ENOENT);
  if (::unlink(path.c_str()) != 0) throw_error(name_, "unlinking it", errno);
  os::crash_point("shared_memory.unlinked");
  forget(leftover_of(name_, device_, inode_));
}

}  // namespace procyon
