// Names of types and functions as they are written in the source.
#pragma once

#include <string>
#include <string_view>

namespace procyon::wire {

// The readable form of a mangled name, with std::string and the like by their short names; the name itself if it is none.
std::string demangle(std::string_view mangled);

}  // namespace procyon::wire
