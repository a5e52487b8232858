// The place of a function in a program, which is the same in every process that runs the program.
//
// A token is {which module, how far from its start}. The module (the program itself or a shared library) is known by
// its build-id, the hash of its contents that the linker notes in it, so that a function is only found in the very same
// build; addresses differ from process to process, offsets do not. Nothing is registered.
//
// What a message names is not code but a FunctionDescriptor: a constant in memory that nobody can write to, with a magic
// number and the hash of its types. It is checked before anything is called.
//
// All functions here may be called from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include "procyon/detail/wire/reader.hpp"
#include "procyon/detail/wire/writer.hpp"

namespace procyon::wire {

// A function cannot be named, or the name means nothing in this process.
class TokenError : public std::runtime_error {
 public:
  explicit TokenError(const std::string& sentence) : std::runtime_error(sentence) {}
};

struct Token {
  std::uint64_t module = 0;  // 0: no module, the token of a null pointer
  std::uint64_t offset = 0;

  friend bool operator==(const Token&, const Token&) = default;
};

// What a token points to: the entry points of one callable type with one list of argument types. See call.hpp.
struct FunctionDescriptor {
  static constexpr std::uint64_t expected_magic = 0x4e4f5943'4f525002ULL;  // changes with the layout

  std::uint64_t magic;
  std::uint64_t signature;                                         // type_hash of everything below
  std::string_view type;                                           // for sentences
  void (*run)(Reader& arguments, Writer& result);                  // once: callable and arguments -> value
  void* (*begin)(Reader& callable);                                // many times: decodes the callable,
  void (*call_one)(void* callable, Reader& item, Writer& result);  // calls it with the arguments of one item,
  void (*end)(void* callable) noexcept;                            // and destroys it
  bool is_stateless;  // calls leave the callable as it was: one may be kept and used for equal bytes
};

// The token of an address in a loaded module. Throws TokenError for memory that belongs to no module (the heap, code
// made at run time) and for a module that is loaded twice.
Token token_of(const void* address);

// The address of a token in this process; `module_name` is used for the sentence only. Throws TokenError if the module
// is not loaded here, is another build, or is loaded twice.
const void* resolve(Token token, std::string_view module_name = {});

// The file that the token's module was loaded from in this process; empty for the program itself.
std::string module_name(Token token);

// The same as bytes of a message: the token, and the name of the module unless it is the program itself.
void write_token(Writer& writer, Token token);

// Reads a token and returns the descriptor. Throws DecodeError or TokenError unless it lies, aligned, in memory of a
// module that cannot be written to, and has the magic number and the signature that were sent.
void write_descriptor(Writer& writer, Token token, const FunctionDescriptor& descriptor);
const FunctionDescriptor& read_descriptor(Reader& reader);

// A function's address as a value; `signature` is the hash of its type. Null is allowed. There is no descriptor to check,
// so the bytes carry a checksum: reading throws DecodeError if it or the type does not fit, and TokenError unless the
// address lies in the code of a module.
void write_code_address(Writer& writer, const void* address, std::uint64_t signature);
const void* read_code_address(Reader& reader, std::uint64_t signature, std::string_view type);

}  // namespace procyon::wire
