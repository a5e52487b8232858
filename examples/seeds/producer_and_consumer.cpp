// A producer and a consumer that know only the queue between them. The queue has room for three: the producer never
// runs far ahead.
#include <fmt/core.h>
#include <procyon/procyon.hpp>

namespace mp = procyon;

using Bread = std::optional<std::string>;  // none: there will be no more

void produce(mp::Queue<Bread> queue, int count) {
  for (int i = 0; i < count; ++i) queue.put(fmt::format("bread {}", i));
  const Bread no_more;
  queue.put(no_more);
}

void consume(mp::Queue<Bread> queue) {
  while (const Bread bread = queue.get()) fmt::print("consumed {}\n", *bread);
}

int main() {
  mp::Queue<Bread> queue(3);
  mp::Process producer(produce, queue, 10), consumer(consume, queue);
  producer.start();
  consumer.start();
  producer.join();
  consumer.join();
  fmt::print("sold out\n");
}
