// What Procyon does, told line by line: processes started and ended, with the name of the process that tells it.
//
//   mp::log_to_stderr(mp::log_level::debug);       // [INFO/calc-1] child process calling its target
//
//   #include <spdlog/logger.h>                      // Debian: libspdlog-dev
//   mp::get_logger()->warn("{} of {} files", bad, all);       // records of your own: [WARNING/calc-1] 3 of 100 files
//
// Silent by default. Children that are started afterwards log as this process does at that moment: the level, and to
// stderr or not; sinks that you add yourself are for this process (and forked children). The environment variable
// PROCYON_LOG=debug (info, warning, error, off) does what log_to_stderr() does, without a change of the program.
//
// Each record is one line, written by one system call, so that lines of several processes do not mix. For what your own
// program has to say in general, use a logger of your own. All functions may be called from any thread.
#pragma once

#include <memory>

namespace spdlog {
class logger;
}

namespace procyon {

enum class LogLevel { debug, info, warning, error, off };
/// How it reads in a program: mp::log_level::debug.
using log_level = LogLevel;  // NOLINT(readability-identifier-naming)

/// Lets records of this level and above be written to stderr. Called again, it changes the level.
void log_to_stderr(LogLevel level = LogLevel::info);

/// The logger of Procyon, an spdlog::logger called "procyon": add sinks to it, change its level, write to it. Without a sink
/// it is silent.
std::shared_ptr<spdlog::logger> get_logger();

}  // namespace procyon
