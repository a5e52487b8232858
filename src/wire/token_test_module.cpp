#include "wire/token_test_module.hpp"

#include "procyon/detail/wire/call.hpp"

namespace {
int add_number(int value) { return value + PROCYON_MODULE_NUMBER; }
}  // namespace

extern "C" {

void procyon_module_encode(procyon::wire::Writer* writer) {
  procyon::wire::encode_call(
      *writer, [](int value) { return add_number(value); }, 20);
}

const void* procyon_module_function() { return reinterpret_cast<const void*>(&add_number); }
}
