// expect: procyon: a std::string_view cannot cross to another process: it does not own its text; pass a std::string
#include "procyon/detail/wire/call.hpp"
#include "procyon/partial.hpp"

std::string_view name_of(int) { return "x"; }
void run(procyon::wire::Writer& writer) { procyon::wire::encode_call(writer, name_of, 1); }
