// Exceptions as bytes.
//
//   try { task(); } catch (...) { encode_exception(writer, std::current_exception()); }
//   ...
//   std::rethrow_exception(decode_exception(reader));
//
// The standard library's exceptions and Procyon's own come back as themselves, if the thrown object was exactly of that
// type (an object derived from std::runtime_error is not a std::runtime_error any more without its derived part).
// Everything else, thrown numbers too, comes back as RemoteError with the name of its type, its text and where it was
// thrown. What it was nested in (std::throw_with_nested) is added to the text: "outer; caused by std::logic_error: inner".
#pragma once

#include <cstddef>
#include <exception>

#include "procyon/detail/wire/reader.hpp"
#include "procyon/detail/wire/writer.hpp"

namespace procyon::wire {

// Longer texts are cut there, so that no exception fills a queue.
inline constexpr std::size_t exception_text_limit = 16 * 1024;

// Appends the exception. A what() that throws is named as such. When there is no memory for that, std::bad_alloc is
// encoded in its place. A null pointer becomes a RemoteError that says so.
void encode_exception(Writer& writer, const std::exception_ptr& exception);

// Never null. Throws DecodeError.
std::exception_ptr decode_exception(Reader& reader);

}  // namespace procyon::wire
