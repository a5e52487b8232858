// A plug-in that uses Procyon, in a program that does not: nobody stands before main.
#include <stdlib.h>
#include <string.h>

#include <exception>

#include "procyon/context.hpp"

namespace {

void exit_with(int code) { ::exit(code); }

}  // namespace

extern "C" void plugin_freeze_support(int argc, char** argv) { procyon::freeze_support(argc, argv); }

/// The exit code of a child that exits with `code`; the sentence of the error in `sentence`.
extern "C" int plugin_run(const char* method, int code, char* sentence, unsigned long size) {
  try {
    auto p = procyon::get_context(method).Process(exit_with, code);
    p.start();
    p.join();
    return *p.exitcode();
  } catch (const std::exception& error) {
    ::strncpy(sentence, error.what(), size - 1);
    return -1;
  }
}
