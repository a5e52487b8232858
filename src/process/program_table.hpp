// The main program's table of addresses that the dynamic linker has filled in (its global offset table).
#pragma once

namespace procyon::process {

/// Makes the main program call `replacement` where it calls the function `name` of a shared library. Returns whom it
/// would have called; null if it does not call `name` through its table, calls `replacement` already, or if this code
/// is itself part of the main program. Only what has not been called yet is affected: call it from a constructor of a
/// shared library. Single-threaded.
void* redirect_in_program(const char* name, void* replacement);

}  // namespace procyon::process
