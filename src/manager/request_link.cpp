#include "manager/request_link.hpp"

#include <unistd.h>

#include <atomic>
#include <exception>
#include <utility>

#include "procyon/detail/wire/exceptions.hpp"
#include "procyon/errors.hpp"

namespace procyon::manager {

namespace {

// How long a server may take to say that it gives up a call.
constexpr std::chrono::seconds for_cancelling{1};

void write_references(wire::Writer& writer, std::span<const ObjectReference> objects) {
  writer.put(static_cast<std::uint64_t>(objects.size()));
  for (const ObjectReference& object : objects) {
    static_cast<void>(object.link());  // in a forked child: taken anew
    writer.put(object.object());
  }
}

void write_call(wire::Writer& writer, ObjectId object, MethodId method,
                std::span<const ObjectReference> objects) {
  writer.put(object);
  writer.put(method);
  write_references(writer, objects);
}

// Whether an answer soon comes depends on what is asked of whom: `get` of a queue that is empty waits, of another not.
std::uint64_t likeness_of(ObjectId object, MethodId method) { return object ^ method; }

std::vector<std::byte> copy_of(std::span<const std::byte> bytes) { return {bytes.begin(), bytes.end()}; }

std::exception_ptr read_error(std::span<const std::byte> bytes) {
  wire::Reader reader(bytes);
  return wire::decode_exception(reader);
}

}  // namespace

std::uint32_t number_of_this_thread() {
  static std::atomic<std::uint32_t> last{0};
  thread_local const std::uint32_t number = ++last;
  return number;
}

// A call that was begun; the connection goes on when its link has gone.
class RequestLink::Pending final : public PendingAnswer {
 public:
  Pending(std::shared_ptr<RequestLink> link, std::shared_ptr<Exchange> exchange,
          std::shared_ptr<PendingCall> call)
      : link_(std::move(link)), exchange_(std::move(exchange)), call_(std::move(call)) {}
  ~Pending() override {
    if (!call_ || is_of_parent()) return;
    exchange_->forget(*call_);
    try {
      if (!call_->done.load(std::memory_order_acquire))
        exchange_->tell(RequestKind::cancel, os::bytes_of(call_->number));
      else
        static_cast<void>(link_->decode(*exchange_, *call_));  // gives back the objects that it brought
    } catch (...) {  // the connection is gone, or the call has failed: nobody wants to know
    }
  }

  bool ready() override { return !call_ || is_of_parent() || exchange_->is_ready(*call_); }

  Answer get(os::Deadline deadline) override {
    if (!call_)
      throw std::logic_error("procyon: the result of this call of a manager has been taken already");
    if (is_of_parent())
      throw ManagerGone(
          "procyon: this call of a manager was begun before fork(); its result comes to the parent, not to "
          "this process");
    if (!exchange_->wait(*call_, deadline))
      throw TimeoutError("procyon: the manager at " + link_->address() +
                         " has not answered in time; it still may");
    const std::shared_ptr<PendingCall> call = std::move(call_);
    return link_->decode(*exchange_, *call);
  }

 private:
  // In a forked child, which has the parent's exchange, but not its socket, and perhaps its locks held.
  [[nodiscard]] bool is_of_parent() const { return process_ != ::getpid(); }

  const std::shared_ptr<RequestLink> link_;
  const std::shared_ptr<Exchange> exchange_;
  std::shared_ptr<PendingCall> call_;  // null once taken
  const pid_t process_ = ::getpid();
};

RequestLink::Sent RequestLink::send_call(ObjectId object, MethodId method,
                                         std::span<const std::byte> arguments,
                                         std::span<const ObjectReference> objects) {
  wire::Writer head;
  head.put(number_of_this_thread());
  write_call(head, object, method, objects);
  std::shared_ptr<Exchange> exchange = this->exchange();
  std::shared_ptr<PendingCall> call = exchange->begin(RequestKind::call, head.bytes(), arguments);
  call->likeness = likeness_of(object, method);
  return {std::move(exchange), std::move(call)};
}

Answer RequestLink::call(ObjectId object, MethodId method, std::span<const std::byte> arguments,
                         std::span<const ObjectReference> objects, os::Deadline deadline) {
  const auto [exchange, call] = send_call(object, method, arguments, objects);
  return finish(*exchange, *call, deadline);
}

std::unique_ptr<PendingAnswer> RequestLink::begin(ObjectId object, MethodId method,
                                                  std::span<const std::byte> arguments,
                                                  std::span<const ObjectReference> objects) {
  auto [exchange, call] = send_call(object, method, arguments, objects);
  return std::make_unique<Pending>(std::static_pointer_cast<RequestLink>(shared_from_this()),
                                   std::move(exchange), std::move(call));
}

std::vector<BatchOutcome> RequestLink::call_many(std::span<const BatchCall> calls, os::Deadline deadline) {
  wire::Writer body;
  body.put(number_of_this_thread());
  body.put(static_cast<std::uint64_t>(calls.size()));
  for (const BatchCall& one : calls) {
    static_cast<void>(one.target.link());
    write_call(body, one.target.object(), one.method, one.objects);
    body.put(static_cast<std::uint64_t>(one.arguments.size()));
    body.append(one.arguments.data(), one.arguments.size());
  }
  const std::shared_ptr<Exchange> exchange = this->exchange();
  const auto call = exchange->begin(RequestKind::batch, body.bytes(), {}, calls.size());
  const Answer whole = finish(*exchange, *call, deadline);
  wire::Reader reader(whole.bytes);
  if (reader.get_length(1, "the answer to a batch") != calls.size())
    throw wire::DecodeError("procyon: the manager answered other calls than were sent");
  std::vector<BatchOutcome> outcomes(calls.size());
  for (BatchOutcome& outcome : outcomes) {
    const auto status = reader.get<Status>("the answer to a batch");
    outcome.answer.objects = references(*exchange, read_objects(reader));
    const std::size_t size = reader.get_length(1, "the answer to a batch");
    const std::span<const std::byte> bytes(reader.take(size, "the answer to a batch"), size);
    if (status == Status::ok)
      outcome.answer.bytes = copy_of(bytes);
    else
      outcome.error = read_error(bytes);
  }
  return outcomes;
}

ObjectReference RequestLink::create(std::string_view type, std::span<const std::byte> arguments,
                                    std::span<const ObjectReference> objects) {
  wire::Writer head;
  head.put(number_of_this_thread());
  write_text(head, type);
  write_references(head, objects);
  return ask_for_object(RequestKind::create, head.bytes(), arguments);
}

ObjectReference RequestLink::find(std::string_view name) {
  wire::Writer head;
  write_text(head, name);
  return ask_for_object(RequestKind::find, head.bytes());
}

ObjectDescription RequestLink::describe(ObjectId object) {
  const Answer answer = ask(RequestKind::describe, os::bytes_of(object));
  wire::Reader reader(answer.bytes);
  ObjectDescription description;
  description.type = read_text(reader);
  const bool has_handle = reader.get<std::uint8_t>("a description") != 0;
  const auto handle = arena::Handle::from_bits(reader.get<std::uint64_t>("a description"));
  if (has_handle && is_in_session()) description.local = handle;
  description.text = read_text(reader);
  return description;
}

std::vector<std::string> RequestLink::methods(ObjectId object) {
  const Answer answer = ask(RequestKind::methods, os::bytes_of(object));
  wire::Reader reader(answer.bytes);
  std::vector<std::string> result(reader.get_length(sizeof(std::uint64_t), "a list of methods"));
  for (std::string& method : result) method = read_text(reader);
  return result;
}

std::uint64_t RequestLink::lease(ObjectId object) {
  const Answer answer = ask(RequestKind::lease, os::bytes_of(object));
  return wire::Reader(answer.bytes).get<std::uint64_t>("a lease");
}

ObjectReference RequestLink::claim(ObjectId object, std::uint64_t lease) {
  return ask_for_object(RequestKind::claim, os::bytes_of(object), os::bytes_of(lease));
}

bool RequestLink::is_in_session() const { return exchange()->is_in_session(); }

void RequestLink::share(std::string_view name, const ObjectReference& object) {
  wire::Writer head;
  write_text(head, name);
  static_cast<void>(object.link());
  head.put(object.object());
  ask(RequestKind::share, head.bytes());
}

void RequestLink::ping(os::Deadline deadline) { ask(RequestKind::ping, {}, {}, deadline); }

void RequestLink::shut_down(os::Deadline deadline) { ask(RequestKind::shutdown, {}, {}, deadline); }

std::uint64_t RequestLink::number_of_objects() {
  const Answer answer = ask(RequestKind::number_of_objects, {});
  return wire::Reader(answer.bytes).get<std::uint64_t>("a number of objects");
}

std::string RequestLink::debug_info() {
  const Answer answer = ask(RequestKind::debug_info, {});
  wire::Reader reader(answer.bytes);
  return read_text(reader);
}

Answer RequestLink::ask(RequestKind kind, std::span<const std::byte> head, std::span<const std::byte> tail,
                        os::Deadline deadline) {
  const std::shared_ptr<Exchange> exchange = this->exchange();
  const auto call = exchange->begin(kind, head, tail);
  return finish(*exchange, *call, deadline);
}

// Waits; a call whose time is over is cancelled, so that the server forgets it, too.
Answer RequestLink::finish(Exchange& exchange, PendingCall& call, os::Deadline deadline) {
  if (exchange.wait(call, deadline)) return decode(exchange, call);
  exchange.tell(RequestKind::cancel, os::bytes_of(call.number));
  const std::string too_late = "procyon: the manager at " + address() + " has not answered in time";
  if (!exchange.wait(call, os::Deadline::after(for_cancelling))) {
    exchange.forget(call);
    give_up(exchange, too_late + ", nor to being told to give the call up; the connection was given up");
    throw TimeoutError(too_late +
                       "; nor has it said that it gives the call up, so the connection to it was given up");
  }
  try {
    return decode(exchange, call);  // it may have ended just now
  } catch (const Cancelled&) {
    throw TimeoutError(too_late + "; the call was cancelled");
  }
}

Answer RequestLink::decode(Exchange& exchange, PendingCall& call) {
  wire::Reader reader(call.answer);
  const AnswerHead head = read_answer_head(reader);
  Answer answer;
  answer.objects = references(exchange, head.objects);
  const auto bytes = rest_of(reader);
  if (head.status == Status::error) std::rethrow_exception(read_error(bytes));
  answer.bytes.assign(bytes.begin(), bytes.end());
  return answer;
}

void RequestLink::take_attached(Exchange& exchange, PendingCall& call) {
  exchange.wait(call, os::Deadline::never());
  wire::Reader reader(call.answer);
  if (read_answer_head(reader).status == Status::error) std::rethrow_exception(read_error(rest_of(reader)));
}

ObjectReference RequestLink::ask_for_object(RequestKind kind, std::span<const std::byte> head,
                                            std::span<const std::byte> tail) {
  Answer answer = ask(kind, head, tail);
  if (answer.objects.size() != 1)
    throw wire::DecodeError("procyon: the manager answered with " + std::to_string(answer.objects.size()) +
                            " objects where one was asked for");
  return std::move(answer.objects.front());
}

std::vector<ObjectReference> RequestLink::references(const Exchange& exchange,
                                                     const std::vector<ObjectId>& objects) {
  std::vector<ObjectReference> result;
  result.reserve(objects.size());
  for (const ObjectId object : objects) result.emplace_back(shared_from_this(), object, exchange.number());
  return result;
}

}  // namespace procyon::manager
