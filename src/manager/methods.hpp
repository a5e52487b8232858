// How a served object finds the function for a method.
//
//   const Method<ServedEvent> event_methods[] = {{"set()", &ServedEvent::set}, {"wait(duration)->bool", &ServedEvent::wait}};
//
//   void ServedEvent::call(IncomingCall call) { run_method(*this, event_methods, std::move(call)); }
//   std::vector<std::string> ServedEvent::methods() const { return names_of(event_methods); }
//
// The function completes the call, or moves it to where it is kept. What it throws before that is the call's outcome.
#pragma once

#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "manager/served_object.hpp"

namespace procyon::manager {

template <class Object>
struct Method {
  constexpr Method(std::string_view name_and_signature, void (Object::*function)(IncomingCall&))
      : name(name_and_signature), id(method_id(name_and_signature)), run(function) {}

  std::string_view name;
  MethodId id;
  void (Object::*run)(IncomingCall&);
};

/// "procyon: a dict<str,i32> has no such method; it has: ...".
[[nodiscard]] std::string sentence_about_methods(const ServedObject& object);

template <class Object, std::size_t count>
void run_method(Object& object, const Method<Object> (&methods)[count], IncomingCall call) {
  for (const Method<Object>& method : methods) {
    if (method.id != call.method()) continue;
    try {
      (object.*method.run)(call);
    } catch (...) {
      call.fail(std::current_exception());
    }
    return;
  }
  call.fail_with(std::logic_error(sentence_about_methods(object)));
}

template <class Object, std::size_t count>
std::vector<std::string> names_of(const Method<Object> (&methods)[count]) {
  std::vector<std::string> names;
  for (const Method<Object>& method : methods) names.emplace_back(method.name);
  return names;
}

}  // namespace procyon::manager
