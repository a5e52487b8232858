// What must be done when this process ends in order: at exit(), and at the end of a child of the library's, which calls
// _exit and so no handler of atexit().
//
//   at_process_end([] { relay().drain(); });
#pragma once

namespace procyon::os {

/// Calls `function` once, by whichever end comes; in forked children too, so it looks whether it is its own process's
/// affair. It must not throw, and not take long. Throws std::bad_alloc after 16 of them.
void at_process_end(void (*function)());

/// For the end of a child: the last registered first.
void run_process_end();

}  // namespace procyon::os
