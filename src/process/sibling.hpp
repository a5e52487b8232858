// Making a child not of this process but of its parent: a sibling.
//
// The fork server's children must be the user's process's own, so that waitpid, getppid and the death signal refer to
// it and outlive the server. clone(CLONE_PARENT) does that, but only the C library's fork() mends the C library's own
// knowledge of the child: the thread id that it keeps in its thread descriptor, which is the owner of every mutex, and
// the list of robust mutexes. Both are mended here: the kernel writes the thread id to where the C library keeps it
// (CLONE_CHILD_SETTID, and CLEARTID, as fork() itself does), and the child registers the robust list again.
//
// Where the C library keeps its thread id is asked of the kernel or searched for, and then proved: a mutex locked
// while another number stands there must name that number as its owner. Without proof, or under a sanitizer or
// valgrind, which must see every fork, there is no SiblingMaker and the server uses fork().
//
// Only for a process with one thread: fork handlers (pthread_atfork) do not run.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace procyon::process {

class SiblingMaker {
 public:
  /// nullopt where it cannot be done.
  static std::optional<SiblingMaker> prepare();

  /// Like fork(). The kernel writes the child's pid to `pid_word` before the child can run: that word says whether
  /// there is a child even if the caller is killed at any moment.
  pid_t make(std::atomic<std::int32_t>& pid_word) const;

  /// The same, and `pidfd` becomes a descriptor of the child (which does not get it). Where the kernel or a filter of
  /// system calls does not offer that, it is left alone.
  pid_t make(std::atomic<std::int32_t>& pid_word, int& pidfd) const;

 private:
  SiblingMaker(int* thread_id, void* robust_list, std::size_t robust_list_size)
      : thread_id_(thread_id), robust_list_(robust_list), robust_list_size_(robust_list_size) {}

  void mend_child() const;

  int* thread_id_;  // where the C library keeps the calling thread's
  void* robust_list_;
  std::size_t robust_list_size_;
};

}  // namespace procyon::process
