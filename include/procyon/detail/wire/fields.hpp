// Access to the members of an aggregate whose number is known (reflection.hpp): by structured bindings, which must be
// written out for each number. Nothing here decides anything.
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

#include "procyon/detail/wire/reflection.hpp"

namespace procyon::wire {

// Calls visitor(member, member, ...), and returns what it returns.
template <class T, class Visitor>
constexpr decltype(auto) visit_fields(T& value, Visitor&& visitor) {
  constexpr std::size_t count = field_count<std::remove_const_t<T>>;
  if constexpr (count == 0) {
    return visitor();
  } else if constexpr (count == 1) {
    auto& [m1] = value;
    return visitor(m1);
  } else if constexpr (count == 2) {
    auto& [m1, m2] = value;
    return visitor(m1, m2);
  } else if constexpr (count == 3) {
    auto& [m1, m2, m3] = value;
    return visitor(m1, m2, m3);
  } else if constexpr (count == 4) {
    auto& [m1, m2, m3, m4] = value;
    return visitor(m1, m2, m3, m4);
  } else if constexpr (count == 5) {
    auto& [m1, m2, m3, m4, m5] = value;
    return visitor(m1, m2, m3, m4, m5);
  } else if constexpr (count == 6) {
    auto& [m1, m2, m3, m4, m5, m6] = value;
    return visitor(m1, m2, m3, m4, m5, m6);
  } else if constexpr (count == 7) {
    auto& [m1, m2, m3, m4, m5, m6, m7] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7);
  } else if constexpr (count == 8) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8);
  } else if constexpr (count == 9) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8, m9);
  } else if constexpr (count == 10) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10);
  } else if constexpr (count == 11) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11);
  } else if constexpr (count == 12) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12);
  } else if constexpr (count == 13) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13);
  } else if constexpr (count == 14) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14);
  } else if constexpr (count == 15) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15);
  } else if constexpr (count == 16) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16);
  } else if constexpr (count == 17) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17);
  } else if constexpr (count == 18) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18);
  } else if constexpr (count == 19) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19);
  } else if constexpr (count == 20) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20);
  } else if constexpr (count == 21) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21] =
        value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20,
                   m21);
  } else if constexpr (count == 22) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21,
           m22] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20,
                   m21, m22);
  } else if constexpr (count == 23) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21,
           m22, m23] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20,
                   m21, m22, m23);
  } else if constexpr (count == 24) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21,
           m22, m23, m24] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20,
                   m21, m22, m23, m24);
  } else if constexpr (count == 25) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21,
           m22, m23, m24, m25] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20,
                   m21, m22, m23, m24, m25);
  } else if constexpr (count == 26) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21,
           m22, m23, m24, m25, m26] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20,
                   m21, m22, m23, m24, m25, m26);
  } else if constexpr (count == 27) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21,
           m22, m23, m24, m25, m26, m27] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20,
                   m21, m22, m23, m24, m25, m26, m27);
  } else if constexpr (count == 28) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21,
           m22, m23, m24, m25, m26, m27, m28] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20,
                   m21, m22, m23, m24, m25, m26, m27, m28);
  } else if constexpr (count == 29) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21,
           m22, m23, m24, m25, m26, m27, m28, m29] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20,
                   m21, m22, m23, m24, m25, m26, m27, m28, m29);
  } else if constexpr (count == 30) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21,
           m22, m23, m24, m25, m26, m27, m28, m29, m30] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20,
                   m21, m22, m23, m24, m25, m26, m27, m28, m29, m30);
  } else if constexpr (count == 31) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21,
           m22, m23, m24, m25, m26, m27, m28, m29, m30, m31] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20,
                   m21, m22, m23, m24, m25, m26, m27, m28, m29, m30, m31);
  } else if constexpr (count == 32) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21,
           m22, m23, m24, m25, m26, m27, m28, m29, m30, m31, m32] = value;
    return visitor(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20,
                   m21, m22, m23, m24, m25, m26, m27, m28, m29, m30, m31, m32);
  }
}

namespace detail {

// Never called: its result type lists the members' declared types (a reference stays one).
template <class T>
auto list_fields(T& value) {
  constexpr std::size_t count = field_count<T>;
  if constexpr (count == 0) {
    return TypeList<>{};
  } else if constexpr (count == 1) {
    auto& [m1] = value;
    return TypeList<decltype(m1)>{};
  } else if constexpr (count == 2) {
    auto& [m1, m2] = value;
    return TypeList<decltype(m1), decltype(m2)>{};
  } else if constexpr (count == 3) {
    auto& [m1, m2, m3] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3)>{};
  } else if constexpr (count == 4) {
    auto& [m1, m2, m3, m4] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4)>{};
  } else if constexpr (count == 5) {
    auto& [m1, m2, m3, m4, m5] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5)>{};
  } else if constexpr (count == 6) {
    auto& [m1, m2, m3, m4, m5, m6] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6)>{};
  } else if constexpr (count == 7) {
    auto& [m1, m2, m3, m4, m5, m6, m7] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7)>{};
  } else if constexpr (count == 8) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8)>{};
  } else if constexpr (count == 9) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8), decltype(m9)>{};
  } else if constexpr (count == 10) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8), decltype(m9), decltype(m10)>{};
  } else if constexpr (count == 11) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8), decltype(m9), decltype(m10), decltype(m11)>{};
  } else if constexpr (count == 12) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8), decltype(m9), decltype(m10), decltype(m11), decltype(m12)>{};
  } else if constexpr (count == 13) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8), decltype(m9), decltype(m10), decltype(m11), decltype(m12),
                    decltype(m13)>{};
  } else if constexpr (count == 14) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8), decltype(m9), decltype(m10), decltype(m11), decltype(m12),
                    decltype(m13), decltype(m14)>{};
  } else if constexpr (count == 15) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8), decltype(m9), decltype(m10), decltype(m11), decltype(m12),
                    decltype(m13), decltype(m14), decltype(m15)>{};
  } else if constexpr (count == 16) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8), decltype(m9), decltype(m10), decltype(m11), decltype(m12),
                    decltype(m13), decltype(m14), decltype(m15), decltype(m16)>{};
  } else if constexpr (count == 17) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8), decltype(m9), decltype(m10), decltype(m11), decltype(m12),
                    decltype(m13), decltype(m14), decltype(m15), decltype(m16), decltype(m17)>{};
  } else if constexpr (count == 18) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8), decltype(m9), decltype(m10), decltype(m11), decltype(m12),
                    decltype(m13), decltype(m14), decltype(m15), decltype(m16), decltype(m17),
                    decltype(m18)>{};
  } else if constexpr (count == 19) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8), decltype(m9), decltype(m10), decltype(m11), decltype(m12),
                    decltype(m13), decltype(m14), decltype(m15), decltype(m16), decltype(m17), decltype(m18),
                    decltype(m19)>{};
  } else if constexpr (count == 20) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8), decltype(m9), decltype(m10), decltype(m11), decltype(m12),
                    decltype(m13), decltype(m14), decltype(m15), decltype(m16), decltype(m17), decltype(m18),
                    decltype(m19), decltype(m20)>{};
  } else if constexpr (count == 21) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21] =
        value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8), decltype(m9), decltype(m10), decltype(m11), decltype(m12),
                    decltype(m13), decltype(m14), decltype(m15), decltype(m16), decltype(m17), decltype(m18),
                    decltype(m19), decltype(m20), decltype(m21)>{};
  } else if constexpr (count == 22) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21,
           m22] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8), decltype(m9), decltype(m10), decltype(m11), decltype(m12),
                    decltype(m13), decltype(m14), decltype(m15), decltype(m16), decltype(m17), decltype(m18),
                    decltype(m19), decltype(m20), decltype(m21), decltype(m22)>{};
  } else if constexpr (count == 23) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21,
           m22, m23] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8), decltype(m9), decltype(m10), decltype(m11), decltype(m12),
                    decltype(m13), decltype(m14), decltype(m15), decltype(m16), decltype(m17), decltype(m18),
                    decltype(m19), decltype(m20), decltype(m21), decltype(m22), decltype(m23)>{};
  } else if constexpr (count == 24) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21,
           m22, m23, m24] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8), decltype(m9), decltype(m10), decltype(m11), decltype(m12),
                    decltype(m13), decltype(m14), decltype(m15), decltype(m16), decltype(m17), decltype(m18),
                    decltype(m19), decltype(m20), decltype(m21), decltype(m22), decltype(m23),
                    decltype(m24)>{};
  } else if constexpr (count == 25) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21,
           m22, m23, m24, m25] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8), decltype(m9), decltype(m10), decltype(m11), decltype(m12),
                    decltype(m13), decltype(m14), decltype(m15), decltype(m16), decltype(m17), decltype(m18),
                    decltype(m19), decltype(m20), decltype(m21), decltype(m22), decltype(m23), decltype(m24),
                    decltype(m25)>{};
  } else if constexpr (count == 26) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21,
           m22, m23, m24, m25, m26] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8), decltype(m9), decltype(m10), decltype(m11), decltype(m12),
                    decltype(m13), decltype(m14), decltype(m15), decltype(m16), decltype(m17), decltype(m18),
                    decltype(m19), decltype(m20), decltype(m21), decltype(m22), decltype(m23), decltype(m24),
                    decltype(m25), decltype(m26)>{};
  } else if constexpr (count == 27) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21,
           m22, m23, m24, m25, m26, m27] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8), decltype(m9), decltype(m10), decltype(m11), decltype(m12),
                    decltype(m13), decltype(m14), decltype(m15), decltype(m16), decltype(m17), decltype(m18),
                    decltype(m19), decltype(m20), decltype(m21), decltype(m22), decltype(m23), decltype(m24),
                    decltype(m25), decltype(m26), decltype(m27)>{};
  } else if constexpr (count == 28) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21,
           m22, m23, m24, m25, m26, m27, m28] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8), decltype(m9), decltype(m10), decltype(m11), decltype(m12),
                    decltype(m13), decltype(m14), decltype(m15), decltype(m16), decltype(m17), decltype(m18),
                    decltype(m19), decltype(m20), decltype(m21), decltype(m22), decltype(m23), decltype(m24),
                    decltype(m25), decltype(m26), decltype(m27), decltype(m28)>{};
  } else if constexpr (count == 29) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21,
           m22, m23, m24, m25, m26, m27, m28, m29] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8), decltype(m9), decltype(m10), decltype(m11), decltype(m12),
                    decltype(m13), decltype(m14), decltype(m15), decltype(m16), decltype(m17), decltype(m18),
                    decltype(m19), decltype(m20), decltype(m21), decltype(m22), decltype(m23), decltype(m24),
                    decltype(m25), decltype(m26), decltype(m27), decltype(m28), decltype(m29)>{};
  } else if constexpr (count == 30) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21,
           m22, m23, m24, m25, m26, m27, m28, m29, m30] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8), decltype(m9), decltype(m10), decltype(m11), decltype(m12),
                    decltype(m13), decltype(m14), decltype(m15), decltype(m16), decltype(m17), decltype(m18),
                    decltype(m19), decltype(m20), decltype(m21), decltype(m22), decltype(m23), decltype(m24),
                    decltype(m25), decltype(m26), decltype(m27), decltype(m28), decltype(m29),
                    decltype(m30)>{};
  } else if constexpr (count == 31) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21,
           m22, m23, m24, m25, m26, m27, m28, m29, m30, m31] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8), decltype(m9), decltype(m10), decltype(m11), decltype(m12),
                    decltype(m13), decltype(m14), decltype(m15), decltype(m16), decltype(m17), decltype(m18),
                    decltype(m19), decltype(m20), decltype(m21), decltype(m22), decltype(m23), decltype(m24),
                    decltype(m25), decltype(m26), decltype(m27), decltype(m28), decltype(m29), decltype(m30),
                    decltype(m31)>{};
  } else if constexpr (count == 32) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21,
           m22, m23, m24, m25, m26, m27, m28, m29, m30, m31, m32] = value;
    return TypeList<decltype(m1), decltype(m2), decltype(m3), decltype(m4), decltype(m5), decltype(m6),
                    decltype(m7), decltype(m8), decltype(m9), decltype(m10), decltype(m11), decltype(m12),
                    decltype(m13), decltype(m14), decltype(m15), decltype(m16), decltype(m17), decltype(m18),
                    decltype(m19), decltype(m20), decltype(m21), decltype(m22), decltype(m23), decltype(m24),
                    decltype(m25), decltype(m26), decltype(m27), decltype(m28), decltype(m29), decltype(m30),
                    decltype(m31), decltype(m32)>{};
  }
}

}  // namespace detail

template <class T>
using FieldTypes = decltype(detail::list_fields(std::declval<T&>()));

}  // namespace procyon::wire
