#include "process/child_main.hpp"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <exception>
#include <iostream>
#include <stdexcept>
#include <streambuf>
#include <string>
#include <string_view>
#include <typeinfo>
#include <utility>

#include "os/error.hpp"
#include "os/process_end.hpp"
#include "os/signals.hpp"
#include "os/surroundings.hpp"
#include "process/entry_hook.hpp"
#include "process/libraries.hpp"
#include "process/log.hpp"
#include "process/start_record.hpp"
#include "process/state.hpp"
#include "process/surroundings.hpp"
#include "process/uncaught.hpp"
#include "procyon/detail/arena/session.hpp"
#include "procyon/detail/os/crash_point.hpp"
#include "procyon/detail/wire/call.hpp"

namespace procyon::process {

namespace {

constexpr std::size_t largest_copied_call = 64 * 1024;

// By address, which is known from the start: a call by name would be looked up by each child of a fork server anew (it
// is the one function that a rehearsal cannot call), which costs it 13 page faults.
void (*const volatile end_process)(int) = &::_exit;

/// What the arguments of the call refer to, as it arrived.
class ArrivedAttachments final : public wire::Attachments {
 public:
  ArrivedAttachments(const std::vector<RecordPin>& pins, std::vector<os::Descriptor> descriptors)
      : descriptors_(std::move(descriptors)) {
    objects_.reserve(pins.size());
    for (const RecordPin& pin : pins)
      objects_.push_back(arena::TravellingPin::take(pin.number, arena::Handle::from_bits(pin.object)));
  }

  std::uint32_t put_object(const arena::Reference&) override { throw_receiving(); }
  std::uint32_t put_descriptor(int) override { throw_receiving(); }

  arena::Reference take_object(std::uint32_t index) override {
    if (index >= objects_.size() || !objects_[index])
      throw wire::DecodeError("the arguments name a shared object that was not sent along");
    return std::exchange(objects_[index], {});
  }

  int take_descriptor(std::uint32_t index) override {
    if (index >= descriptors_.size() || !descriptors_[index])
      throw wire::DecodeError("the arguments name a descriptor that was not sent along");
    return descriptors_[index].release();
  }

 private:
  [[noreturn]] static void throw_receiving() {
    throw std::logic_error("these attachments have arrived; none are sent");
  }

  std::vector<arena::Reference> objects_;
  std::vector<os::Descriptor> descriptors_;
};

bool has(const StartRequest& request, StartRequest::Flags flag) { return (request.flags & flag) != 0; }

// One of the standard descriptors becomes `source`, or is closed where there is none.
void set_standard(int number, const os::Descriptor* source) {
  if (source == nullptr)
    ::close(number);
  else
    os::check(::dup2(source->get(), number), "setting up the standard descriptors of a child (dup2)");
}

// Directory, stdout and stderr come first among the descriptors; what is left are the call's.
void take_surroundings(const StartRequest& request, std::vector<os::Descriptor>& descriptors) {
  std::size_t next = 0;
  const auto take = [&]() -> const os::Descriptor* {
    if (next >= descriptors.size()) throw std::runtime_error("the descriptors of the request did not arrive");
    return &descriptors[next++];
  };
  if (::fchdir(take()->get()) != 0) os::throw_system_error("entering the directory of the parent (fchdir)");
  set_standard(STDOUT_FILENO, has(request, StartRequest::has_stdout) ? take() : nullptr);
  set_standard(STDERR_FILENO, has(request, StartRequest::has_stderr) ? take() : nullptr);
  descriptors.erase(descriptors.begin(), descriptors.begin() + static_cast<std::ptrdiff_t>(next));
  ::umask(request.umask);
  // Cannot fail but for a group that has vanished: the parent left it and was the last.
  if (::getpgrp() != request.group) ::setpgid(0, request.group);
}

// A forked child has the parent's stdin; like all children it gets /dev/null, as in Python: two processes that read
// one input take it from each other.
void detach_stdin() {
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null < 0) return;
  ::dup2(null, STDIN_FILENO);
  if (null != STDIN_FILENO) ::close(null);
}

void die_with(pid_t maker) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != maker) ::_exit(0);  // it died before the request above
}

void join_session(BoardSlot& slot) {
  slot.participant.store(arena::Session::current().self().bits(), std::memory_order_release);
  os::crash_point("process.child.joined");
}

// The record, once it is this process's. There is none if the parent is gone and its memory has been taken back.
arena::Handle take_record(const StartRequest& request) {
  const auto record = arena::Handle::from_bits(request.record);
  const auto parent = arena::ParticipantId::from_bits(request.parent);
  if (!arena::Session::current().take_over(record, parent)) ::_exit(0);
  os::crash_point("process.child.took_record");
  return record;
}

struct Work {
  std::function<void()> body;
  arena::Handle record;
  std::vector<RecordPin> pins;
  std::span<const std::byte> call;
  std::vector<os::Descriptor> descriptors;
};

Work set_up(ChildEntry entry) {
  const StartRequest& request = entry.request;
  leave_bootstrap();
  if (has(request, StartRequest::daemon)) die_with(entry.maker);
  join_session(*entry.slot);
  Work work{std::move(entry.body), take_record(request), {}, {}, std::move(entry.descriptors)};
  if (has(request, StartRequest::takes_surroundings))
    take_surroundings(request, work.descriptors);
  else
    detach_stdin();
  os::ignore_signals(request.ignored_signals);

  arena::Session& session = arena::Session::current();
  Record record = read_record({session.bytes(work.record), session.size(work.record)});
  apply_differences(std::exchange(record.identity.settings, {}));
  work.pins = std::move(record.pins);
  work.call = record.call;
  State::become_child(std::move(record.identity), has(request, StartRequest::daemon),
                      Parent{request.parent_pid, arena::ParticipantId::from_bits(request.parent)});
  return work;
}

void run_encoded(Work& work) {
  load_libraries(State::current().identity().libraries);
  ArrivedAttachments attachments(work.pins, std::move(work.descriptors));
  // Small arguments are copied so that the record can go; large ones are decoded in place and stay until the end.
  std::vector<std::byte> copy;
  if (work.call.size() <= largest_copied_call) {
    copy.assign(work.call.begin(), work.call.end());
    work.call = copy;
    arena::Session::current().release(work.record);
  }
  wire::Reader reader(work.call, &attachments);
  wire::invoke_call(reader);
}

int run_target(Work work) {
  log(LogLevel::info, "child process calling its target");
  try {
    if (work.body)
      work.body();
    else
      run_encoded(work);
    return 0;
  } catch (...) {
    report_uncaught(State::current().name());
    return 1;
  }
}

// The buffers that write through to stdio, which std::cout and the like have unless sync_with_stdio(false) was called.
// Known in a fork server's children, from its rehearsal.
std::streambuf* unbuffered_output = nullptr;

void look_at_standard_streams() {
  auto* const buffer = std::cout.rdbuf();
  if (buffer != nullptr &&
      std::string_view(typeid(*buffer).name()).find("stdio_sync_filebuf") != std::string_view::npos)
    unbuffered_output = buffer;
}

void flush_standard_streams() {
  // Flushing what has no buffer touches four pages for nothing.
  if (unbuffered_output == nullptr || std::cout.rdbuf() != unbuffered_output) {
    std::cout.flush();
    std::clog.flush();
  }
  ::fflush(nullptr);
}

[[noreturn]] void end_child(int code) {
  if (logs(LogLevel::info)) log(LogLevel::info, "process exiting with exit code " + std::to_string(code));
  flush_standard_streams();
  State::current().end_children();
  os::run_process_end();
  flush_standard_streams();
  arena::Session::current().leave();
  // Not exit(): static objects belong to the program, whose main this process never ran. Gcov and the like aside, what
  // must be done at the end of a child is done in its target.
  end_process(code);
  ::abort();  // not reached
}

// The target called exit(). What it had registered has been called by now, for the last registered is the first; what
// the program registered before, its static objects' ends among it, is not this process's.
void end_at_exit(int code, void*) {
  const State* state = State::existing();
  const bool is_started_child = state != nullptr && state->parent().has_value();
  if (is_started_child) end_child(code);  // and not a process that such a child forked
}

// The server's children inherit it from the server, where nothing else is registered later.
void catch_exit() {
  if (::on_exit(end_at_exit, nullptr) != 0)
    os::throw_system_error("preparing for the end of a child (on_exit)", ENOMEM);
}

Work set_up_or_exit(ChildEntry entry) {
  try {
    if (!has(entry.request, StartRequest::takes_surroundings)) catch_exit();
    return set_up(std::move(entry));
  } catch (const std::exception& error) {
    report("procyon: a started child (pid " + std::to_string(::getpid()) +
           ") could not be set up: " + error.what());
    ::_exit(exit_code_of_failed_bootstrap);
  }
}

// A call of nothing, encoded. Known in a fork server's children.
std::vector<std::byte>& empty_call() {
  static std::vector<std::byte> call;
  return call;
}

// The pages of the stack that a child uses on the way to its target.
[[gnu::noinline]] void touch_stack() {
  constexpr std::size_t size = 8 * 1024;
  char room[size];
  volatile char* const place = room;
  for (std::size_t at = 0; at < size; at += 4096) place[at] = 0;
}

StartRequest rehearsed_request(const os::Descriptor& directory, std::vector<os::Descriptor>& descriptors) {
  arena::Session& session = arena::Session::current();
  EncodedCall call;
  wire::Writer writer;
  wire::encode_procedure(writer, [] {});
  call.bytes.assign(writer.bytes().begin(), writer.bytes().end());
  empty_call() = call.bytes;
  StartRequest request;
  request.flags = StartRequest::takes_surroundings;
  request.record = write_record({.name = "rehearsal"}, call).bits();
  request.parent = session.self().bits();
  request.umask = os::current_umask();
  request.group = ::getpgrp();
  request.ignored_signals = os::signal_bit(SIGPIPE);
  descriptors.push_back(directory.duplicate());
  const auto keep = [&](int number, StartRequest::Flags flag) {
    if (::fcntl(number, F_GETFD) < 0) return;
    request.flags |= flag;
    descriptors.push_back(
        os::Descriptor::adopt(::fcntl(number, F_DUPFD_CLOEXEC, 3), "duplicating a descriptor"));
  };
  keep(STDOUT_FILENO, StartRequest::has_stdout);
  keep(STDERR_FILENO, StartRequest::has_stderr);
  return request;
}

}  // namespace

void rehearse_child(BoardSlot& slot) {
  catch_exit();
  slot.participant.store(arena::Session::current().self().bits(), std::memory_order_release);
  ChildEntry entry{{}, {}, &slot, 0, {}};
  entry.request = rehearsed_request(os::open_current_directory(), entry.descriptors);
  Work work = set_up(std::move(entry));
  ::signal(SIGPIPE, SIG_DFL);
  os::set_blocked_signals(os::blocked_signals());
  run_target(std::move(work));
  flush_standard_streams();
  look_at_standard_streams();
  arena::Session::current().leave();
  slot.participant.store(0, std::memory_order_release);
}

void warm_up_child() {
  touch_stack();
  ArrivedAttachments none({}, {});
  wire::Reader reader(empty_call(), &none);
  wire::invoke_call(reader);
  flush_standard_streams();
}

void run_child(ChildEntry entry) {
  const os::SignalBits blocked = entry.request.blocked_signals;
  Work work = set_up_or_exit(std::move(entry));
  os::set_blocked_signals(blocked);  // from here on signals do what the user wants them to
  end_child(run_target(std::move(work)));
}

}  // namespace procyon::process
