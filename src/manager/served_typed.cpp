#include "manager/served_typed.hpp"

#include <stdexcept>
#include <utility>

#include "manager/server.hpp"
#include "procyon/detail/manager/values.hpp"
#include "procyon/errors.hpp"

namespace procyon::manager {

struct ServedTyped::Instance {
  const std::shared_ptr<void> object;
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

// On the loop thread.
void answer_with(ServedClass& its_class, IncomingCall& call, std::shared_ptr<void> object,
                 std::string_view proxy) {
  try {
    wire::Writer result;
    std::vector<ServedPointer> objects;
    if (object) {
      objects.push_back(its_class.serve(std::move(object)));
      write_served_reference(result, 0, proxy);
    } else {
      write_empty_reference(result, proxy);
    }
    const auto bytes = result.bytes();
    call.reply_bytes({bytes.begin(), bytes.end()}, std::move(objects));
  } catch (...) {
    call.fail(std::current_exception());
  }
}

}  // namespace

// Makes the object with the arguments of a call.
std::shared_ptr<ServedTyped> ServedTyped::construct(ServedClass& its_class, const IncomingCall& call,
                                                    std::vector<ObjectReference> objects) {
  IncomingObjects incoming(std::move(objects));
  wire::Reader reader(call.arguments(), &incoming);
  return its_class.serve(its_class.description().construct(reader));
}

Maker ServedTyped::maker(ServedClass& its_class) {
  return [&its_class](Loop& loop, IncomingCall& arguments) -> ServedPointer {
    if (its_class.description().construct == nullptr)
      throw std::invalid_argument("procyon: clients make no '" + its_class.name() +
                                  "' of the manager: it was registered with mp::no_constructor; methods of "
                                  "other objects return some");
    Server& server = its_class.server();
    std::vector<ObjectReference> objects = server.refer_locally(arguments.objects());
    if (its_class.description().is_quick) return construct(its_class, arguments, std::move(objects));
    auto call = std::make_shared<IncomingCall>(std::move(arguments));
    loop.run_aside([&server, &its_class, call, objects = std::move(objects)]() mutable {
      try {
        call->reply_object(construct(its_class, *call, std::move(objects)));
      } catch (...) {
        server.complete_aside(std::move(*call), std::current_exception());
      }
    });
    return nullptr;
  };
}

ServedTyped::ServedTyped(ServedClass& its_class, std::shared_ptr<void> object)
    : class_(its_class), instance_(std::make_shared<Instance>(Instance{std::move(object)})) {}

// The class's destructor may take long, too.
ServedTyped::~ServedTyped() {
  class_.forget(instance_->object.get());
  if (class_.description().is_quick || class_.server().is_ending()) return;
  class_.server().run_aside([instance = std::move(instance_)] {});
}

const MethodEntry& ServedTyped::require_method(MethodId method) const {
  std::string names;
  for (const MethodEntry& entry : class_.description().methods) {
    if (entry.id == method) return entry;
    names += (names.empty() ? "" : ", ") + std::string(entry.signature);
  }
  throw std::invalid_argument(
      "procyon: a '" + class_.name() +
      "' of the manager has no method of this name that takes and returns these types; it has: " +
      (names.empty() ? "none" : names));
}

void ServedTyped::call(IncomingCall call) {
  const MethodEntry& method = require_method(call.method());
  Turn turn{std::move(call), &method, {}};
  if (!turn.call.objects().empty()) turn.objects = class_.server().refer_locally(turn.call.objects());
  if (class_.description().is_quick) return run(class_, *instance_, std::move(turn));
  if (class_.description().is_concurrent) {
    auto shared = std::make_shared<Turn>(std::move(turn));
    return class_.server().run_aside([&its_class = class_, instance = instance_, shared] {
      run(its_class, *instance, std::move(*shared));
    });
  }
  const std::lock_guard lock(mutex_);
  turns_.push_back(std::move(turn));
  if (std::exchange(is_running_, true)) return;
  class_.server().run_aside(
      [self = std::static_pointer_cast<ServedTyped>(shared_from_this())] { self->run_turns(); });
}

void ServedTyped::run_turns() {
  const std::shared_ptr<Instance> instance = instance_;
  std::unique_lock lock(mutex_);
  while (!turns_.empty()) {
    Turn turn = std::move(turns_.front());
    turns_.pop_front();
    lock.unlock();
    run(class_, *instance, std::move(turn));
    lock.lock();
  }
  is_running_ = false;
}

void ServedTyped::run(ServedClass& its_class, Instance& instance, Turn turn) {
  if (turn.method->returned.run != nullptr) return run_for_object(its_class, instance, std::move(turn));
  finish(its_class.server(), std::move(turn.call), std::move(turn.objects),
         [&](wire::Reader& arguments, wire::Writer& result) {
           turn.method->run(instance.object.get(), arguments, result);
         });
}

// The object is served on the loop thread, where the call ends, too.
void ServedTyped::run_for_object(ServedClass& its_class, Instance& instance, Turn turn) {
  const ReturnedObject& returned = turn.method->returned;
  ServedClass& class_of_result = its_class.returned_by(*turn.method);
  Server& server = its_class.server();
  std::shared_ptr<void> object;
  try {
    IncomingObjects incoming(std::move(turn.objects));
    wire::Reader arguments(turn.call.arguments(), &incoming);
    object = returned.run(instance.object.get(), arguments);
  } catch (...) {
    return server.complete_aside(std::move(turn.call), std::current_exception());
  }
  if (server.is_loop_thread())
    return answer_with(class_of_result, turn.call, std::move(object), returned.proxy);
  auto call = std::make_shared<IncomingCall>(std::move(turn.call));
  server.post([&class_of_result, call, object = std::move(object), proxy = returned.proxy]() mutable {
    answer_with(class_of_result, *call, std::move(object), proxy);
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
  for (const MethodEntry& entry : class_.description().methods) names.emplace_back(entry.signature);
  return names;
}

std::string ServedTyped::text() const { return "an object of class " + class_.name(); }

}  // namespace procyon::manager
