// A process as Python prints it.
//
//   <Process name='calc-1' pid=4711 parent=4700 stopped exitcode=-SIGTERM daemon>
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

namespace procyon::process {

struct ProcessDescription {
  std::string class_name;
  std::string name;
  std::optional<pid_t> pid = {};
  pid_t parent = 0;  // 0: it is not told; the program itself has None
  bool is_program = false;
  std::string status = {};
  std::optional<int> exit_code = {};
  bool daemon = false;

  [[nodiscard]] std::string as_text() const;
};

/// "Crawler" of "(anonymous namespace)::Crawler" or "crawlers::Crawler".
std::string without_scope(std::string_view type_name);

}  // namespace procyon::process
