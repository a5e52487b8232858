// The function that an address lies in.
//
// Read from the symbol table of the module's file, because what the dynamic loader knows are exported functions only.
// Takes about a millisecond for a large program: for errors, not for the fast path.
#pragma once

#include <string>

namespace procyon::wire {

// "function(int)+0x12 in /path/of/module"; without the function if the file has no symbol for it; empty if the address
// belongs to no module.
std::string describe_address(const void* address);

}  // namespace procyon::wire
