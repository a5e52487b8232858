#include "process/start_board.hpp"

#include <sys/mman.h>
#include <sys/stat.h>

#include <stdexcept>

#include "os/error.hpp"
#include "os/memfd.hpp"

namespace procyon::process {

namespace {
constexpr std::size_t board_size = StartBoard::slot_count * sizeof(BoardSlot);

ino_t inode_of(const os::Descriptor& file) {
  struct stat status {};
  return ::fstat(file.get(), &status) == 0 ? status.st_ino : 0;
}

}  // namespace

StartBoard::StartBoard() : memory_(os::create_memfd("procyon-starts")) {
  if (!os::commit(memory_, 0, board_size))
    os::throw_system_error("getting memory for the starts of processes");
  os::seal_against_shrinking(memory_);
  map();
}

StartBoard::StartBoard(os::Descriptor memory) : memory_(std::move(memory)) { map(); }

StartBoard::~StartBoard() { ::munmap(slots_, board_size); }

void StartBoard::map() {
  void* address = ::mmap(nullptr, board_size, PROT_READ | PROT_WRITE, MAP_SHARED, memory_.get(), 0);
  if (address == MAP_FAILED) os::throw_system_error("mapping the memory for the starts of processes");
  slots_ = static_cast<BoardSlot*>(address);
  inode_ = inode_of(memory_);
}

bool StartBoard::is_intact() const { return inode_of(memory_) == inode_; }

std::uint32_t StartBoard::take() {
  const std::lock_guard lock(mutex_);
  std::uint32_t index = never_used_;
  if (!free_.empty()) {
    index = free_.back();
    free_.pop_back();
  } else if (never_used_ < slot_count) {
    free_.reserve(++never_used_);  // so that giving back cannot fail
  } else {
    throw std::runtime_error(
        "Process: 4096 children of this process are running or not yet cleared away; join some");
  }
  slots_[index].pid.store(0, std::memory_order_relaxed);
  slots_[index].participant.store(0, std::memory_order_relaxed);
  return index;
}

void StartBoard::give_back(std::uint32_t index) {
  const std::lock_guard lock(mutex_);
  free_.push_back(index);
}

}  // namespace procyon::process
