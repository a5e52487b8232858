// What a server must know to make room for items whose type it does not have.
#pragma once

#include <cstdint>

#include "procyon/detail/arena/type_detail.hpp"
#include "procyon/detail/sync/shared_items.hpp"

namespace procyon::manager {

struct ItemType {
  std::uint64_t size = 0;
  std::uint64_t alignment = 0;
  std::uint16_t detail = 0;  // of its arena::ObjectType: opened as another type it is refused
};

template <class T>
constexpr ItemType item_type_of() {
  return {sizeof(T), sync::item_alignment<T>, arena::type_detail<T>()};
}

}  // namespace procyon::manager
