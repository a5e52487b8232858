#include "procyon/detail/process/run_of.hpp"

#include <stdexcept>
#include <string>
#include <utility>

#include "wire/exception_text.hpp"

namespace procyon::process {

namespace {
thread_local bool rebuilding = false;
}

Rebuilding::Rebuilding() { rebuilding = true; }

Rebuilding::~Rebuilding() { rebuilding = false; }

bool Rebuilding::take() { return std::exchange(rebuilding, false); }

void require_exact_class(const std::type_info& actual, const std::type_info& known) {
  if (actual == known) return;
  const std::string derived = wire::readable_type(actual);
  throw std::logic_error("start: " + derived + " derives from " + wire::readable_type(known) +
                         ", and the child would make only that; derive it from ProcessOf<" + derived +
                         "> itself");
}

}  // namespace procyon::process
