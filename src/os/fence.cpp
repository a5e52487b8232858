#include "os/fence.hpp"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace procyon::os {

namespace {

#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)
bool membarrier(int command) { return ::syscall(SYS_membarrier, command, 0, 0) == 0; }
#else
bool membarrier(int /*command*/) { return false; }
#endif

}  // namespace

bool accept_fences() { return membarrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED); }
bool fence_everybody() { return membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED); }

}  // namespace procyon::os
