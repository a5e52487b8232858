// Which program this is: the same number in every process that runs the same build of it, whatever its path.
#pragma once

#include <cstdint>

namespace procyon::process {

/// A hash of the main program's build-id; of its program headers if it has none.
std::uint64_t image_identity();

}  // namespace procyon::process
