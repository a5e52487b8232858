#include "procyon/detail/manager/link.hpp"

#include <stdexcept>
#include <utility>

namespace procyon::manager {

struct ObjectReference::Held {
  Held(std::shared_ptr<Link> of, ObjectId number, std::uint64_t counted_for)
      : link(std::move(of)), object(number), connection(counted_for) {}
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  ~Held() { link->release(object, connection.load(std::memory_order_relaxed)); }

  const std::shared_ptr<Link> link;
  const ObjectId object;
  // Changed only by the link, under a lock of its own.
  mutable std::atomic<std::uint64_t> connection;
};

ObjectReference::ObjectReference(std::shared_ptr<Link> link, ObjectId object, std::uint64_t connection)
    : held_(std::make_shared<const Held>(std::move(link), object, connection)) {}

ObjectId ObjectReference::object() const { return shared_link() ? held_->object : 0; }

Link& ObjectReference::link() const {
  Link& link = *shared_link();
  link.hold(held_->object, held_->connection);
  return link;
}

const std::shared_ptr<Link>& ObjectReference::shared_link() const {
  if (!held_)
    throw std::logic_error("procyon: this proxy is empty: it was default-constructed or moved from");
  return held_->link;
}

bool operator==(const ObjectReference& left, const ObjectReference& right) {
  if (left.held_ == right.held_) return true;
  if (!left.held_ || !right.held_ || left.held_->object != right.held_->object) return false;
  return left.held_->link == right.held_->link || left.held_->link->address() == right.held_->link->address();
}

std::vector<BatchOutcome> Link::call_many(std::span<const BatchCall> calls, os::Deadline deadline) {
  std::vector<BatchOutcome> outcomes(calls.size());
  for (std::size_t index = 0; index < calls.size(); ++index) {
    const BatchCall& one = calls[index];
    try {
      outcomes[index].answer = call(one.target.object(), one.method, one.arguments, one.objects, deadline);
    } catch (...) {
      outcomes[index].error = std::current_exception();
    }
  }
  return outcomes;
}

}  // namespace procyon::manager
