// One client as its server sees it: the references that it holds, and its calls that have not ended. How answers reach it
// is for those who derive: over a socket (socket_client.hpp), or within the process (local_client.hpp).
//
// On the loop thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "manager/protocol.hpp"
#include "manager/served_object.hpp"

namespace procyon::manager {

/// A call that has ended, on its way out.
struct Completion {
  Status status = Status::ok;
  std::vector<ObjectId> objects;
  std::vector<std::byte> bytes;
};

/// Calls that came in one message and are answered in one.
struct BatchInProgress {
  std::vector<Completion> parts;
  std::size_t left = 0;
};

class ServedClient {
 public:
  explicit ServedClient(ClientId id) : id_(id) {}
  ServedClient(const ServedClient&) = delete;
  ServedClient& operator=(const ServedClient&) = delete;
  virtual ~ServedClient() = default;

  [[nodiscard]] ClientId id() const { return id_; }
  /// "pid 4711", "10.0.0.7:51234".
  [[nodiscard]] virtual std::string name() const = 0;
  virtual void answer(std::uint64_t call, Status status, std::span<const ObjectId> objects,
                      std::span<const std::byte> bytes) = 0;

  /// Null if it holds none.
  [[nodiscard]] ServedPointer referenced(ObjectId object) const {
    const auto found = references_.find(object);
    return found == references_.end() ? nullptr : found->second.object;
  }
  void add_reference(ObjectId id, const ServedPointer& object) {
    Reference& reference = references_[id];
    if (!reference.object) reference.object = object;
    ++reference.count;
  }
  /// One that it does not hold is ignored: it was given back before the answer that it crossed.
  void release(ObjectId id) {
    const auto found = references_.find(id);
    if (found == references_.end() || --found->second.count != 0) return;
    const ServedPointer last = std::move(found->second.object);  // destroyed when the table is in order
    references_.erase(found);
  }
  void release_all() { const auto references = std::exchange(references_, {}); }
  [[nodiscard]] std::size_t reference_count() const { return references_.size(); }

  std::uint64_t last_call = 0;
  bool is_in_session = false;
  std::unordered_map<std::uint64_t, std::weak_ptr<ServedObject>> pending;  // calls that were begun, by number
  std::map<std::uint64_t, BatchInProgress> batches;                        // by the batch's own number

 private:
  struct Reference {
    ServedPointer object;
    std::uint64_t count = 0;
  };

  const ClientId id_;
  std::unordered_map<ObjectId, Reference> references_;
};

}  // namespace procyon::manager
