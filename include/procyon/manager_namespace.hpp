// NamespaceProxy: values of any types by name, in a manager's server, as Python's manager.Namespace().
//
//   auto settings = manager.Namespace();
//   settings.set("limit", 3);
//   int limit = settings.get<int>("limit");            // as another type: std::invalid_argument, which names both
//
// Each call is one message to the server and back, and atomic. A proxy is a reference: copies, and what arrives in another
// process, are the same namespace. To be used by any thread. For many values of one type: DictProxy.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "procyon/detail/manager/standard_proxy.hpp"
#include "procyon/detail/wire/transferable.hpp"

namespace procyon {

class NamespaceProxy : public manager::StandardProxy {
 public:
  static consteval auto procyon_type() { return manager::type_text(manager::signature::Text("Namespace")); }

  /// For the library: a proxy of an object that is a Namespace.
  explicit NamespaceProxy(manager::ObjectReference object) : StandardProxy(std::move(object)) {}

  /// Sets it, whatever it was; a text literal as std::string.
  template <class T>
  void set(const std::string& name, const T& value) const {
    using Stored = wire::stored_t<const T&>;
    wire::check_transferable<Stored>();
    const Stored stored(value);
    invoke("set(str,str,value)", name, type_of<Stored>(), manager::as_value(stored));
  }
  /// Throws std::out_of_range if there is none of that name, std::invalid_argument if it is of another type.
  template <class T>
  [[nodiscard]] T get(const std::string& name) const {
    return read<T>(name).second;
  }
  /// Calls `change(T&)` with the value and stores it, atomically; it may be called more than once. Returns what was stored.
  template <class T, std::invocable<T&> Change>
  T modify(const std::string& name, Change&& change) const {
    for (;;) {
      auto [version, value] = read<T>(name);
      change(value);
      if (invoke("set_if_unchanged(str,version,str,value)->bool", name, version, type_of<T>(),
                 manager::as_value(value))
              .template get<bool>())
        return value;
    }
  }
  [[nodiscard]] bool has(const std::string& name) const {
    return invoke("contains(str)->bool", name).get<bool>();
  }
  /// Whether there was one.
  bool erase(const std::string& name) const { return invoke("erase(str)->bool", name).get<bool>(); }
  /// In alphabetical order.
  [[nodiscard]] std::vector<std::string> names() const {
    return invoke("names()->vector<str>").get<std::vector<std::string>>();
  }

 private:
  template <class T>
  static std::string type_of() {
    return std::string(manager::signature_of<T>());
  }
  template <class T>
  std::pair<std::uint64_t, T> read(const std::string& name) const {
    manager::ValueReader answer = invoke("get(str,str)->version,value", name, type_of<T>());
    const auto version = answer.get<std::uint64_t>();
    return {version, answer.value<T>()};
  }
};

}  // namespace procyon
