// The exceptions that Procyon throws, besides std::logic_error's family for misuse and std::system_error for what the
// system refuses.
//
//   try {
//     pool.apply(parse, file);
//   } catch (const mp::WorkerLost& lost) {
//     log("{} took the worker down: {}", file, lost.what());
//   } catch (const mp::RemoteError& error) {
//     log("{} threw {}: {} at {}", file, error.type(), error.text(), error.where());
//   }
//
// Each message is a sentence that names the object, the cause and the way out. All of them can cross to another process
// and arrive as themselves.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace procyon {

// Base of the errors that Python's package knows by this name.
class ProcessError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A message was longer than the buffer that it was to be received into. The message is not lost.
class BufferTooShort : public ProcessError {
 public:
  explicit BufferTooShort(const std::string& sentence, std::vector<std::byte> message = {})
      : ProcessError(sentence), message_(std::move(message)) {}

  // The whole message. Empty in another process than the one that received it.
  const std::vector<std::byte>& message() const noexcept { return message_; }

 private:
  std::vector<std::byte> message_;
};

// The other side does not have the same key.
class AuthenticationError : public ProcessError {
 public:
  using ProcessError::ProcessError;
};

// A deadline passed.
class TimeoutError : public ProcessError {
 public:
  using ProcessError::ProcessError;
};

// There was nothing in the queue, at once or until the deadline.
class Empty : public std::runtime_error {
 public:
  explicit Empty(const std::string& sentence = "procyon: the queue is empty")
      : std::runtime_error(sentence) {}
};

// There was no room in the queue, at once or until the deadline.
class Full : public std::runtime_error {
 public:
  explicit Full(const std::string& sentence = "procyon: the queue is full") : std::runtime_error(sentence) {}
};

// What a task in another process threw, if it is of a type that cannot be thrown again here. Standard exceptions, and
// those in this file, arrive as themselves instead.
class RemoteError : public std::runtime_error {
 public:
  RemoteError(std::string type, std::string text, std::string where = {});

  // The exception's type, as it is written in the source.
  const std::string& type() const noexcept { return type_; }
  // What its what() said; for a thrown number or text, that; chained with what it was nested in.
  const std::string& text() const noexcept { return text_; }
  // The function that threw it; empty if that is not known.
  const std::string& where() const noexcept { return where_; }

 private:
  std::string type_;
  std::string text_;
  std::string where_;
};

// How a worker process ended. Everything but the pid may be unknown.
struct WorkerEnd {
  pid_t pid = 0;
  std::optional<int> signal;
  std::optional<int> exit_code;
  bool core_dumped = false;
  std::string task;     // what it was doing, as "task 17 of map(parse)"; empty if it was idle
  std::string details;  // further facts that help, in whole sentences; may be empty
  std::string name;     // the worker's, as "PoolWorker-3"
  std::optional<std::chrono::nanoseconds>
      running_for;                       // since it took what it was doing (with the rest of its chunk)
  std::chrono::nanoseconds user_time{};  // processor time, from its start
  std::chrono::nanoseconds system_time{};
  std::size_t peak_memory = 0;     // largest resident size, in bytes; 0: not known
  std::string last_words;          // the last lines of its stderr, if the pool keeps them
  std::vector<std::string> stack;  // where it crashed: "parse(std::string) at parser.cpp:17", innermost first
};

// A worker process ended while it ran a task. The task may have had effects; it is not run again unless retries are on.
//
// what() is the death certificate: one sentence that says who, how, in what task and the likely cause, and below it a line
// for each fact that is known: what it used, where it crashed, what it wrote last. docs/why-did-my-worker-die.md explains
// each. end() has the same as values.
class WorkerLost : public std::runtime_error {
 public:
  explicit WorkerLost(WorkerEnd end);

  pid_t pid() const noexcept { return end_.pid; }
  // The signal that ended it, if one did.
  std::optional<int> signal() const noexcept { return end_.signal; }
  // As in "SIGSEGV"; empty if no signal ended it.
  std::string signal_name() const;
  // The code that it ended itself with, if it did.
  std::optional<int> exit_code() const noexcept { return end_.exit_code; }
  bool core_dumped() const noexcept { return end_.core_dumped; }
  const std::string& task() const noexcept { return end_.task; }
  const WorkerEnd& end() const noexcept { return end_; }

 private:
  WorkerEnd end_;
};

// A task used more processor time than PoolOptions::max_cpu_time_per_task; its worker was ended by SIGXCPU.
class CpuLimitExceeded : public WorkerLost {
 public:
  using WorkerLost::WorkerLost;
};

// The kernel killed the worker because the machine, or the control group, had no memory left.
class KilledForMemory : public WorkerLost {
 public:
  using WorkerLost::WorkerLost;
};

// A task asked for more memory than PoolOptions::max_memory_per_worker leaves. The worker lives. Thrown by operator new in
// the worker, so what handles std::bad_alloc handles it; made without allocating.
class MemoryLimitExceeded : public std::bad_alloc {
 public:
  explicit MemoryLimitExceeded(const std::string& sentence) noexcept
      : MemoryLimitExceeded(sentence.c_str()) {}
  explicit MemoryLimitExceeded(const char* sentence) noexcept;
  const char* what() const noexcept override { return sentence_; }

 private:
  char sentence_[240];
};

// Every other end of a pipe is closed, because its owner closed it or ended, and all that was sent has been received.
class EndOfFile : public std::runtime_error {
 public:
  explicit EndOfFile(
      const std::string& sentence = "procyon: the other end of the pipe is closed, nothing more can come")
      : std::runtime_error(sentence) {}
};

// The process at the other end of a pipe or queue is gone, and nothing more can come from it.
class PeerGone : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The pool cannot go on: its workers end as fast as they are started, or it was terminated.
class BrokenPool : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The program was told to end by a signal while an InterruptGuard (interrupt.hpp) watched for it.
class Interrupted : public std::runtime_error {
 public:
  explicit Interrupted(const std::string& sentence, int signal = 2)
      : std::runtime_error(sentence), signal_(signal) {}

  int signal() const noexcept { return signal_; }
  // What a shell calls the end by that signal: 130 for Ctrl-C.
  int exit_code() const noexcept { return 128 + signal_; }

 private:
  int signal_;
};

// The task was cancelled before it had a result.
class Cancelled : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The manager's server process is gone.
class ManagerGone : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A barrier at which somebody waits, or would, was broken or reset.
class BrokenBarrier : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A handle was opened whose object does not exist any more.
class ObjectGone : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The session's shared memory cannot be created or mapped.
class SessionError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace procyon
