#include "procyon/manager_pool.hpp"

#include <deque>
#include <stdexcept>

namespace procyon {

namespace {

constexpr std::size_t chunks_at_a_time = 64;  // that are on their way
constexpr std::size_t largest_chunk = 256;    // calls

}  // namespace

PoolProxy::Pending PoolProxy::begin_run(const manager::PoolCalls& calls) const {
  manager::Link& link = object_reference().link();
  if (!link.is_in_session())
    throw std::logic_error(
        "procyon: the Pool of the manager at " + link.address() +
        " takes calls of its own program's processes only, because a function is known by its place in the "
        "program; register a type with the manager whose methods do the work, or put it into a Queue");
  wire::Writer writer;
  wire::write(writer, calls);
  return link.begin(object_reference().object(), manager::method_id("run(calls)->outcomes"), writer.bytes(),
                    {});
}

manager::PoolOutcomes PoolProxy::run_in_chunks(manager::PoolCalls calls) const {
  const std::size_t size = std::clamp<std::size_t>(calls.size() / chunks_at_a_time, 1, largest_chunk);
  std::deque<Pending> on_their_way;
  manager::PoolOutcomes outcomes;
  const auto collect = [&] {
    manager::ValueReader answer(on_their_way.front()->get(os::Deadline::never()));
    on_their_way.pop_front();
    for (std::string& outcome : answer.get<manager::PoolOutcomes>()) outcomes.push_back(std::move(outcome));
  };
  for (std::size_t first = 0; first < calls.size(); first += size) {
    if (on_their_way.size() == chunks_at_a_time) collect();
    const auto begin = calls.begin() + static_cast<std::ptrdiff_t>(first);
    const auto end = calls.begin() + static_cast<std::ptrdiff_t>(std::min(first + size, calls.size()));
    on_their_way.push_back(begin_run({std::make_move_iterator(begin), std::make_move_iterator(end)}));
  }
  while (!on_their_way.empty()) collect();
  return outcomes;
}

}  // namespace procyon
