// An object in a server: what its methods are, and how a call of one begins and ends.
//
//   class ServedEvent final : public ServedObject {
//     void call(IncomingCall call) override {
//       if (call.method() == wait_method) return keep(std::move(call));      // completed later
//       call.reply(event_.is_set());
//     }
//   };
//
// All functions of a ServedObject are called by the server's loop thread, one at a time, and never wait: whoever waits for
// something keeps the IncomingCall and completes it later. What may take long runs aside (Loop::run_aside). So an object
// that lives on the loop alone needs no locks, and a caller that waits holds up nobody.
//
// An object lives as long as somebody has a shared_ptr to it: the table of each client (counted), leases, values that refer
// to it, names. It is destroyed on the loop thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "procyon/detail/arena/reference.hpp"
#include "procyon/detail/manager/link.hpp"
#include "procyon/detail/os/deadline.hpp"
#include "procyon/detail/wire/codec.hpp"

namespace procyon::manager {

class ServedObject;
using ServedPointer = std::shared_ptr<ServedObject>;

/// One connection of a client; never used again for another one.
using ClientId = std::uint64_t;

/// Whose call it is: locks that have an owner ask.
struct Caller {
  ClientId client = 0;
  std::uint64_t thread = 0;  // one of the client's

  friend bool operator==(const Caller&, const Caller&) = default;
};

/// The loop thread of a server, as objects see it.
class Loop {
 public:
  using TimerId = std::uint64_t;  // 0: none

  virtual ~Loop() = default;
  /// Runs `action` on the loop thread, soon. Any thread.
  virtual void post(std::function<void()> action) = 0;
  /// Runs `action` on the loop thread once the deadline has passed. Loop thread only, as cancel_timer(). 0 for never().
  virtual TimerId at(os::Deadline deadline, std::function<void()> action) = 0;
  virtual void cancel_timer(TimerId timer) = 0;
  /// Runs `action`, which may wait (in slices; see is_ending()), on a thread of its own for that time. Any thread.
  virtual void run_aside(std::function<void()> action) = 0;
  /// The server ends: whoever waits aside returns.
  [[nodiscard]] virtual bool is_ending() const = 0;
};

/// A value that lies in a server without being understood there: what the client's codec wrote, and the objects that it
/// refers to, which it keeps alive. Equal values of one type have equal bytes (but for unordered containers).
struct StoredValue {
  std::vector<std::byte> bytes;
  std::vector<ServedPointer> objects;
};

/// A call on its way through the server. Completed once, by reply() or fail(), from any thread; one that is destroyed
/// without tells its caller that the object is gone. What is sent to a client that is gone is dropped.
class IncomingCall {
 public:
  /// Where completions go: the server, or a test.
  class Sink {
   public:
    virtual ~Sink() = default;
    /// Any thread. `objects` are referred to by `bytes`; the client gets one reference to each.
    virtual void complete(ClientId client, std::uint64_t call, std::vector<std::byte> bytes,
                          std::vector<ServedPointer> objects) = 0;
    virtual void complete_with_error(ClientId client, std::uint64_t call, std::exception_ptr error) = 0;
    /// The call was destroyed without: ObjectGone, unless what ServedObject::call() throws is the reason.
    virtual void abandon(ClientId client, std::uint64_t call);
  };

  IncomingCall(Sink& sink, Caller caller, std::uint64_t number, MethodId method,
               std::vector<std::byte> arguments, std::vector<ServedPointer> objects);
  IncomingCall(IncomingCall&& other) noexcept;
  IncomingCall& operator=(IncomingCall&& other) noexcept;
  ~IncomingCall();

  [[nodiscard]] Caller caller() const { return caller_; }
  /// Of the caller's client; with it the key by which ServedObject::cancel() names the call.
  [[nodiscard]] std::uint64_t number() const { return number_; }
  [[nodiscard]] MethodId method() const { return method_; }
  [[nodiscard]] std::span<const std::byte> arguments() const { return arguments_; }
  [[nodiscard]] const std::vector<ServedPointer>& objects() const { return objects_; }
  /// For the server.
  void set_objects(std::vector<ServedPointer> objects) { objects_ = std::move(objects); }

  /// Reads the arguments as these types, in order. Throws wire::DecodeError.
  template <class... Arguments>
  std::tuple<Arguments...> read() const {
    wire::Reader reader(arguments_);
    std::tuple<Arguments...> values{wire::read<Arguments>(reader)...};
    reader.expect_end("the arguments of a call");
    return values;
  }
  /// The rest of what read() would read, as a value to store: bytes from `reader` on, and all objects.
  void reply();
  template <class T>
  void reply(const T& value) {
    wire::Writer writer;
    wire::write(writer, value);
    reply_bytes({writer.bytes().begin(), writer.bytes().end()}, {});
  }
  void reply_bytes(std::vector<std::byte> bytes, std::vector<ServedPointer> objects);
  void reply_object(ServedPointer object);
  void fail(std::exception_ptr error);
  template <class Error>
  void fail_with(Error error) {
    fail(std::make_exception_ptr(std::move(error)));
  }

 private:
  Sink* sink_;  // null once completed
  Caller caller_;
  std::uint64_t number_;
  MethodId method_;
  std::vector<std::byte> arguments_;
  std::vector<ServedPointer> objects_;
};

class ServedObject : public std::enable_shared_from_this<ServedObject> {
 public:
  /// Who knows an object by its number, and is told that it is gone. Any thread.
  class Registry {
   public:
    virtual ~Registry() = default;
    virtual void forget(ObjectId object) noexcept = 0;
  };

  ServedObject() = default;
  ServedObject(const ServedObject&) = delete;
  ServedObject& operator=(const ServedObject&) = delete;
  virtual ~ServedObject();

  /// Begins a call: completes it or keeps it. What it throws is the call's outcome if it still holds the call.
  virtual void call(IncomingCall call) = 0;
  /// A caller gives up a call that is kept: complete it with Cancelled unless it ends now anyway.
  virtual void cancel(ClientId client, std::uint64_t number) {
    static_cast<void>(client);
    static_cast<void>(number);
  }
  /// A client is gone, however: calls of it that are kept are dropped, and what it held is given back (a lock with the mark
  /// that its next owner is told of by OwnerDied). Called for every object, also those it never used.
  virtual void client_gone(ClientId client) { static_cast<void>(client); }

  /// "inc(i32)->i32", ...: what can be called; shown when something else is.
  [[nodiscard]] virtual std::vector<std::string> methods() const = 0;
  /// The object as text, as Python's str() of a proxy.
  [[nodiscard]] virtual std::string text() const = 0;
  /// Where it lies in the session's shared memory, if it does.
  [[nodiscard]] virtual std::optional<arena::Handle> local() const { return std::nullopt; }

 private:
  friend class ObjectTable;
  ObjectId id_ = 0;  // 0: no client has heard of it yet
  std::string type_;
  std::weak_ptr<Registry> registry_;
};

/// Makes objects of one type. A plain function, so that it can be named to the server process.
using MakeObject = ServedPointer (*)(Loop& loop, IncomingCall& arguments);

/// A type that clients may create by name.
struct ServedType {
  std::string name;
  MakeObject make = nullptr;
};

/// dict, list, set, Namespace, Lock, ...: what every Manager has. In served_types.cpp.
std::vector<ServedType> standard_types();

}  // namespace procyon::manager
