#include "procyon/queue.hpp"

#include <string>

namespace procyon::channel {

void throw_queue_full(std::size_t maxsize) {
  throw Full("procyon: the queue is full (" + std::to_string(maxsize) +
             " messages) and nobody took one in time");
}

void throw_queue_empty() { throw Empty("procyon: the queue is empty and nobody put a message in time"); }

void throw_queue_closed() {
  throw std::logic_error(
      "procyon: this queue was closed by close() in this process; it neither puts nor gets");
}

}  // namespace procyon::channel
