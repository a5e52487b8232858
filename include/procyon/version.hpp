#pragma once

// Which Procyon a program runs with, for logs and bug reports:
//
//   fmt::print("procyon {}\n", procyon::version());
//
// With the shared library that is the version found at run time, not the one compiled against. Do not parse it to
// choose features: the shared library's file name already keeps incompatible versions apart.

namespace procyon {

// "major.minor.patch". Never fails; the string lives as long as the program. Any thread.
const char* version() noexcept;

}  // namespace procyon
