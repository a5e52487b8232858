// expect: procyon: a std::span cannot cross to another process: it does not own its elements; pass a std::vector, or an mp::Array that both processes see
#include "procyon/detail/wire/call.hpp"
#include "procyon/partial.hpp"

#include <span>

std::size_t size_of(std::span<const int> values) { return values.size(); }
void run(procyon::wire::Writer& writer) {
  const int values[] = {1, 2, 3};
  procyon::wire::encode_call(writer, size_of, std::span<const int>(values));
}
