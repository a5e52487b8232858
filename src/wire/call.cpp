#include "procyon/detail/wire/call.hpp"

#include <cxxabi.h>

#include <cstring>

namespace procyon::wire {

namespace {

// Runs `body`, which appends a value; on failure the value's bytes are replaced by the error.
// Not sanitized: there is no object behind the reference to a forced unwind, which is the ABI's affair.
template <class Body>
__attribute__((no_sanitize("undefined"))) void write_outcome(Writer& result, Body&& body) {
  const std::size_t before = result.size();
  try {
    result.put(OutcomeMark::value);
    body();
  } catch (const abi::__forced_unwind&) {
    throw;  // the thread is being cancelled: whoever stops that ends the program
  } catch (...) {
    result.truncate(before);
    encode_error_outcome(result, std::current_exception());
  }
}

}  // namespace

namespace detail {

void write_text(Writer& writer, const char* text) {
  if (text == nullptr)
    throw std::invalid_argument("procyon: a null const char* cannot be passed on as a std::string");
  const std::size_t length = std::strlen(text);
  writer.put(static_cast<std::uint64_t>(length));
  writer.append(text, length);
}

}  // namespace detail

void run_call(Reader& call, Writer& result) {
  write_outcome(result, [&] { read_descriptor(call).run(call, result); });
}

void invoke_call(Reader& call) {
  Writer dropped;
  read_descriptor(call).run(call, dropped);
}

DecodedCallable::DecodedCallable(Reader& callable)
    : descriptor_(&read_descriptor(callable)), callable_(descriptor_->begin(callable)) {}

void DecodedCallable::call(Reader& item, Writer& result) {
  write_outcome(result, [&] { descriptor_->call_one(callable_, item, result); });
}

void encode_error_outcome(Writer& writer, const std::exception_ptr& error) {
  writer.put(OutcomeMark::error);
  encode_exception(writer, error);
}

}  // namespace procyon::wire
