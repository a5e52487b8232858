#include "manager/served_typed.hpp"

#include <stdexcept>
#include <utility>

#include "manager/server.hpp"
#include "procyon/detail/manager/values.hpp"
#include "procyon/errors.hpp"

namespace procyon::manager {

struct ServedTyped::Instance {
  Instance(const TypeDescription& its_description, void* its_object)
      : description(its_description), object(its_object) {}
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;
  ~Instance() { description.destroy(object); }

  const TypeDescription& description;
  void* const object;
};

/// A call with what it needs away from the loop.
struct ServedTyped::Turn {
  IncomingCall call;
  const MethodEntry* method;
  std::vector<ObjectReference> objects;  // those that the arguments refer to, as this process's own proxies
};

namespace {

// Ends a call with what `make` writes, or throws. What refers to objects of the server is let go of on the loop thread.
template <class Make>
void finish(Server& server, IncomingCall call, std::vector<ObjectReference> objects, Make make) {
  OutgoingObjects outgoing(server.loopback());
  wire::Writer result(&outgoing);
  try {
    IncomingObjects incoming(std::move(objects));
    wire::Reader arguments(call.arguments(), &incoming);
    make(arguments, result);
  } catch (...) {
    return server.complete_aside(std::move(call), std::current_exception());
  }
  const auto bytes = result.bytes();
  server.complete_aside(std::move(call), {bytes.begin(), bytes.end()}, outgoing.objects());
}

}  // namespace

// Makes the object with the arguments of a call.
std::shared_ptr<ServedTyped> ServedTyped::construct(Server& server, const std::string& name,
                                                    const TypeDescription& description,
                                                    const IncomingCall& call,
                                                    std::vector<ObjectReference> objects) {
  IncomingObjects incoming(std::move(objects));
  wire::Reader reader(call.arguments(), &incoming);
  auto made = std::make_shared<ServedTyped>(server, name, description, description.construct(reader));
  ObjectTable::set_type(*made, name);
  return made;
}

Maker ServedTyped::maker(Server& server, std::string name, const TypeDescription& description) {
  return
      [&server, name = std::move(name), &description](Loop& loop, IncomingCall& arguments) -> ServedPointer {
        std::vector<ObjectReference> objects = server.refer_locally(arguments.objects());
        if (description.is_quick) return construct(server, name, description, arguments, std::move(objects));
        auto call = std::make_shared<IncomingCall>(std::move(arguments));
        loop.run_aside([&server, name, &description, call, objects = std::move(objects)]() mutable {
          try {
            call->reply_object(construct(server, name, description, *call, std::move(objects)));
          } catch (...) {
            server.complete_aside(std::move(*call), std::current_exception());
          }
        });
        return nullptr;
      };
}

ServedTyped::ServedTyped(Server& server, std::string name, const TypeDescription& description, void* object)
    : server_(server),
      name_(std::move(name)),
      description_(description),
      instance_(std::make_shared<Instance>(description, object)) {}

// The class's destructor may take long, too.
ServedTyped::~ServedTyped() {
  if (description_.is_quick || server_.is_ending()) return;
  server_.run_aside([instance = std::move(instance_)] {});
}

const MethodEntry& ServedTyped::require_method(MethodId method) const {
  std::string names;
  for (const MethodEntry& entry : description_.methods) {
    if (entry.id == method) return entry;
    names += (names.empty() ? "" : ", ") + std::string(entry.signature);
  }
  throw std::invalid_argument(
      "procyon: a '" + name_ +
      "' of the manager has no method of this name that takes and returns these types; it has: " +
      (names.empty() ? "none" : names));
}

void ServedTyped::call(IncomingCall call) {
  const MethodEntry& method = require_method(call.method());
  Turn turn{std::move(call), &method, {}};
  if (!turn.call.objects().empty()) turn.objects = server_.refer_locally(turn.call.objects());
  if (description_.is_quick) return run(server_, *instance_, std::move(turn));
  if (description_.is_concurrent) {
    auto shared = std::make_shared<Turn>(std::move(turn));
    return server_.run_aside(
        [&server = server_, instance = instance_, shared] { run(server, *instance, std::move(*shared)); });
  }
  const std::lock_guard lock(mutex_);
  turns_.push_back(std::move(turn));
  if (std::exchange(is_running_, true)) return;
  server_.run_aside(
      [self = std::static_pointer_cast<ServedTyped>(shared_from_this())] { self->run_turns(); });
}

void ServedTyped::run_turns() {
  const std::shared_ptr<Instance> instance = instance_;
  std::unique_lock lock(mutex_);
  while (!turns_.empty()) {
    Turn turn = std::move(turns_.front());
    turns_.pop_front();
    lock.unlock();
    run(server_, *instance, std::move(turn));
    lock.lock();
  }
  is_running_ = false;
}

void ServedTyped::run(Server& server, Instance& instance, Turn turn) {
  finish(server, std::move(turn.call), std::move(turn.objects),
         [&](wire::Reader& arguments, wire::Writer& result) {
           turn.method->run(instance.object, arguments, result);
         });
}

void ServedTyped::cancel(ClientId client, std::uint64_t number) {
  std::optional<Turn> cancelled;
  {
    const std::lock_guard lock(mutex_);
    for (auto turn = turns_.begin(); turn != turns_.end(); ++turn)
      if (turn->call.caller().client == client && turn->call.number() == number) {
        cancelled.emplace(std::move(*turn));
        turns_.erase(turn);
        break;
      }
  }
  if (cancelled) cancelled->call.fail_with(Cancelled("procyon: the call was cancelled before it began"));
}

void ServedTyped::client_gone(ClientId client) {
  std::deque<Turn> dropped;
  const std::lock_guard lock(mutex_);
  std::deque<Turn> kept;
  for (Turn& turn : turns_) (turn.call.caller().client == client ? dropped : kept).push_back(std::move(turn));
  turns_ = std::move(kept);
}

std::vector<std::string> ServedTyped::methods() const {
  std::vector<std::string> names;
  for (const MethodEntry& entry : description_.methods) names.emplace_back(entry.signature);
  return names;
}

std::string ServedTyped::text() const { return "an object of class " + name_; }

}  // namespace procyon::manager
