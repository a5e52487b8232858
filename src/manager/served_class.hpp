// The classes that are registered at a server, and which of them what their methods return is served as.
//
//   ServedClasses classes;                                      // outlives the server
//   Server server;
//   classes.add(server, "Library", describe_library());
//   ServedClass& books = classes.add(server, "Book", describe_book());
//   classes.connect();                                          // which class Library::open returns: throws if there is none
//   ServedPointer object = books.serve(book);                   // the same for the same book
//
// A class that others return knows its served objects by the addresses of what they serve. It keeps none of them alive; while
// one lives it owns what it serves, so no other object has that address. To be used by any thread once connected.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "manager/served_object.hpp"
#include "procyon/detail/manager/typed_type.hpp"

namespace procyon::manager {

class Server;
class ServedTyped;

class ServedClass {
 public:
  ServedClass(Server& server, std::string name, const TypeDescription& description)
      : server_(server), name_(std::move(name)), description_(description) {}

  [[nodiscard]] Server& server() const { return server_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const TypeDescription& description() const { return description_; }
  /// What the objects that `method`, which returns some, returns are served as.
  [[nodiscard]] ServedClass& returned_by(const MethodEntry& method) const;

  /// The served object of `object`, which is one of this class: the one that there is, or a new one.
  std::shared_ptr<ServedTyped> serve(std::shared_ptr<void> object);
  /// The served object of `object` ends.
  void forget(const void* object) noexcept;

 private:
  friend class ServedClasses;

  Server& server_;
  const std::string name_;
  const TypeDescription& description_;
  // Not to change once the server serves.
  bool is_returned_ = false;            // by a method: else there is no need to find an object again
  std::vector<ServedClass*> returned_;  // by each method; null: a value

  std::mutex mutex_;
  std::unordered_map<const void*, std::weak_ptr<ServedTyped>> served_;  // guarded by mutex_
};

class ServedClasses {
 public:
  /// In the place of one that had the name before.
  ServedClass& add(Server& server, const std::string& name, const TypeDescription& description);
  /// Finds for each method that returns an object what that is served as. Throws std::logic_error, which names class and
  /// method, if there is nothing, or more than one thing.
  void connect();

 private:
  [[nodiscard]] ServedClass& choose(const ServedClass& from, const MethodEntry& method) const;

  std::map<std::string, std::unique_ptr<ServedClass>> classes_;
};

}  // namespace procyon::manager
