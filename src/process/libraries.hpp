// Libraries that a program loads while it runs (dlopen), and that its children must load too.
//
// A child that is not forked starts with what the program was linked with. What its parent has loaded since, plug-ins
// above all, is told in the start record by path; the child loads those before it looks for its target, whether or not
// that lies in one of them: their static objects may have registered what the target uses.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace procyon::process {

/// Before main is entered: what is there now is there in every child.
void note_initial_libraries();

/// The absolute paths of what has been loaded since, in that order, without what the C library loads for itself.
std::vector<std::string> libraries_loaded_since();

/// Loads them unless they are there. What cannot be loaded is an error only when a function of it is asked for: its
/// sentence gives the reason.
void load_libraries(std::span<const std::string> paths);

}  // namespace procyon::process
