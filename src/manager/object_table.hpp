// The objects of a server by number, the leases by which references travel, and the names that objects were shared by.
//
//   const ObjectId id = table.number_of(object);          // the same for the same object, never used again
//   ServedPointer object = table.find(id);                // null once it is gone
//
// The table keeps nothing alive but what has a name or a lease.
//
// LEASES.  Whoever sends a proxy to another process leaves a lease at the server, and whoever reads the message claims it;
// one that is read twice (a task that is tried again) is claimed twice. A lease ends, at the earliest a minute after it was
// made or last claimed, when nobody can be expected to come any more: its giver is gone, or it was claimed and its giver has
// no reference to the object left. A giver has one lease for an object at a time.
//
// On the loop thread, except forget().
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "manager/served_object.hpp"

namespace procyon::manager {

class ObjectTable {
 public:
  /// `lease_lasts`: at least, from its making or last claim.
  explicit ObjectTable(std::chrono::nanoseconds lease_lasts = std::chrono::seconds(60));

  /// Numbers it if it has none.
  ObjectId number_of(const ServedPointer& object);
  ServedPointer find(ObjectId object);
  [[nodiscard]] std::size_t size();
  /// All there are.
  std::vector<ServedPointer> all();

  static void set_type(ServedObject& object, std::string_view type) { object.type_ = type; }
  static const std::string& type_of(const ServedObject& object) { return object.type_; }

  void share(const std::string& name, ServedPointer object);
  /// Null if there is none of that name.
  [[nodiscard]] ServedPointer shared(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> names() const;

  std::uint64_t lease(ClientId giver, const ServedPointer& object);
  /// Null if there is no such lease of the object.
  ServedPointer claim(ObjectId object, std::uint64_t lease);
  /// Ends the leases whose time has come. `holds(client, object)`: whether that client has a reference to it.
  void end_leases(const std::function<bool(ClientId, ObjectId)>& holds);
  [[nodiscard]] bool has_leases() const { return !leases_.empty(); }
  void giver_gone(ClientId giver);

  /// Lets go of names and leases, as a server ends.
  void clear();

 private:
  struct Lease {
    ServedPointer object;
    ObjectId number;
    ClientId giver;  // 0: gone
    bool claimed = false;
    os::Deadline lasts;
  };
  class Forgotten;

  void remove_forgotten();

  const std::chrono::nanoseconds lease_lasts_;
  ObjectId last_ = 0;
  std::unordered_map<ObjectId, std::weak_ptr<ServedObject>> objects_;
  std::shared_ptr<Forgotten> forgotten_;
  std::map<std::string, ServedPointer, std::less<>> names_;
  std::unordered_map<std::uint64_t, Lease> leases_;
  std::map<std::pair<ClientId, ObjectId>, std::uint64_t> lease_of_;
};

}  // namespace procyon::manager
