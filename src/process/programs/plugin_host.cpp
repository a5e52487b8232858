// Loads a plug-in that uses Procyon: without freeze_support the plug-in is told what is missing, with it all works.
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include <initializer_list>

namespace {

int fail(const char* what, const char* sentence) {
  ::fprintf(stderr, "failed: %s: %s\n", what, sentence);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && ::strcmp(argv[0], argv[1]) == 0) return fail("a child reached main", "");
  void* plugin = ::dlopen(PLUGIN, RTLD_NOW);
  if (plugin == nullptr) return fail("loading", ::dlerror());
  const auto freeze_support =
      reinterpret_cast<void (*)(int, char**)>(::dlsym(plugin, "plugin_freeze_support"));
  const auto run =
      reinterpret_cast<int (*)(const char*, int, char*, unsigned long)>(::dlsym(plugin, "plugin_run"));
#ifdef FREEZE
  freeze_support(argc, argv);
#else
  (void)freeze_support;
#endif
  for (const char* method : {"forkserver", "spawn", "fork"}) {
    char sentence[1000] = "";
    const int code = run(method, 7, sentence, sizeof(sentence));
#ifdef FREEZE
    if (code != 7) return fail(method, sentence);
#else
    if (::strcmp(method, "fork") == 0) {
      if (code != 7) return fail(method, sentence);
    } else if (code != -1 ||
               ::strstr(sentence, "call procyon::freeze_support(argc, argv) first thing in main") ==
                   nullptr) {
      return fail(method, sentence);
    }
#endif
  }
  return 0;
}
