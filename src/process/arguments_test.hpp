// Functions for arguments_test.cpp that two translation units have alike.
#pragma once

#include <string>

#include "process/test_support.hpp"

namespace procyon::testing {

/// The same in every translation unit.
template <class T>
int size_of_each(T value) {
  return static_cast<int>(sizeof(value));
}

template <int number>
void exit_with_number() {
  ::_exit(number);
}

inline void exit_with_inline(int code) { ::_exit(code); }

/// Starts the other translation unit's own function and its own lambda, which are named as those here. Their exit codes.
std::pair<int, int> codes_of_the_other_unit(const Context& context);

}  // namespace procyon::testing
