#include "process/arguments_test.hpp"

namespace procyon::testing {

namespace {
void named_alike() { ::_exit(22); }
}  // namespace

std::pair<int, int> codes_of_the_other_unit(const Context& context) {
  auto p = context.Process(named_alike);
  auto q = context.Process([] { ::_exit(33); });
  p.start();
  q.start();
  p.join();
  q.join();
  return {*p.exitcode(), *q.exitcode()};
}

}  // namespace procyon::testing
