#include "procyon/batch.hpp"

#include <exception>
#include <stdexcept>
#include <utility>

namespace procyon {

std::size_t Batch::add_encoded(const manager::ObjectReference& target, manager::MethodId method,
                               std::span<const std::byte> arguments,
                               std::span<const manager::ObjectReference> objects) {
  if (!calls_.empty() && calls_.front().target.shared_link() != target.shared_link() &&
      calls_.front().target.shared_link()->address() != target.shared_link()->address())
    throw std::invalid_argument("procyon: all calls of a Batch go to one manager; this proxy's is at " +
                                target.shared_link()->address() + ", the first one's at " +
                                calls_.front().target.shared_link()->address());
  calls_.push_back({target, method, {arguments.begin(), arguments.end()}, {objects.begin(), objects.end()}});
  return calls_.size() - 1;
}

void Batch::run_until(os::Deadline deadline) {
  outcomes_.clear();
  if (calls_.empty()) return;
  const std::vector<manager::BatchCall> calls = std::exchange(calls_, {});
  outcomes_ = calls.front().target.link().call_many(calls, deadline);
}

void Batch::check() const {
  for (const manager::BatchOutcome& outcome : outcomes_)
    if (outcome.error) std::rethrow_exception(outcome.error);
}

}  // namespace procyon
