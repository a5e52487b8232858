#include "process/supervisor.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <exception>
#include <semaphore>

#include "os/error.hpp"
#include "os/threads.hpp"

namespace procyon::process {

namespace {

constexpr Supervisor::WatchId id_of_doorbell = 0;
// A daemonic child may be forked here and then lives on this stack: as much as a main thread usually has.
constexpr std::size_t stack_size = 8 << 20;

}  // namespace

struct Supervisor::Job {
  const std::function<void()>& work;
  std::exception_ptr error{};
  std::binary_semaphore done{0};
};

Supervisor::Supervisor()
    : epoll_(os::Descriptor::adopt(::epoll_create1(EPOLL_CLOEXEC), "watching children (epoll_create1)")),
      doorbell_(
          os::Descriptor::adopt(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "watching children (eventfd)")) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = id_of_doorbell;
  os::check(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, doorbell_.get(), &event),
            "watching children (epoll_ctl)");

  if (const int error = os::start_detached_thread(thread_, thread_main, this,
                                                  {.name = "procyon", .stack_size = stack_size}))
    os::throw_system_error("starting the thread that watches children", error);
}

Supervisor::WatchId Supervisor::watch(int descriptor, std::function<void()> when_readable) {
  auto handler = std::make_shared<std::function<void()>>(std::move(when_readable));
  const std::lock_guard lock(mutex_);
  const WatchId id = ++last_id_;
  watched_.emplace(id, Watched{descriptor, std::move(handler)});
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = id;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor, &event) != 0) {
    const int error = errno;
    watched_.erase(id);
    os::throw_system_error("watching a child (epoll_ctl)", error);
  }
  return id;
}

void Supervisor::unwatch(WatchId id) {
  std::shared_ptr<std::function<void()>> handler;  // destroyed outside of the lock: it may own what unwatches
  const std::lock_guard lock(mutex_);
  const auto found = watched_.find(id);
  if (found == watched_.end()) return;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, found->second.descriptor, nullptr);
  handler = std::move(found->second.when_readable);
  watched_.erase(found);
}

void Supervisor::run(const std::function<void()>& job) {
  if (is_this_thread()) {
    job();
    return;
  }
  Job entry{job};
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(&entry);
  }
  const std::uint64_t one = 1;
  while (::write(doorbell_.get(), &one, sizeof(one)) < 0 && errno == EINTR) {
  }
  entry.done.acquire();
  if (entry.error) std::rethrow_exception(entry.error);
}

void* Supervisor::thread_main(void* self) { static_cast<Supervisor*>(self)->loop(); }

void Supervisor::loop() {
  std::array<epoll_event, 64> events;
  for (;;) {
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
    if (count < 0 && errno != EINTR) {
      // Somebody closed our descriptors. Jobs are done all the same, so that the process can end.
      const timespec pause{0, 1'000'000};
      ::nanosleep(&pause, nullptr);
      take_jobs();
    }
    for (int i = 0; i < count; ++i) {
      const WatchId id = events[static_cast<std::size_t>(i)].data.u64;
      if (id == id_of_doorbell)
        do_jobs();
      else
        handle(id);
    }
  }
}

void Supervisor::handle(WatchId id) {
  std::shared_ptr<std::function<void()>> handler;
  {
    const std::lock_guard lock(mutex_);
    const auto found = watched_.find(id);
    if (found == watched_.end()) return;  // no longer watched since the event was fetched
    handler = found->second.when_readable;
  }
  (*handler)();
}

void Supervisor::do_jobs() {
  std::uint64_t rings = 0;
  if (::read(doorbell_.get(), &rings, sizeof(rings)) < 0 && errno != EAGAIN) return;
  take_jobs();
}

void Supervisor::take_jobs() {
  std::vector<Job*> jobs;
  {
    const std::lock_guard lock(mutex_);
    jobs.swap(jobs_);
  }
  for (Job* job : jobs) {
    try {
      job->work();
    } catch (...) {
      job->error = std::current_exception();
    }
    job->done.release();
  }
}

}  // namespace procyon::process
