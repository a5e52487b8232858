// The part of the program that knows Procyon. In one of the variants it lies in a shared library, and the program itself
// is not linked with Procyon at all.
#pragma once

/// Starts a child by `method` that exits with *number, as the child finds it.
int exit_code_of_child(const char* method, const int* number);
