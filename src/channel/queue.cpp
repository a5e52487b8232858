#include "procyon/queue.hpp"

#include <string>

#include "procyon/joinable_queue.hpp"

namespace procyon::channel {

void throw_queue_full(const QueueOptions& options) {
  std::string bound;
  if (options.maxsize != 0) bound = std::to_string(options.maxsize) + " messages";
  if (options.max_bytes != 0)
    bound += (bound.empty() ? "" : ", ") + std::to_string(options.max_bytes) + " bytes";
  throw Full("procyon: the queue is full (" + bound + ") and nobody made room in time");
}

void throw_queue_empty() { throw Empty("procyon: the queue is empty and nobody put a message in time"); }

void throw_queue_closed() {
  throw std::logic_error(
      "procyon: this queue was closed by close() in this process; it neither puts nor gets");
}

bool has_come(Got got) {
  if (got == Got::no_producers)
    throw PeerGone(
        "procyon: the queue is empty and every process that put something into it has ended or closed it, so "
        "nothing more will come (QueueOptions::end_with_producers)");
  return got == Got::message;
}

void throw_counts_no_tasks() {
  throw std::logic_error(
      "procyon: this Queue was not made as a JoinableQueue, so it has no task_done() and no join()");
}

}  // namespace procyon::channel
