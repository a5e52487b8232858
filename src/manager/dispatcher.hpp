// What a server does for each request: finds the object, begins the call, and sees to it that every call is answered once.
//
//   Dispatcher dispatcher(loop, host);
//   dispatcher.handle(client, frame);            // throws what says that the client talks nonsense
//
// On the loop thread, except where IncomingCall::Sink allows any.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "manager/object_table.hpp"
#include "manager/served_client.hpp"
#include "manager/served_object.hpp"

namespace procyon::manager {

/// Makes an object, or returns null and keeps the call to complete it later.
using Maker = std::function<ServedPointer(Loop& loop, IncomingCall& arguments)>;

class Dispatcher final : public IncomingCall::Sink {
 public:
  /// The server around it.
  class Host {
   public:
    virtual ~Host() = default;
    [[nodiscard]] virtual bool is_loop_thread() const = 0;
    /// A client asks for the end.
    virtual void shut_down() = 0;
    /// Whether the bytes prove that the client is of this session.
    virtual bool is_proof(const ServedClient& client, std::span<const std::byte> proof) = 0;
  };

  Dispatcher(Loop& loop, Host& host) : loop_(loop), host_(host) {}

  void add_type(std::string name, Maker make) { types_.insert_or_assign(std::move(name), std::move(make)); }
  [[nodiscard]] ObjectTable& objects() { return objects_; }

  void add(ServedClient& client) { clients_.emplace(client.id(), &client); }
  /// Gives back all that it held.
  void remove(ServedClient& client);
  /// Throws ProtocolError and wire::DecodeError.
  void handle(ServedClient& client, std::span<const std::byte> frame);

  void complete(ClientId client, std::uint64_t call, std::vector<std::byte> bytes,
                std::vector<ServedPointer> objects) override;
  void complete_with_error(ClientId client, std::uint64_t call, std::exception_ptr error) override;
  void abandon(ClientId client, std::uint64_t call) override;

  /// The objects and clients there are, as text.
  [[nodiscard]] std::string debug_info();
  /// What lives in the server ends, while the loop is still there.
  void clear();

 private:
  struct Dispatch;
  struct Request;

  void run(ServedClient& client, std::uint64_t number, const ServedPointer& object,
           const std::function<void(IncomingCall)>& begin, IncomingCall call);
  void call(ServedClient& client, const Request& request);
  void begin_call(ServedClient& client, std::uint64_t number, std::uint32_t thread, wire::Reader& reader,
                  std::span<const std::byte> (*arguments)(wire::Reader&));
  void create(ServedClient& client, const Request& request);
  void batch(ServedClient& client, const Request& request);
  void cancel(ServedClient& client, std::uint64_t number);
  void release(ServedClient& client, wire::Reader& reader);
  void look_after(ServedClient& client, const Request& request);

  void deliver(ClientId id, std::uint64_t number, Completion completion,
               std::span<const ServedPointer> objects);
  void finish_part(ServedClient& client, std::uint64_t number, Completion& completion);
  void answer_batch(ServedClient& client, std::uint64_t number, const BatchInProgress& batch);
  void answer_error(ServedClient& client, std::uint64_t number, const std::exception_ptr& error);
  void answer_object(ServedClient& client, std::uint64_t number, const ServedPointer& object);
  ServedPointer require(const ServedClient& client, ObjectId object) const;
  std::vector<ServedPointer> require_all(const ServedClient& client,
                                         const std::vector<ObjectId>& objects) const;
  std::vector<ObjectId> grant(ServedClient& client, std::span<const ServedPointer> objects);
  void keep_leases();

  Loop& loop_;
  Host& host_;
  ObjectTable objects_;
  std::map<std::string, Maker, std::less<>> types_;
  std::unordered_map<ClientId, ServedClient*> clients_;
  Dispatch* dispatching_ = nullptr;
  bool leases_are_watched_ = false;
};

}  // namespace procyon::manager
