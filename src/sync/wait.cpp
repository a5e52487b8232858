#include "procyon/wait.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>

#include "os/error.hpp"
#include "procyon/detail/sync/doorbell.hpp"
#include "sync/watcher.hpp"

namespace procyon {

namespace sync {

namespace {

class BareDescriptor final : public Waitable {
 public:
  explicit BareDescriptor(int number) : number_(number) {}
  [[nodiscard]] int descriptor() const override { return number_; }

 private:
  int number_;
};

// One call of wait().
class Waiting {
 public:
  explicit Waiting(std::span<const WaitTarget> targets) : targets_(targets) {
    for (const WaitTarget& target : targets) {
      if (const int number = target.waitable->descriptor(); number >= 0)
        descriptors_.push_back({number, POLLIN, 0});
      else
        objects_.push_back(target.waitable);
    }
  }

  std::vector<std::size_t> run(os::Deadline deadline) {
    if (targets_.empty()) return {};
    std::vector<std::size_t> found = look();
    if (!found.empty() || deadline == os::Deadline::now()) return found;
    return descriptors_.empty() ? wait_for_objects(deadline) : wait_with_descriptors(deadline);
  }

 private:
  // Those that are ready now.
  std::vector<std::size_t> look() {
    if (!descriptors_.empty()) poll_until(os::Deadline::now(), descriptors_.size());
    std::vector<std::size_t> found;
    auto descriptor = descriptors_.begin();
    for (std::size_t index = 0; index < targets_.size(); ++index) {
      Waitable& waitable = *targets_[index].waitable;
      waitable.check();
      if (waitable.descriptor() < 0) {
        if (waitable.ready()) found.push_back(index);
        continue;
      }
      if ((descriptor->revents & POLLNVAL) != 0) {
        os::throw_system_error(
            fmt::format("procyon: wait() was given the descriptor {} (at index {}), which is not open",
                        descriptor->fd, index),
            EBADF);
      }
      if (descriptor->revents != 0) found.push_back(index);
      ++descriptor;
    }
    return found;
  }

  void poll_until(os::Deadline deadline, std::size_t count) {
    if (::poll(descriptors_.data(), count, deadline.poll_timeout()) >= 0) return;
    for (pollfd& entry : descriptors_) entry.revents = 0;
    if (errno != EINTR) os::throw_system_error("procyon: waiting for several things (poll)");
  }

  // Only objects: this thread listens to the bell itself.
  std::vector<std::size_t> wait_for_objects(os::Deadline deadline) {
    const os::FutexWord& bell = own_bell_word();
    const std::uint32_t mine = own_bell();
    for (;;) {
      const std::uint32_t seen = bell.load(std::memory_order_seq_cst);
      for (const auto& object : objects_) object->arm(mine);
      std::vector<std::size_t> found = look();
      if (!found.empty() || deadline.expired()) return found;
      os::futex_wait(bell, seen, deadline.slice(os::wait_slice));
    }
  }

  // One poll(): the objects are watched by the library's thread, which fires an eventfd.
  std::vector<std::size_t> wait_with_descriptors(os::Deadline deadline) {
    const std::size_t own = descriptors_.size();
    std::shared_ptr<Watch> watch;
    if (!objects_.empty()) {
      watch = Watcher::current().watch({}, objects_);
      descriptors_.push_back({watch->descriptor(), POLLIN, 0});
    }
    for (;;) {
      poll_until(deadline.slice(os::wait_slice), descriptors_.size());
      if (watch && descriptors_.back().revents != 0) watch->rearm();  // fires again if one is ready
      // Those of the descriptors are still as poll() left them, but objects may have become ready as well.
      std::vector<std::size_t> found = look_after_poll(own);
      if (!found.empty() || deadline.expired()) return found;
    }
  }

  std::vector<std::size_t> look_after_poll(std::size_t own) {
    if (descriptors_.size() == own) return look();
    const pollfd of_watch = descriptors_.back();
    descriptors_.pop_back();
    std::vector<std::size_t> found = look();
    descriptors_.push_back(of_watch);
    return found;
  }

  std::span<const WaitTarget> targets_;
  std::vector<std::shared_ptr<Waitable>> objects_;
  std::vector<pollfd> descriptors_;  // in the order of their targets; then that of the watch
};

}  // namespace

WaitTarget wait_target_of(int descriptor) {
  if (descriptor < 0) {
    throw std::invalid_argument(fmt::format(
        "procyon: wait() was given {} for a descriptor; a descriptor is never negative", descriptor));
  }
  return {std::make_shared<BareDescriptor>(descriptor),
          {WaitTarget::Kind::descriptor, static_cast<std::uint64_t>(descriptor)}};
}

std::vector<std::size_t> wait_for_any(std::span<const WaitTarget> targets, os::Deadline deadline) {
  return Waiting(targets).run(deadline);
}

}  // namespace sync

bool Ready::contains(const WaitItem& item) const {
  return std::any_of(identities_.begin(), identities_.end(),
                     [&](const auto& identity) { return identity == item.target().identity; });
}

Ready detail::wait_until(std::span<const WaitItem> items, os::Deadline deadline) {
  std::vector<sync::WaitTarget> targets;
  targets.reserve(items.size());
  for (const WaitItem& item : items) targets.push_back(item.target());
  Ready ready;
  ready.indices_ = sync::wait_for_any(targets, deadline);
  for (const std::size_t index : ready.indices_) ready.identities_.push_back(targets[index].identity);
  return ready;
}

}  // namespace procyon
