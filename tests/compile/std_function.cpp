// expect: procyon: a std::function cannot cross to another process: what it holds is hidden from the compiler; pass the function, the captureless lambda or mp::partial(f, values...) itself
#include "procyon/detail/wire/call.hpp"
#include "procyon/partial.hpp"

#include <functional>

void run(procyon::wire::Writer& writer) {
  const std::function<int(int)> twice = [](int number) { return 2 * number; };
  procyon::wire::encode_call(writer, twice, 1);
}
