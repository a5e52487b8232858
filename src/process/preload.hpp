// What the fork server does before it makes children: set_forkserver_preload().
//
// The list lies in a block of the user's process in the arena, for as long as that lives: a server that dies is followed by
// another, which does the same again.
#pragma once

#include <span>

#include "procyon/detail/arena/handle.hpp"
#include "procyon/detail/process/engine.hpp"

namespace procyon::process {

/// A block with these and with the libraries that this process has loaded, in which the functions may lie.
arena::Handle write_preload(std::span<const PreloadItem> items);

/// In the fork server: loads the libraries and calls the functions, one by one. What fails is reported, and the rest is done.
void run_preload(arena::Handle block);

}  // namespace procyon::process
