#include "manager/object_table.hpp"

#include <optional>

#include "manager/random.hpp"

namespace procyon::manager {

// The numbers of objects that are gone, told by any thread and taken by the loop's.
class ObjectTable::Forgotten final : public ServedObject::Registry {
 public:
  void forget(ObjectId object) noexcept override {
    try {
      const std::lock_guard lock(mutex_);
      numbers_.push_back(object);
    } catch (...) {  // no memory: the entry stays, and is found to be empty by whoever looks at it
    }
    any_.store(true, std::memory_order_release);
  }
  std::vector<ObjectId> take() {
    if (!any_.exchange(false, std::memory_order_acquire)) return {};
    const std::lock_guard lock(mutex_);
    return std::exchange(numbers_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<ObjectId> numbers_;
  std::atomic<bool> any_{false};
};

ObjectTable::ObjectTable(std::chrono::nanoseconds lease_lasts)
    : lease_lasts_(lease_lasts), forgotten_(std::make_shared<Forgotten>()) {}

void ObjectTable::remove_forgotten() {
  for (const ObjectId object : forgotten_->take()) objects_.erase(object);
}

ObjectId ObjectTable::number_of(const ServedPointer& object) {
  if (object->id_ != 0) return object->id_;
  remove_forgotten();
  const ObjectId id = ++last_;
  objects_.emplace(id, object);
  object->id_ = id;
  object->registry_ = forgotten_;
  return id;
}

ServedPointer ObjectTable::find(ObjectId object) {
  const auto found = objects_.find(object);
  return found == objects_.end() ? nullptr : found->second.lock();
}

std::size_t ObjectTable::size() {
  remove_forgotten();
  return objects_.size();
}

std::vector<ServedPointer> ObjectTable::all() {
  remove_forgotten();
  std::vector<ServedPointer> result;
  result.reserve(objects_.size());
  for (const auto& [id, weak] : objects_)
    if (ServedPointer object = weak.lock()) result.push_back(std::move(object));
  return result;
}

void ObjectTable::share(const std::string& name, ServedPointer object) {
  number_of(object);
  names_.insert_or_assign(name, std::move(object));
}

ServedPointer ObjectTable::shared(std::string_view name) const {
  const auto found = names_.find(name);
  return found == names_.end() ? nullptr : found->second;
}

std::vector<std::string> ObjectTable::names() const {
  std::vector<std::string> result;
  result.reserve(names_.size());
  for (const auto& [name, object] : names_) result.push_back(name);
  return result;
}

std::uint64_t ObjectTable::lease(ClientId giver, const ServedPointer& object) {
  const ObjectId id = number_of(object);
  const auto lasts = os::Deadline::after(lease_lasts_);
  if (const auto known = lease_of_.find({giver, id}); known != lease_of_.end()) {
    Lease& lease = leases_.at(known->second);
    lease.claimed = false;  // it has been sent once more
    lease.lasts = lasts;
    return known->second;
  }
  const std::uint64_t number = random_number();
  leases_.emplace(number, Lease{object, id, giver, false, lasts});
  lease_of_.emplace(std::pair(giver, id), number);
  return number;
}

ServedPointer ObjectTable::claim(ObjectId object, std::uint64_t lease) {
  const auto found = leases_.find(lease);
  if (found == leases_.end() || found->second.number != object) return nullptr;
  found->second.claimed = true;
  found->second.lasts = os::Deadline::after(lease_lasts_);
  return found->second.object;
}

void ObjectTable::end_leases(const std::function<bool(ClientId, ObjectId)>& holds) {
  std::vector<ServedPointer> dropped;  // destroyed when the tables are in order again
  for (auto entry = leases_.begin(); entry != leases_.end();) {
    Lease& lease = entry->second;
    const bool is_wanted = lease.giver != 0 && (!lease.claimed || holds(lease.giver, lease.number));
    if (is_wanted || !lease.lasts.expired()) {
      ++entry;
      continue;
    }
    if (lease.giver != 0) lease_of_.erase({lease.giver, lease.number});
    dropped.push_back(std::move(lease.object));
    entry = leases_.erase(entry);
  }
}

void ObjectTable::giver_gone(ClientId giver) {
  const auto first = lease_of_.lower_bound({giver, 0});
  auto last = first;
  for (; last != lease_of_.end() && last->first.first == giver; ++last) leases_.at(last->second).giver = 0;
  lease_of_.erase(first, last);
}

void ObjectTable::clear() {
  lease_of_.clear();
  const auto leases = std::exchange(leases_, {});
  const auto names = std::exchange(names_, {});
}

}  // namespace procyon::manager
