// library_host METHOD LIBRARY OTHER_BUILD: starts processes with functions of a library that it is linked with and of one
// that it has loaded; then the file of the latter is replaced, and removed.
#include "programs/linked_library.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <string>

namespace {

namespace fs = std::filesystem;

// What children say on stderr while it lives.
class Errors {
 public:
  explicit Errors(const fs::path& file) : file_(file), saved_(::dup(STDERR_FILENO)) {
    const int number = ::open(file.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ::dup2(number, STDERR_FILENO);
    ::close(number);
  }
  std::string text() {
    ::dup2(saved_, STDERR_FILENO);
    ::close(saved_);
    std::string result(fs::file_size(file_), '\0');
    const int number = ::open(file_.c_str(), O_RDONLY);
    if (::read(number, result.data(), result.size()) < 0) result.clear();
    ::close(number);
    return result;
  }

 private:
  fs::path file_;
  int saved_;
};

void require(bool holds, const std::string& what) {
  if (holds) return;
  ::fprintf(stderr, "failed: %s\n", what.c_str());
  ::exit(1);
}

int code_of(const procyon::Context& context, PluginFunction* function, int code) {
  auto p = context.Process(function, code);
  p.start();
  p.join();
  return *p.exitcode();
}

int code_of_registration(const procyon::Context& context) {
  auto p = context.Process([] { ::_exit(registered_plugin() == "the plug-in" ? 7 : 1); });
  p.start();
  p.join();
  return *p.exitcode();
}

}  // namespace

int main(int, char** argv) {
  const std::string method = argv[1];
  const auto context = procyon::get_context(method);
  require(code_from_linked_library(context, 7) == 7,
          "a function of a library that the program is linked with");
  require(code_of_registration(context) == 1, "no plug-in is there before one is loaded");

  char directory[] = "/tmp/procyon-test-XXXXXX";
  require(::mkdtemp(directory) != nullptr, "a directory");
  const fs::path plugin = fs::path(directory) / "plugin.so";
  fs::copy_file(argv[2], plugin);
  // By a relative path, from a directory that the program then leaves.
  const fs::path before = fs::current_path();
  fs::current_path(directory);
  void* const handle = ::dlopen("./plugin.so", RTLD_NOW | RTLD_LOCAL);
  require(handle != nullptr, "loading the plug-in");
  fs::current_path(before);
  auto* const code = reinterpret_cast<PluginCode*>(::dlsym(handle, "plugin_code"));
  auto* const function = reinterpret_cast<PluginFunction*>(::dlsym(handle, "plugin_function"));

  require(code(context, 8) == 8, "a process that the plug-in starts");
  require(code_of(context, function, 9) == 9, "a function of the plug-in");
  require(code_of_registration(context) == 7, "the plug-in has registered itself in the child");

  if (method != "fork") {
    Errors other(fs::path(directory) / "errors");
    fs::remove(plugin);
    fs::copy_file(argv[3], plugin);
    require(code_of(context, function, 9) == 1, "a plug-in of another build is refused");
    const std::string replaced = other.text();
    require(replaced.find("the file was replaced while the program ran") != std::string::npos, replaced);

    Errors gone(fs::path(directory) / "errors");
    fs::remove(plugin);
    require(code_of(context, function, 9) == 1, "a plug-in that is gone is refused");
    const std::string sentence = gone.text();
    require(sentence.find("could not load that file (") != std::string::npos, sentence);
    require(sentence.find("plugin.so: cannot open shared object file: No such file") != std::string::npos,
            sentence);
    require(code_from_linked_library(context, 7) == 7, "what needs no plug-in goes on");
  }
  require(::dlclose(handle) == 0, "unloading");
  require(code_from_linked_library(context, 7) == 7, "after the plug-in");
  fs::remove_all(directory);
  return 0;
}
