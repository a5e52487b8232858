// expect: procyon: the result of this callable is a raw pointer, which means nothing in another process; let it return a value, a std::string or a std::unique_ptr
#include "procyon/detail/wire/call.hpp"
#include "procyon/partial.hpp"

const char* name_of(int) { return "x"; }
void run(procyon::wire::Writer& writer) { procyon::wire::encode_call(writer, name_of, 1); }
