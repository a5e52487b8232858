#include "manager/dispatcher.hpp"

#include <exception>
#include <stdexcept>
#include <utility>

#include "process/log.hpp"
#include "procyon/detail/wire/exceptions.hpp"
#include "procyon/errors.hpp"

namespace procyon::manager {

namespace {

constexpr std::chrono::seconds between_looks_at_leases{15};

std::string listed(const std::vector<std::string>& names) {
  if (names.empty()) return "none";
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

std::vector<std::byte> encoded(const std::exception_ptr& error) {
  wire::Writer writer;
  wire::encode_exception(writer, error);
  return {writer.bytes().begin(), writer.bytes().end()};
}

std::vector<std::byte> copy_of(std::span<const std::byte> bytes) { return {bytes.begin(), bytes.end()}; }

std::span<const std::byte> sized_arguments(wire::Reader& reader) {
  const std::size_t size = reader.get_length(1, "the arguments of a call");
  return {reader.take(size, "the arguments of a call"), size};
}

}  // namespace

/// The call that is being begun: what ends before ServedObject::call() returns is answered at once.
struct Dispatcher::Dispatch {
  ClientId client;
  std::uint64_t number;
  bool completed = false;
  bool abandoned = false;  // while what call() threw was on its way here
  Dispatch* outer;
};

struct Dispatcher::Request {
  std::uint64_t number;
  RequestKind kind;
  wire::Reader& rest;
};

void Dispatcher::handle(ServedClient& client, std::span<const std::byte> frame) {
  wire::Reader reader(frame);
  const auto number = reader.get<std::uint64_t>("a request");
  const auto kind = reader.get<RequestKind>("a request");
  const bool is_answered =
      kind != RequestKind::release && kind != RequestKind::cancel && kind != RequestKind::prove;
  if (is_answered) {
    if (number <= client.last_call) throw ProtocolError("it used the number of a call twice");
    client.last_call = number;
  }
  const Request request{number, kind, reader};
  switch (kind) {
    case RequestKind::call:
      return call(client, request);
    case RequestKind::create:
      return create(client, request);
    case RequestKind::batch:
      return batch(client, request);
    case RequestKind::release:
      return release(client, reader);
    case RequestKind::cancel:
      return cancel(client, reader.get<std::uint64_t>("a request"));
    case RequestKind::prove:
      client.is_in_session = host_.is_proof(client, rest_of(reader));
      return;
    case RequestKind::shutdown:
      client.answer(number, Status::ok, {}, {});
      return host_.shut_down();
    default:
      return look_after(client, request);
  }
}

void Dispatcher::call(ServedClient& client, const Request& request) {
  const auto thread = request.rest.get<std::uint32_t>("a call");
  begin_call(client, request.number, thread, request.rest, &rest_of);
}

void Dispatcher::begin_call(ServedClient& client, std::uint64_t number, std::uint32_t thread,
                            wire::Reader& reader, std::span<const std::byte> (*arguments)(wire::Reader&)) {
  const auto id = reader.get<ObjectId>("a call");
  const auto method = reader.get<MethodId>("a call");
  const std::vector<ObjectId> named = read_objects(reader);
  const std::span<const std::byte> bytes = arguments(reader);
  ServedPointer object;
  std::vector<ServedPointer> objects;
  try {
    object = require(client, id);
    objects = require_all(client, named);
  } catch (const ObjectGone&) {
    client.pending.emplace(number, object);
    return complete_with_error(client.id(), number, std::current_exception());
  }
  run(
      client, number, object, [&object](IncomingCall call) { object->call(std::move(call)); },
      IncomingCall(*this, {client.id(), thread}, number, method, copy_of(bytes), std::move(objects)));
}

// Begins a call and notes it if it goes on.
void Dispatcher::run(ServedClient& client, std::uint64_t number, const ServedPointer& object,
                     const std::function<void(IncomingCall)>& begin, IncomingCall call) {
  Dispatch dispatch{client.id(), number, false, false, std::exchange(dispatching_, nullptr)};
  dispatching_ = &dispatch;
  try {
    begin(std::move(call));
  } catch (...) {
    // Whoever threw may have let go of the call on the way, or still keep it somewhere: the error is its outcome.
    dispatching_ = dispatch.outer;
    if (!dispatch.completed) {
      client.pending.emplace(number, object);
      complete_with_error(client.id(), number, std::current_exception());
    }
    return;
  }
  dispatching_ = dispatch.outer;
  if (!dispatch.completed) client.pending.emplace(number, object);
}

void Dispatcher::create(ServedClient& client, const Request& request) {
  const auto thread = request.rest.get<std::uint32_t>("a request");
  const std::string type = read_text(request.rest);
  const std::vector<ObjectId> named = read_objects(request.rest);
  IncomingCall call(*this, {client.id(), thread}, request.number, 0, copy_of(rest_of(request.rest)), {});
  const auto make = [&](IncomingCall arguments) {
    // "dict<str,i32>" is made by "dict": the rest is for those who will use it.
    auto found = types_.find(type);
    if (found == types_.end()) found = types_.find(type.substr(0, type.find('<')));
    if (found == types_.end()) {
      std::vector<std::string> names;
      for (const auto& [name, maker] : types_) names.push_back(name);
      throw std::invalid_argument("procyon: the manager has no type '" + type +
                                  "'; registered are: " + listed(names));
    }
    arguments.set_objects(require_all(client, named));
    if (const ServedPointer object = found->second(loop_, arguments)) {
      ObjectTable::set_type(*object, type);
      arguments.reply_object(object);
    }
  };
  run(client, request.number, nullptr, make, std::move(call));
}

void Dispatcher::batch(ServedClient& client, const Request& request) {
  const auto thread = request.rest.get<std::uint32_t>("a batch");
  // The smallest call has an object, a method, the number of objects and the size of its arguments.
  const std::size_t count = request.rest.get_length(4 * sizeof(std::uint64_t), "a batch");
  client.last_call = request.number + count;
  BatchInProgress& batch = client.batches[request.number];
  batch.parts.resize(count);
  batch.left = count + 1;  // one for this function
  for (std::size_t index = 1; index <= count; ++index)
    begin_call(client, request.number + index, thread, request.rest, &sized_arguments);
  request.rest.expect_end("a batch");
  if (--batch.left == 0) answer_batch(client, request.number, batch);
}

void Dispatcher::cancel(ServedClient& client, std::uint64_t number) {
  const auto found = client.pending.find(number);
  if (found == client.pending.end()) return;  // its answer is on its way
  if (const ServedPointer object = found->second.lock()) {
    try {
      object->cancel(client.id(), number);
    } catch (const std::exception& error) {
      process::warn(std::string("the server of a manager: cancelling a call: ") + error.what());
    }
  }
  // What goes on all the same is answered now, and its result will be dropped.
  if (client.pending.contains(number))
    complete_with_error(client.id(), number,
                        std::make_exception_ptr(Cancelled("procyon: the call was cancelled")));
}

void Dispatcher::release(ServedClient& client, wire::Reader& reader) {
  for (const ObjectId object : read_objects(reader)) client.release(object);
}

void Dispatcher::look_after(ServedClient& client, const Request& request) {
  wire::Reader& rest = request.rest;
  wire::Writer answer;
  try {
    switch (request.kind) {
      case RequestKind::find: {
        const std::string name = read_text(rest);
        const ServedPointer object = objects_.shared(name);
        if (!object)
          throw std::invalid_argument("procyon: nothing is shared by the name '" + name +
                                      "' in the manager; there are: " + listed(objects_.names()));
        return answer_object(client, request.number, object);
      }
      case RequestKind::share: {
        const std::string name = read_text(rest);
        objects_.share(name, require(client, rest.get<ObjectId>("a request")));
        break;
      }
      case RequestKind::describe: {
        const ServedPointer object = require(client, rest.get<ObjectId>("a request"));
        const auto handle = object->local();
        write_text(answer, ObjectTable::type_of(*object));
        answer.put(static_cast<std::uint8_t>(handle ? 1 : 0));
        answer.put(handle ? handle->bits() : std::uint64_t{0});
        write_text(answer, object->text());
        break;
      }
      case RequestKind::methods: {
        const auto methods = require(client, rest.get<ObjectId>("a request"))->methods();
        answer.put(static_cast<std::uint64_t>(methods.size()));
        for (const std::string& method : methods) write_text(answer, method);
        break;
      }
      case RequestKind::lease:
        answer.put(objects_.lease(client.id(), require(client, rest.get<ObjectId>("a request"))));
        keep_leases();
        break;
      case RequestKind::claim: {
        const auto id = rest.get<ObjectId>("a request");
        const ServedPointer object = objects_.claim(id, rest.get<std::uint64_t>("a request"));
        if (!object)
          throw ObjectGone(
              "procyon: the object of a proxy that was sent is gone from the manager: its sender is gone, "
              "and it was "
              "not received within a minute");
        return answer_object(client, request.number, object);
      }
      case RequestKind::attach: {
        const ServedPointer object = objects_.find(rest.get<ObjectId>("a request"));
        if (!object)
          throw ObjectGone(
              "procyon: the object is gone from the manager; who forks must keep its proxy until the "
              "child has used it");
        return answer_object(client, request.number, object);
      }
      case RequestKind::number_of_objects:
        answer.put(static_cast<std::uint64_t>(objects_.size()));
        break;
      case RequestKind::debug_info:
        write_text(answer, debug_info());
        break;
      case RequestKind::ping:
        break;
      default:
        throw ProtocolError("it asked for something that there is not");
    }
  } catch (const ProtocolError&) {
    throw;
  } catch (const wire::DecodeError&) {
    throw;
  } catch (const std::exception&) {
    return answer_error(client, request.number, std::current_exception());
  }
  client.answer(request.number, Status::ok, {}, answer.bytes());
}

void Dispatcher::keep_leases() {
  if (leases_are_watched_) return;
  leases_are_watched_ = true;
  loop_.at(os::Deadline::after(between_looks_at_leases), [this] {
    leases_are_watched_ = false;
    objects_.end_leases([this](ClientId id, ObjectId object) {
      const auto client = clients_.find(id);
      return client != clients_.end() && client->second->referenced(object) != nullptr;
    });
    if (objects_.has_leases()) keep_leases();
  });
}

void Dispatcher::complete(ClientId client, std::uint64_t call, std::vector<std::byte> bytes,
                          std::vector<ServedPointer> objects) {
  if (!host_.is_loop_thread()) {
    loop_.post([this, client, call, bytes = std::move(bytes), objects = std::move(objects)]() mutable {
      complete(client, call, std::move(bytes), std::move(objects));
    });
    return;
  }
  deliver(client, call, {Status::ok, {}, std::move(bytes)}, objects);
}

void Dispatcher::complete_with_error(ClientId client, std::uint64_t call, std::exception_ptr error) {
  if (!host_.is_loop_thread()) {
    loop_.post([this, client, call, error = std::move(error)] { complete_with_error(client, call, error); });
    return;
  }
  deliver(client, call, {Status::error, {}, encoded(error)}, {});
}

void Dispatcher::abandon(ClientId client, std::uint64_t call) {
  if (host_.is_loop_thread() && dispatching_ != nullptr && dispatching_->client == client &&
      dispatching_->number == call && std::uncaught_exceptions() > 0) {
    dispatching_->abandoned = true;  // run() completes it with what is being thrown
    return;
  }
  Sink::abandon(client, call);
}

void Dispatcher::deliver(ClientId id, std::uint64_t number, Completion completion,
                         std::span<const ServedPointer> objects) {
  const auto found = clients_.find(id);
  if (found == clients_.end()) return;  // gone meanwhile
  ServedClient& client = *found->second;
  if (dispatching_ != nullptr && dispatching_->client == id && dispatching_->number == number) {
    if (std::exchange(dispatching_->completed, true)) return;
  } else if (client.pending.erase(number) == 0) {
    return;  // it was cancelled
  }
  completion.objects = grant(client, objects);
  if (!client.batches.empty()) {
    auto batch = client.batches.upper_bound(number);
    if (batch != client.batches.begin() && number - (--batch)->first <= batch->second.parts.size())
      return finish_part(client, number, completion);
  }
  client.answer(number, completion.status, completion.objects, completion.bytes);
}

void Dispatcher::finish_part(ServedClient& client, std::uint64_t number, Completion& completion) {
  const auto batch = std::prev(client.batches.upper_bound(number));
  batch->second.parts[number - batch->first - 1] = std::move(completion);
  if (--batch->second.left == 0) answer_batch(client, batch->first, batch->second);
}

void Dispatcher::answer_batch(ServedClient& client, std::uint64_t number, const BatchInProgress& batch) {
  wire::Writer writer;
  writer.put(static_cast<std::uint64_t>(batch.parts.size()));
  for (const Completion& part : batch.parts) {
    writer.put(part.status);
    write_objects(writer, part.objects);
    writer.put(static_cast<std::uint64_t>(part.bytes.size()));
    writer.append(part.bytes.data(), part.bytes.size());
  }
  client.answer(number, Status::ok, {}, writer.bytes());
  client.batches.erase(number);
}

void Dispatcher::answer_error(ServedClient& client, std::uint64_t number, const std::exception_ptr& error) {
  client.answer(number, Status::error, {}, encoded(error));
}

void Dispatcher::answer_object(ServedClient& client, std::uint64_t number, const ServedPointer& object) {
  client.answer(number, Status::ok, grant(client, {&object, 1}), {});
}

ServedPointer Dispatcher::require(const ServedClient& client, ObjectId object) const {
  if (ServedPointer found = client.referenced(object)) return found;
  throw ObjectGone("procyon: the manager has no object of number " + std::to_string(object) +
                   " for this process: it is gone, or the proxy was given back");
}

std::vector<ServedPointer> Dispatcher::require_all(const ServedClient& client,
                                                   const std::vector<ObjectId>& objects) const {
  std::vector<ServedPointer> found;
  found.reserve(objects.size());
  for (const ObjectId object : objects) found.push_back(require(client, object));
  return found;
}

std::vector<ObjectId> Dispatcher::grant(ServedClient& client, std::span<const ServedPointer> objects) {
  std::vector<ObjectId> numbers;
  numbers.reserve(objects.size());
  for (const ServedPointer& object : objects) {
    numbers.push_back(objects_.number_of(object));
    client.add_reference(numbers.back(), object);
  }
  return numbers;
}

void Dispatcher::remove(ServedClient& client) {
  clients_.erase(client.id());
  objects_.giver_gone(client.id());
  client.pending.clear();
  client.batches.clear();
  for (const ServedPointer& object : objects_.all()) {
    try {
      object->client_gone(client.id());
    } catch (const std::exception& error) {
      process::warn(std::string("the server of a manager: giving back what a client held: ") + error.what());
    }
  }
  client.release_all();
}

std::string Dispatcher::debug_info() {
  std::string text =
      std::to_string(objects_.size()) + " objects, " + std::to_string(clients_.size()) + " clients\n";
  for (const ServedPointer& object : objects_.all())
    text += "  object " + std::to_string(objects_.number_of(object)) + ": " + ObjectTable::type_of(*object) +
            ", " + object->text() + "\n";
  for (const auto& [id, client] : clients_)
    text += "  client " + client->name() + ": " + std::to_string(client->reference_count()) + " objects, " +
            std::to_string(client->pending.size()) + " calls\n";
  return text;
}

void Dispatcher::clear() {
  objects_.clear();
  types_.clear();
}

}  // namespace procyon::manager
