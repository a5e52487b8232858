// expect: procyon: this callable cannot be called with these arguments; mind that text literals are passed on as std::string
#include "procyon/detail/wire/call.hpp"
#include "procyon/partial.hpp"

int length(const char* text) { return text[0]; }
void run(procyon::wire::Writer& writer) { procyon::wire::encode_call(writer, length, "abc"); }
