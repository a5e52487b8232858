// What the library offers that the token tests link with, or load with dlopen.
#pragma once

#include "procyon/detail/wire/writer.hpp"

extern "C" {

// Writes the call of a lambda that this module compiled, with 20: its result is 20 + PROCYON_MODULE_NUMBER.
void procyon_module_encode(procyon::wire::Writer* writer);

// The address of a function of this module.
const void* procyon_module_function();
}
