// expect: procyon: a raw pointer cannot cross to another process, where its address means nothing; pass the value itself, std::unique_ptr or std::shared_ptr (the value is copied), or a shared object
#include "procyon/detail/wire/call.hpp"
#include "procyon/partial.hpp"

int first(const int* values) { return *values; }
void run(procyon::wire::Writer& writer) {
  int values[] = {1, 2, 3};
  procyon::wire::encode_call(writer, first, values);
}
