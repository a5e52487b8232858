// A static constructor that starts a process: in the child, which runs it too, that is refused in a sentence; the parent
// hears that its child did not come to be. No bomb of processes.
#include <stdio.h>
#include <string.h>

#include <exception>
#include <initializer_list>
#include <string>

#include "procyon/context.hpp"

namespace {

void nothing() {}

struct Starter {
  Starter() {
    for (const char* method : {"forkserver", "spawn"}) {
      auto p = procyon::get_context(method).Process(nothing);
      try {
        p.start();  // in a child this throws std::logic_error, which nobody catches here: the child ends
        p.join();
        codes += std::to_string(*p.exitcode()) + " ";
      } catch (const std::logic_error&) {
        throw;
      } catch (const std::exception& error) {
        sentence = error.what();
      }
    }
  }
  std::string sentence;
  std::string codes;
};
Starter starter;

}  // namespace

int main() {
  if (starter.sentence.find("ended before it was ready (signal 6 (SIGABRT)") == std::string::npos ||
      starter.codes != "-6 ") {
    ::fprintf(stderr, "failed: %s, codes %s\n", starter.sentence.c_str(), starter.codes.c_str());
    return 1;
  }
}
