#include "channel/parking.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <mutex>
#include <optional>
#include <vector>

#include "os/error.hpp"
#include "os/fork_local.hpp"
#include "os/socket.hpp"
#include "os/threads.hpp"
#include "procyon/detail/arena/session.hpp"
#include "procyon/detail/os/deadline.hpp"
#include "procyon/detail/os/futex.hpp"
#include "procyon/errors.hpp"
#include "procyon/lock.hpp"

namespace procyon::channel {

namespace {

constexpr arena::ObjectType ticket_type{"parked descriptor", 21};

struct Ticket : arena::Counted {
  Ticket(arena::ParticipantId by, std::uint64_t number) : holder(by.bits()), address(number) {}
  std::uint32_t holder;
  std::uint64_t address;
};

struct Address {
  sockaddr_un name{};
  socklen_t size = 0;
};

// In the abstract namespace: no file, and it goes with its process.
Address address_of(std::uint64_t number) {
  Address address;
  address.name.sun_family = AF_UNIX;
  const std::string text = fmt::format("procyon-parking-{:016x}", number);
  std::memcpy(address.name.sun_path + 1, text.data(), text.size());
  address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + text.size());
  return address;
}

const sockaddr* generic(const Address& address) { return reinterpret_cast<const sockaddr*>(&address.name); }

os::Descriptor make_socket(int flags = 0) {
  return os::Descriptor::adopt(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0),
                               "procyon: making a socket for parked descriptors");
}

bool readable_until(const os::Descriptor& socket, os::Deadline deadline) {
  for (;;) {
    pollfd entry{socket.get(), POLLIN, 0};
    const int ready = ::poll(&entry, 1, deadline.poll_timeout());
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

bool is_gone(arena::Handle ticket) {
  try {
    static_cast<void>(arena::Reference::open(ticket, ticket_type));
    return false;
  } catch (const std::exception&) {
    return true;
  }
}

// What this process has parked, and its thread.
class Parking {
 public:
  arena::Reference park(os::Descriptor descriptor);

 private:
  struct Parked {
    arena::Handle ticket;
    os::Descriptor descriptor;
  };

  void start();
  static void* thread_main(void* self);
  [[noreturn]] void loop();
  void serve();
  void answer(const os::Descriptor& client, arena::Handle ticket);
  bool sweep();
  bool has_parked();

  std::mutex mutex_;
  std::uint64_t address_ = 0;  // guarded by mutex_, like the next
  std::vector<Parked> parked_;
  os::Descriptor listener_;  // these two are written before there is a thread
  os::Descriptor doorbell_;  // an eventfd: something was parked
};

constinit os::ForkLocal<Parking> parking_of_this_process;

void Parking::start() {
  os::Descriptor doorbell = os::Descriptor::adopt(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
                                                  "procyon: parking a descriptor (eventfd)");
  os::Descriptor listener = make_socket();
  std::uint64_t number = 0;
  while (::getrandom(&number, sizeof number, 0) != sizeof number) {
  }
  const Address address = address_of(number);
  os::check(::bind(listener.get(), generic(address), address.size), "procyon: parking a descriptor (bind)");
  os::check(::listen(listener.get(), 64), "procyon: parking a descriptor (listen)");
  listener_ = std::move(listener);
  doorbell_ = std::move(doorbell);

  pthread_t thread{};
  if (const int error = os::start_detached_thread(thread, thread_main, this, {.name = "procyon-park"}))
    os::throw_system_error("procyon: starting the thread that keeps parked descriptors", error);
  address_ = number;
}

arena::Reference Parking::park(os::Descriptor descriptor) {
  const std::lock_guard lock(mutex_);
  if (address_ == 0) start();
  const arena::ParticipantId self = arena::Session::current().self();
  arena::Reference ticket = arena::Reference::create<Ticket>(ticket_type, self, address_);
  parked_.push_back({ticket.handle(), std::move(descriptor)});
  const std::uint64_t one = 1;
  static_cast<void>(!::write(doorbell_.get(), &one, sizeof one));  // full: it has been rung
  return ticket;
}

void* Parking::thread_main(void* self) { static_cast<Parking*>(self)->loop(); }

void Parking::loop() {
  for (;;) {
    const bool any = sweep();
    pollfd entries[] = {{listener_.get(), POLLIN, 0}, {doorbell_.get(), POLLIN, 0}};
    const auto slice = os::Deadline::after(os::wait_slice);
    ::poll(entries, 2, any ? slice.poll_timeout() : -1);
    std::uint64_t rings = 0;
    if (entries[1].revents != 0) static_cast<void>(!::read(doorbell_.get(), &rings, sizeof rings));
    if (entries[0].revents == 0) continue;
    try {
      serve();
    } catch (const std::exception&) {
      // A client that went wrong, or no descriptors left: the client sees the end of its connection.
    }
  }
}

// One client: a ticket's handle, the descriptor; then its close says that it has given up the ticket.
void Parking::serve() {
  constexpr std::chrono::milliseconds patience{500};  // a client asks at once
  const os::Descriptor client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!client) {
    // No descriptors left, perhaps: the client goes on waiting, and this thread does not spin meanwhile.
    const timespec pause{0, 10'000'000};
    ::nanosleep(&pause, nullptr);
    return;
  }
  const uid_t user = os::peer_credentials(client).uid;
  if (user != ::geteuid() && user != 0) return;
  std::uint64_t handle = 0;
  if (!readable_until(client, os::Deadline::after(patience))) return;
  const auto request = os::receive_message(client, os::writable_bytes_of(handle));
  if (!request || request->size != sizeof handle) return;
  answer(client, arena::Handle::from_bits(handle));
  readable_until(client, os::Deadline::after(patience));
}

void Parking::answer(const os::Descriptor& client, arena::Handle ticket) {
  const std::lock_guard lock(mutex_);
  for (const Parked& parked : parked_) {
    if (parked.ticket != ticket) continue;
    const std::uint8_t here = 1;
    const int number = parked.descriptor.get();
    os::send_message(client, os::bytes_of(here), {&number, 1});
    return;
  }
}

bool Parking::has_parked() {
  const std::lock_guard lock(mutex_);
  return !parked_.empty();
}

// True if any are left.
bool Parking::sweep() {
  // A receiver that died with the ticket, and that no supervisor looks after, is found here.
  if (has_parked()) arena::Session::current().recover_everybody();
  std::vector<Parked> gone;  // closed after the lock is given back
  const std::lock_guard lock(mutex_);
  for (std::size_t index = 0; index < parked_.size();) {
    if (!is_gone(parked_[index].ticket)) {
      ++index;
      continue;
    }
    gone.push_back(std::move(parked_[index]));
    parked_[index] = std::move(parked_.back());
    parked_.pop_back();
  }
  return !parked_.empty();
}

// The receiver's side of one fetch.
class Fetch {
 public:
  explicit Fetch(const Ticket& ticket)
      : holder_(arena::ParticipantId::from_bits(ticket.holder)), address_(address_of(ticket.address)) {}

  os::Descriptor run(arena::Reference& ticket) {
    connect();
    const std::uint64_t handle = ticket.handle().bits();
    if (!os::send_message(socket_, os::bytes_of(handle))) throw_gone();
    while (!readable_until(socket_, deadline_.slice(os::wait_slice))) check_sender();
    std::uint8_t here = 0;
    auto answer = os::receive_message(socket_, os::writable_bytes_of(here));
    if (!answer || answer->descriptors.size() != 1) throw_gone();
    ticket = {};  // before the socket is closed: the sender then looks whether the ticket is gone
    return std::move(answer->descriptors.front());
  }

 private:
  void connect() {
    // Not blocking: a sender that is dead may have left a child that listens by inheritance and accepts nobody.
    while (::connect(socket_.get(), generic(address_), address_.size) != 0) {
      if (errno == ECONNREFUSED) throw_gone();
      if (errno != EAGAIN && errno != EINTR)
        os::throw_system_error("procyon: asking the sender for a descriptor (connect)");
      check_sender();
      const timespec pause{0, 1'000'000};
      ::nanosleep(&pause, nullptr);
    }
    // Its address is free for others when it is dead.
    if (const uid_t user = os::peer_credentials(socket_).uid; user != ::geteuid() && user != 0) throw_gone();
  }

  void check_sender() const {
    if (!arena::Session::current().alive(holder_)) throw_gone();
    if (!deadline_.expired()) return;
    throw TimeoutError(fmt::format(
        "procyon: the process that put this Connection (or open file) into a queue or a task has not handed "
        "it over within {} s; is it stopped?",
        fetch_limit.count()));
  }

  [[noreturn]] void throw_gone() const {
    if (arena::Session::current().alive(holder_)) {
      throw PeerGone(
          "procyon: the process that put this Connection (or open file) into a queue or a task lives, but "
          "does "
          "not hand it over: it lives in another network namespace, or as another user; pass it through a "
          "Pipe");
    }
    throw PeerGone(
        "procyon: the process that put this Connection (or open file) into a queue or a task has ended "
        "before "
        "it was taken, and its descriptor with it; let the sender live until then, or pass it through a Pipe "
        "or "
        "as an argument of a Process");
  }

  const arena::ParticipantId holder_;
  const Address address_;
  const os::Deadline deadline_ = os::Deadline::after(fetch_limit);
  const os::Descriptor socket_ = make_socket(SOCK_NONBLOCK);
};

}  // namespace

arena::Reference park(int descriptor) {
  os::Descriptor duplicate = os::Descriptor::adopt(::fcntl(descriptor, F_DUPFD_CLOEXEC, 3),
                                                   "procyon: duplicating a descriptor to send it");
  return parking_of_this_process.get_or([] { return new Parking; }).park(std::move(duplicate));
}

os::Descriptor fetch_parked(arena::Reference ticket) {
  ticket = sync::checked(std::move(ticket), ticket_type);
  return Fetch(ticket.get<Ticket>()).run(ticket);
}

}  // namespace procyon::channel
