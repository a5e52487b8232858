// NamespaceProxy: values of any types by name, in a manager's server, as Python's manager.Namespace().
//
//   auto settings = manager.Namespace();
//   settings.set("limit", 3);
//   int limit = settings.get<int>("limit");            // as another type: std::invalid_argument, which names both
//   auto sent = settings.async().get<int>("limit");    // sent.get() waits (manager_result.hpp); in a batch: batch.hpp
//
// Each call is one message to the server and back, and atomic. A proxy is a reference: copies, and what arrives in another
// process, are the same namespace. To be used by any thread. For many values of one type: DictProxy.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "procyon/detail/manager/calls.hpp"
#include "procyon/detail/wire/transferable.hpp"

namespace procyon {

/// The methods of a Namespace that are one call each: at once in NamespaceProxy, begun by async(), in a batch by Batch::on()
/// (detail/manager/calls.hpp). Result<R> is an R, a ManagerResult<R>, or its place in the batch.
template <class How>
class NamespaceCalls : public How {
 public:
  template <class R>
  using Result = typename How::template Result<R>;
  using How::How;

  /// Sets it, whatever it was; a text literal as std::string.
  template <class T>
  Result<void> set(const std::string& name, const T& value) const {
    using Stored = wire::stored_t<const T&>;
    wire::check_transferable<Stored>();
    const Stored stored(value);
    return this->call("set(str,str,value)", manager::ReadNothing{}, name, type_of<Stored>(),
                      manager::as_value(stored));
  }
  /// Throws std::out_of_range if there is none of that name, std::invalid_argument if it is of another type.
  template <class T>
  [[nodiscard]] Result<T> get(const std::string& name) const {
    return this->call("get(str,str)->version,value", ReadStored<T>{}, name, type_of<T>());
  }
  [[nodiscard]] Result<bool> has(const std::string& name) const {
    return this->call("contains(str)->bool", manager::ReadPlain<bool>{}, name);
  }
  /// Whether there was one.
  Result<bool> erase(const std::string& name) const {
    return this->call("erase(str)->bool", manager::ReadPlain<bool>{}, name);
  }
  /// In alphabetical order.
  [[nodiscard]] Result<std::vector<std::string>> names() const {
    return this->call("names()->vector<str>", manager::ReadPlain<std::vector<std::string>>{});
  }

 protected:
  template <class T>
  Result<std::pair<std::uint64_t, T>> get_versioned(const std::string& name) const {
    return this->call("get(str,str)->version,value", ReadVersioned<T>{}, name, type_of<T>());
  }
  template <class T>
  Result<bool> set_if_unchanged(const std::string& name, std::uint64_t version, const T& value) const {
    return this->call("set_if_unchanged(str,version,str,value)->bool", manager::ReadPlain<bool>{}, name,
                      version, type_of<T>(), manager::as_value(value));
  }

 private:
  template <class T>
  static std::string type_of() {
    return std::string(manager::signature_of<T>());
  }
  template <class T>
  struct ReadVersioned {
    std::pair<std::uint64_t, T> operator()(manager::ValueReader& answer) const {
      const auto version = answer.get<std::uint64_t>();
      return {version, answer.value<T>()};
    }
  };
  template <class T>
  struct ReadStored {
    T operator()(manager::ValueReader& answer) const { return ReadVersioned<T>{}(answer).second; }
  };
};

class NamespaceProxy : public NamespaceCalls<manager::AtOnce> {
 public:
  template <class How>
  using Calls = NamespaceCalls<How>;
  static consteval auto procyon_type() { return manager::type_text(manager::signature::Text("Namespace")); }

  /// For the library: a proxy of an object that is a Namespace.
  explicit NamespaceProxy(manager::ObjectReference object)
      : NamespaceCalls<manager::AtOnce>(std::move(object)) {}

  /// The same methods, which send the call and do not wait: they return ManagerResults.
  [[nodiscard]] Calls<manager::Begun> async() const { return Calls<manager::Begun>(object_reference()); }

  /// Calls `change(T&)` with the value and stores it, atomically; it may be called more than once. Returns what was stored.
  template <class T, std::invocable<T&> Change>
  T modify(const std::string& name, Change&& change) const {
    for (;;) {
      auto [version, value] = get_versioned<T>(name);
      change(value);
      if (set_if_unchanged(name, version, value)) return value;
    }
  }
};

}  // namespace procyon
