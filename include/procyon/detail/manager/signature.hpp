// Stand-in until the real one is merged.
#pragma once

#include <concepts>
#include <map>
#include <string>
#include <vector>

#include "procyon/detail/wire/type_name.hpp"

namespace procyon::manager {

template <class T>
std::string signature_of() {
  if constexpr (requires { T::procyon_proxy_type(); })
    return T::procyon_proxy_type();
  else if constexpr (std::same_as<T, int>)
    return "i32";
  else if constexpr (std::same_as<T, std::string>)
    return "str";
  else
    return std::string(wire::type_name<T>());
}

}  // namespace procyon::manager
