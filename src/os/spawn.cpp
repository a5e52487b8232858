#include "os/spawn.hpp"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

#include <string_view>

#include "os/error.hpp"

namespace procyon::os {

namespace {

void require(int error, const char* attempt) {
  if (error != 0) throw_system_error(attempt, error);
}

class FileActions {
 public:
  FileActions() { require(::posix_spawn_file_actions_init(&actions_), "preparing the start of a process"); }
  ~FileActions() { ::posix_spawn_file_actions_destroy(&actions_); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  posix_spawn_file_actions_t* get() { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

class Attributes {
 public:
  Attributes() { require(::posix_spawnattr_init(&attributes_), "preparing the start of a process"); }
  ~Attributes() { ::posix_spawnattr_destroy(&attributes_); }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  posix_spawnattr_t* get() { return &attributes_; }

 private:
  posix_spawnattr_t attributes_;
};

std::string_view name_of(std::string_view variable) { return variable.substr(0, variable.find('=')); }

bool is_replaced(std::string_view variable, const std::vector<std::string>& additions) {
  for (const std::string& addition : additions)
    if (name_of(addition) == name_of(variable)) return true;
  return false;
}

// Pointers into `environ` and `additions`, for the duration of the call.
std::vector<char*> merged_environment(const std::vector<std::string>& additions) {
  std::vector<char*> result;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable)
    if (!is_replaced(*variable, additions)) result.push_back(*variable);
  for (const std::string& addition : additions) result.push_back(const_cast<char*>(addition.c_str()));
  result.push_back(nullptr);
  return result;
}

}  // namespace

pid_t spawn_own_image(const SpawnOptions& options) {
  FileActions actions;
  require(::posix_spawn_file_actions_adddup2(actions.get(), options.descriptor, spawned_descriptor),
          "preparing the start of a process");
  require(::posix_spawn_file_actions_addclosefrom_np(actions.get(), spawned_descriptor + 1),
          "preparing the start of a process");

  Attributes attributes;
  sigset_t all;
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(attributes.get(), &all);
  ::posix_spawnattr_setsigdefault(attributes.get(), &all);
  ::posix_spawnattr_setflags(attributes.get(), POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

  std::vector<char*> environment = merged_environment(options.environment);
  char* arguments[] = {program_invocation_name, nullptr};
  pid_t pid = -1;
  const int error =
      ::posix_spawn(&pid, "/proc/self/exe", actions.get(), attributes.get(), arguments, environment.data());
  require(error, "starting the program's own image once more (posix_spawn of /proc/self/exe)");
  return pid;
}

}  // namespace procyon::os
