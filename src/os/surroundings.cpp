#include "os/surroundings.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "os/error.hpp"

namespace procyon::os {

mode_t current_umask() {
  const Descriptor status(::open("/proc/self/status", O_RDONLY | O_CLOEXEC));
  char text[512];  // the second line of it: "Umask:  0022"
  const ssize_t size = status ? ::read(status.get(), text, sizeof(text) - 1) : -1;
  if (size > 0) {
    text[size] = '\0';
    if (const char* line = std::strstr(text, "\nUmask:"))
      return static_cast<mode_t>(std::strtoul(line + 7, nullptr, 8));
  }
  const mode_t mask = ::umask(022);  // no /proc: the only other way
  ::umask(mask);
  return mask;
}

Descriptor open_current_directory() {
  return Descriptor::adopt(::open(".", O_PATH | O_DIRECTORY | O_CLOEXEC), "opening the working directory");
}

}  // namespace procyon::os
