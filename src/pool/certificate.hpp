// The death certificate of a worker: all that can be found out about its end, before its place is taken by another.
//
//   Certificates certificates(pool);
//   const Certificate certificate = certificates.write(end);         // what all tasks of that worker are told
//   std::exception_ptr error = certificate.error("task 17 of map");  // for one of them
//
// One thread, the foreman, except that what error() is asked of a Certificate any thread may ask. Reading the debug
// information of a crashed program takes some milliseconds: not under a lock that others wait for.
#pragma once

#include <cstdint>
#include <exception>
#include <string>

#include "pool/memory_kills.hpp"
#include "pool/pool_format.hpp"
#include "pool/symbols.hpp"
#include "pool/workforce.hpp"
#include "procyon/errors.hpp"

namespace procyon::pool {

struct Certificate {
  enum class Kind : std::uint8_t { lost, cpu_limit, out_of_memory };

  Kind kind = Kind::lost;
  WorkerEnd end;  // but for the task

  /// WorkerLost, or the more special one, for a task.
  [[nodiscard]] std::exception_ptr error(const std::string& task) const;
};

class Certificates {
 public:
  explicit Certificates(PoolState& pool) : pool_(pool) {}

  Certificate write(const Workforce::End& end);

 private:
  [[nodiscard]] std::string details(const Workforce::End& end, const std::optional<Crash>& crash,
                                    Certificate::Kind& kind);

  PoolState& pool_;
  MemoryKills memory_kills_;
  Symbols symbols_;
};

}  // namespace procyon::pool
