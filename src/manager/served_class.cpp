#include "manager/served_class.hpp"

#include <stdexcept>

#include "manager/object_table.hpp"
#include "manager/served_typed.hpp"

namespace procyon::manager {

namespace {

// "Child", out of "proxy<Proxy<Child>>".
std::string class_in(std::string_view proxy) {
  const std::size_t begin = proxy.rfind('<') + 1;
  return std::string(proxy.substr(begin, proxy.find('>') - begin));
}

std::string returns(const ServedClass& from, const MethodEntry& method) {
  return "procyon: the method '" + std::string(method.signature) + "' of the registered class '" +
         from.name() + "' returns objects of " + class_in(method.returned.proxy);
}

}  // namespace

ServedClass& ServedClass::returned_by(const MethodEntry& method) const {
  return *returned_.at(static_cast<std::size_t>(&method - description_.methods.data()));
}

std::shared_ptr<ServedTyped> ServedClass::serve(std::shared_ptr<void> object) {
  const void* const address = object.get();
  std::shared_ptr<ServedTyped> made;  // if it ends here, it does so without the lock, which forget() takes
  std::unique_lock lock(mutex_, std::defer_lock);
  if (is_returned_) {
    lock.lock();
    if (const auto known = served_.find(address); known != served_.end())
      if (std::shared_ptr<ServedTyped> served = known->second.lock()) return served;
  }
  made = std::make_shared<ServedTyped>(*this, std::move(object));
  ObjectTable::set_type(*made, name_);
  if (is_returned_) served_.insert_or_assign(address, made);
  return made;
}

void ServedClass::forget(const void* object) noexcept {
  if (!is_returned_) return;
  const std::lock_guard lock(mutex_);
  const auto known = served_.find(object);
  if (known != served_.end() && known->second.expired()) served_.erase(known);
}

ServedClass& ServedClasses::add(Server& server, const std::string& name, const TypeDescription& description) {
  auto& place = classes_[name];
  place = std::make_unique<ServedClass>(server, name, description);
  return *place;
}

void ServedClasses::connect() {
  for (const auto& [name, one] : classes_) {
    one->returned_.clear();
    for (const MethodEntry& method : one->description().methods)
      one->returned_.push_back(method.returned.run == nullptr ? nullptr : &choose(*one, method));
  }
  for (const auto& [name, one] : classes_)
    for (ServedClass* const returned : one->returned_)
      if (returned != nullptr) returned->is_returned_ = true;
}

ServedClass& ServedClasses::choose(const ServedClass& from, const MethodEntry& method) const {
  std::string names;
  ServedClass* only = nullptr;
  for (const auto& [name, one] : classes_) {
    if (*one->description().of != *method.returned.of) continue;
    only = names.empty() ? one.get() : nullptr;
    names += (names.empty() ? "'" : ", '") + name + "'";
  }
  if (names.empty())
    throw std::logic_error(
        returns(from, method) +
        ", which is not registered in this server: register it, too (mp::no_constructor if "
        "clients are not to make any), or return a std::shared_ptr to const for a copy");
  for (const ServedName& chosen : from.description().served_names) {
    if (*chosen.of != *method.returned.of) continue;
    const auto found = classes_.find(std::string(chosen.name));
    if (found != classes_.end() && *found->second->description().of == *chosen.of) return *found->second;
    throw std::logic_error(returns(from, method) + ", to be served as '" + std::string(chosen.name) +
                           "', by which name that class is not registered; it is by " + names);
  }
  if (only == nullptr)
    throw std::logic_error(returns(from, method) + ", which is registered by several names, " + names +
                           ": say which one is meant by mp::served_as<" + class_in(method.returned.proxy) +
                           ", \"name\">() where '" + from.name() + "' is registered");
  return *only;
}

}  // namespace procyon::manager
