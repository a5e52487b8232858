// What a library that the program is linked with, and one that it loads later, say to each other.
#pragma once

#include <string>

#include "procyon/context.hpp"

/// The exit code of a child that runs a function of this library with `code`.
int code_from_linked_library(const procyon::Context& context, int code);

/// The name of the plug-in that has registered itself in this process; empty if none has.
std::string& registered_plugin();

/// What a plug-in offers, by the names `plugin_code` and `plugin_function`.
using PluginCode = int(const procyon::Context& context, int code);
using PluginFunction = void(int code);
