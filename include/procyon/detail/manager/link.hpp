// What a proxy needs of the server that it speaks with: calls, and references that the server counts.
//
//   std::shared_ptr<Link> link = ...;                            // connected and authenticated, or the server itself
//   Answer answer = link->call(object, method_id("get(str)"), arguments, os::Deadline::never());
//
// There are two kinds of Link: the connection of a client process to a server (one for each process and server, shared by
// its threads and proxies; answers come in any order), and the server's own, for proxies that lie in the server process
// (an object that holds a proxy of another). All functions may be called from any thread.
//
// A forked child has its parent's Link objects, but not its connections: the first use in the child connects anew and
// takes references of its own.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "procyon/detail/arena/handle.hpp"
#include "procyon/detail/arena/reference.hpp"
#include "procyon/detail/os/deadline.hpp"
#include "procyon/detail/wire/type_name.hpp"
#include "procyon/detail/wire/writer.hpp"

namespace procyon::manager {

/// Of one server; never used again for another object.
using ObjectId = std::uint64_t;

/// A method as a message names it: the hash of its name and signature ("inc(i32)->i32", see signature.hpp), so that two
/// programs that were built apart agree, and a wrong type is found out before anything is decoded.
using MethodId = std::uint64_t;
constexpr MethodId method_id(std::string_view name_and_signature) {
  return wire::detail::hash_text(name_and_signature);
}

class Link;

/// One reference to a served object, counted by the server for this client. Copies share it; the last one gives it back.
class ObjectReference {
 public:
  ObjectReference() = default;
  /// The server has counted it already, for the connection of that number (0: the link has but one).
  ObjectReference(std::shared_ptr<Link> link, ObjectId object, std::uint64_t connection = 0);

  [[nodiscard]] explicit operator bool() const { return held_ != nullptr; }
  [[nodiscard]] ObjectId object() const;
  /// In a forked child, and after a reconnection, this takes a reference of its own. Throws ObjectGone, ManagerGone.
  [[nodiscard]] Link& link() const;
  [[nodiscard]] const std::shared_ptr<Link>& shared_link() const;

  /// Whether both are the same object of the same server.
  friend bool operator==(const ObjectReference& left, const ObjectReference& right);

 private:
  struct Held;
  std::shared_ptr<const Held> held_;
};

/// The result of a call as it came: what the codec wrote, and the objects that it refers to, by their place.
struct Answer {
  std::vector<std::byte> bytes;
  std::vector<ObjectReference> objects;
};

/// A call that was sent and whose answer has not been asked for. Dropping it gives the answer up.
class PendingAnswer {
 public:
  virtual ~PendingAnswer() = default;
  [[nodiscard]] virtual bool ready() = 0;
  /// Throws what the method threw, ManagerGone, and TimeoutError (the answer may still come). Once.
  virtual Answer get(os::Deadline deadline) = 0;
};

/// What a served object is, as the server tells it.
struct ObjectDescription {
  std::string type;  // as it was registered
  std::optional<arena::Handle>
      local;         // where it lies in the session, if it does and the client is in the same one
  std::string text;  // ServedObject::text()
};

/// One of many calls that are sent together.
struct BatchCall {
  ObjectReference target;
  MethodId method = 0;
  std::vector<std::byte> arguments;
  std::vector<ObjectReference> objects;
};

/// What became of it: an answer, or an error.
struct BatchOutcome {
  Answer answer;
  std::exception_ptr error;  // null: none
};

class Link : public std::enable_shared_from_this<Link> {
 public:
  virtual ~Link() = default;

  /// Calls a method and waits for its answer. `objects`: those that the arguments refer to by their place. Throws what the
  /// method threw; ObjectGone; ManagerGone when the server is gone or the connection broken; TimeoutError when no answer
  /// came: the call is then cancelled, or the connection is given up if the server does not say so within a second.
  virtual Answer call(ObjectId object, MethodId method, std::span<const std::byte> arguments,
                      std::span<const ObjectReference> objects, os::Deadline deadline) = 0;
  /// Sends it, and does not wait.
  virtual std::unique_ptr<PendingAnswer> begin(ObjectId object, MethodId method,
                                               std::span<const std::byte> arguments,
                                               std::span<const ObjectReference> objects) = 0;

  /// Many calls in one message, answered in one when all have ended. They begin in this order; what each returned or threw
  /// stands at its place. All are of objects of this server. Throws as call().
  virtual std::vector<BatchOutcome> call_many(std::span<const BatchCall> calls, os::Deadline deadline);

  /// Makes an object of a registered type.
  virtual ObjectReference create(std::string_view type, std::span<const std::byte> arguments,
                                 std::span<const ObjectReference> objects) = 0;
  /// The object that was shared by this name.
  virtual ObjectReference find(std::string_view name) = 0;
  virtual ObjectDescription describe(ObjectId object) = 0;
  /// "inc(i32)->i32", ... of an object: for the sentence of an error.
  virtual std::vector<std::string> methods(ObjectId object) = 0;

  /// A number by which another client gets a reference, wherever the number was sent. The object lives until the number was
  /// used and a while longer, and as long as this client is connected.
  virtual std::uint64_t lease(ObjectId object) = 0;
  virtual ObjectReference claim(ObjectId object, std::uint64_t lease) = 0;

  /// "unix:@procyon-..." or "tcp://host:port"; where another process connects to.
  [[nodiscard]] virtual const std::string& address() const = 0;
  /// What another process of this session needs to connect there, if its own key will not do; it travels with proxies, in the
  /// session's memory only. Null if there is nothing to tell.
  [[nodiscard]] virtual arena::Reference credentials() { return {}; }
  /// Whether the server is in this process's session, so that objects in shared memory can be used without it.
  [[nodiscard]] virtual bool is_in_session() const = 0;

 private:
  friend class ObjectReference;
  /// Gives one counted reference back, if the connection that it was counted for is still there. Never throws; sent at once,
  /// not answered.
  virtual void release(ObjectId object, std::uint64_t connection) noexcept = 0;
  /// Sees to it that `connection`, for which a reference was counted, is the present one: in a forked child, and after a
  /// reconnection, the reference is taken anew. Throws ObjectGone, ManagerGone.
  virtual void hold(ObjectId object, std::atomic<std::uint64_t>& connection) {
    static_cast<void>(object);
    static_cast<void>(connection);
  }
};

/// The Link of this process to the server at that address: the one that there is, or a new one that uses this process's
/// authentication key (AuthKey) or the one given for that address by BaseManager::connect(). In the server at that address:
/// its own. Throws ManagerGone, AuthenticationError, TimeoutError.
std::shared_ptr<Link> link_to(const std::string& address);

}  // namespace procyon::manager
