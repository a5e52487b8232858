// expect: procyon: a std::string_view cannot cross to another process: it does not own its text; pass a std::string
#include "procyon/detail/wire/call.hpp"
#include "procyon/partial.hpp"

std::size_t size_of(std::string_view text) { return text.size(); }
void run(procyon::wire::Writer& writer) {
  using namespace std::string_view_literals;
  procyon::wire::encode_call(writer, size_of, "abc"sv);
}
