// What the proxies of the standard objects (dict, list, Lock, Queue, ...) have in common: calls whose arguments and results
// are keys and values that the server stores as bytes, and calls that wait.
//
//   ValueReader answer = invoke("get(key)->entry", as_key(key));
//   const auto version = answer.get<std::uint64_t>();
//   V value = answer.value<V>();
//
// The server's side of the format, and its description: src/manager/stored_values.hpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "procyon/detail/arena/reference.hpp"
#include "procyon/detail/manager/proxy_base.hpp"
#include "procyon/detail/manager/signature.hpp"

namespace procyon::manager {

template <class T>
struct KeyArgument {
  const T& key;
};
template <class T>
struct ValueArgument {
  const T& value;
};
/// How an argument goes to the server: as a key, as a value to store, or (anything else) as what it is.
template <class T>
KeyArgument<T> as_key(const T& key) {
  return {key};
}
template <class T>
ValueArgument<T> as_value(const T& value) {
  return {value};
}

struct EncodedItems;

/// The arguments of a call.
class ValueWriter {
 public:
  explicit ValueWriter(std::shared_ptr<Link> link) : link_(std::move(link)) {}

  template <class T>
  void put(const T& plain) {
    wire::write(writer_, plain);
  }
  template <class T>
  void put(const KeyArgument<T>& argument) {
    wire::Writer key;
    wire::write(key, argument.key);
    writer_.put(std::uint64_t{key.size()});
    writer_.append(key.bytes().data(), key.size());
  }
  template <class T>
  void put(const ValueArgument<T>& argument) {
    OutgoingObjects outgoing(link_);
    wire::Writer value(&outgoing);
    wire::write(value, argument.value);
    writer_.put(static_cast<std::uint32_t>(outgoing.objects().size()));
    writer_.put(std::uint64_t{value.size()});
    writer_.append(value.bytes().data(), value.size());
    objects_.insert(objects_.end(), outgoing.objects().begin(), outgoing.objects().end());
  }

  void put(const EncodedItems& items);

  [[nodiscard]] std::span<const std::byte> bytes() const { return writer_.bytes(); }
  [[nodiscard]] std::span<const ObjectReference> objects() const { return objects_; }

 private:
  std::shared_ptr<Link> link_;
  wire::Writer writer_;
  std::vector<ObjectReference> objects_;
};

/// What a range has, as an argument: how many, and each of them.
struct EncodedItems {
  ValueWriter writer;
  std::uint64_t count = 0;
};

inline void ValueWriter::put(const EncodedItems& items) {
  writer_.put(items.count);
  writer_.append(items.writer.bytes().data(), items.writer.bytes().size());
  objects_.insert(objects_.end(), items.writer.objects_.begin(), items.writer.objects_.end());
}

/// The answer to a call. Throws wire::DecodeError for what the server would not have answered.
class ValueReader {
 public:
  explicit ValueReader(Answer answer) : answer_(std::move(answer)), reader_(answer_.bytes) {}
  ValueReader(const ValueReader&) = delete;
  ValueReader& operator=(const ValueReader&) = delete;

  template <class T>
  T get() {
    return wire::read<T>(reader_);
  }
  template <class K>
  K key() {
    const std::span<const std::byte> bytes = next_bytes();
    wire::Reader reader(bytes);
    return whole<K>(reader);
  }
  template <class V>
  V value() {
    const auto count = reader_.get<std::uint32_t>("a value");
    const std::span<const std::byte> bytes = next_bytes();
    IncomingObjects incoming(next_objects(count));
    wire::Reader reader(bytes, &incoming);
    return whole<V>(reader);
  }
  /// The object that the answer is.
  [[nodiscard]] const ObjectReference& object() const;

 private:
  std::span<const std::byte> next_bytes() {
    const std::size_t length = reader_.get_length(1, "a value");
    return {reader_.take(length, "a value"), length};
  }
  std::vector<ObjectReference> next_objects(std::size_t count);

  template <class T>
  static T whole(wire::Reader& reader) {
    T value = wire::read<T>(reader);
    reader.expect_end(wire::type_name<T>());
    return value;
  }

  Answer answer_;
  wire::Reader reader_;
  std::size_t next_object_ = 0;
};

/// How long a caller waits, as the server is told: negative is for ever.
class WaitingTime {
 public:
  static WaitingTime for_ever() { return WaitingTime(-1); }
  template <class Rep, class Period>
  static WaitingTime of(std::chrono::duration<Rep, Period> timeout) {
    const os::Deadline deadline = os::Deadline::after(timeout);
    return WaitingTime(deadline.is_never() ? -1 : deadline.remaining().count());
  }
  static WaitingTime none() { return WaitingTime(0); }

  [[nodiscard]] std::int64_t nanoseconds() const { return nanoseconds_; }
  /// When the caller gives up asking a server that does not answer: later than the server should.
  [[nodiscard]] os::Deadline give_up() const {
    return nanoseconds_ < 0 ? os::Deadline::never()
                            : os::Deadline::after(std::chrono::nanoseconds(nanoseconds_) + grace);
  }

 private:
  static constexpr std::chrono::seconds grace{1};
  explicit WaitingTime(std::int64_t nanoseconds) : nanoseconds_(nanoseconds) {}
  std::int64_t nanoseconds_;
};

class StandardProxy : public ProxyBase {
 public:
  /// For BaseManager::find(): throws std::invalid_argument, with the names of both, unless the object is one for `Proxy`.
  template <class Proxy>
  static void check_type_of(const ObjectReference& object);

 protected:
  explicit StandardProxy(ObjectReference reference) : ProxyBase(std::move(reference)) {}

  template <class... Arguments>
  ValueWriter encode(const Arguments&... arguments) const {
    ValueWriter writer(object_reference().shared_link());
    (writer.put(arguments), ...);
    return writer;
  }
  /// `put(writer, item)` writes one.
  template <class Items, class Put>
  EncodedItems encode_each(Items&& items, Put put) const {
    EncodedItems encoded{ValueWriter(object_reference().shared_link())};
    for (auto&& item : items) {
      put(encoded.writer, item);
      ++encoded.count;
    }
    return encoded;
  }
  template <class... Arguments>
  ValueReader invoke(std::string_view method, const Arguments&... arguments) const {
    return invoke_until(os::Deadline::never(), method, arguments...);
  }
  template <class... Arguments>
  ValueReader invoke_until(os::Deadline deadline, std::string_view method,
                           const Arguments&... arguments) const {
    const ValueWriter writer = encode(arguments...);
    return ValueReader(object_reference().link().call(object_reference().object(), method_id(method),
                                                      writer.bytes(), writer.objects(), deadline));
  }
  /// Of a method whose only argument is how long to wait.
  ValueReader invoke_waiting(std::string_view method, WaitingTime time) const {
    return invoke_until(time.give_up(), method, time.nanoseconds());
  }

  /// Where the object lies in this process's session, if it does.
  [[nodiscard]] static arena::Reference find_local(const ObjectReference& object);
};

/// The type of an object as servers know it: "dict<str,i32>".
template <class... Types, std::size_t length>
consteval auto type_text(const signature::Text<length>& name) {
  if constexpr (sizeof...(Types) == 0)
    return name;
  else
    return signature::around(name, signature::list_of(wire::TypeList<Types...>{}));
}
template <class Proxy>
concept NamedProxy = std::derived_from<Proxy, StandardProxy> && requires {
  Proxy::procyon_type();
};

template <class Proxy>
inline constexpr auto text_of_type = Proxy::procyon_type();
/// The type of the objects of a proxy.
template <class Proxy>
std::string type_of() {
  return std::string(text_of_type<Proxy>.view());
}

/// Makes an object of the proxy's type. `arguments` come after the name of the type.
template <NamedProxy Proxy, class... Arguments>
Proxy create_object(const std::shared_ptr<Link>& link, const Arguments&... arguments) {
  const std::string type = type_of<Proxy>();
  ValueWriter writer(link);
  writer.put(type);
  (writer.put(arguments), ...);
  return Proxy(link->create(type, writer.bytes(), writer.objects()));
}

[[noreturn]] void throw_no_such_key(const std::string& type);
[[noreturn]] void throw_empty_list(const std::string& type);

/// Throws std::invalid_argument, with the names of both, unless the object is of that type.
void check_type(const ObjectReference& object, const std::string& type);

template <class Proxy>
void StandardProxy::check_type_of(const ObjectReference& object) {
  check_type(object, type_of<Proxy>());
}

}  // namespace procyon::manager

namespace procyon::wire {

template <manager::NamedProxy Proxy>
struct Codec<Proxy> {
  using Parts = TypeList<>;
  static void write(Writer& writer, const Proxy& proxy) {
    manager::write_reference(writer, proxy.object_reference(), manager::type_of<Proxy>());
  }
  static Proxy read(Reader& reader) {
    return Proxy(manager::read_reference(reader, manager::type_of<Proxy>()));
  }
};

}  // namespace procyon::wire
