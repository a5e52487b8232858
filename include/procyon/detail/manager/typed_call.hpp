// Calls of registered classes: their arguments as the parameters of a method, and their names at run time.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>

#include "procyon/detail/manager/signature.hpp"
#include "procyon/detail/wire/call.hpp"
#include "procyon/detail/wire/codec.hpp"

namespace procyon::manager {

/// The arguments of a call as the parameters of its method.
template <class... Parameters, class... Arguments>
void write_as_parameters(wire::Writer& writer, wire::TypeList<Parameters...>, const Arguments&... arguments) {
  if constexpr (sizeof...(Parameters) != sizeof...(Arguments)) {
    static_assert(sizeof...(Parameters) == sizeof...(Arguments),
                  "procyon: this method takes another number of arguments");
  } else {
    static_assert((std::is_convertible_v<const Arguments&, Parameters> && ...),
                  "procyon: this method takes arguments of other types; see its declaration");
    if constexpr ((std::is_convertible_v<const Arguments&, Parameters> && ...))
      (wire::detail::write_as<Parameters>(writer, arguments), ...);
  }
}

/// "inc(i32)->i32" for a name that is known at run time.
template <class R, class... Arguments>
std::string signature_by_name(std::string_view name) {
  static_assert(!is_served<R>,
                "procyon: what a method returns as std::shared_ptr<Child> stays in the server: call it for a "
                "mp::Proxy<Child>, as in call<mp::Proxy<Child>>(\"child\")");
  return std::string(name) + std::string(signature::Shape<R, Arguments...>::text.view());
}

}  // namespace procyon::manager
