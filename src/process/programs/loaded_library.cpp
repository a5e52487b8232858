// A plug-in: it registers itself when it is loaded, starts processes of its own, and has a function for others to start.
#include <unistd.h>

#include "programs/linked_library.hpp"

namespace {

[[maybe_unused]] const bool registered = [] {
  registered_plugin() = "the plug-in";
  return true;
}();

template <class T>
void exit_with(T code) {
  ::_exit(static_cast<int>(code));
}

}  // namespace

extern "C" int plugin_code(const procyon::Context& context, int code) {
  auto p = context.Process(exit_with<int>, code);
  p.start();
  p.join();
  return *p.exitcode();
}

#ifdef OTHER_BUILD
extern "C" int function_of_the_other_build() { return 1; }
#endif

extern "C" void plugin_function(int code) { ::_exit(code); }
