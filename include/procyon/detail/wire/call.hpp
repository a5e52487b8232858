// Calls as bytes: a callable and its arguments on one side, the invocation on the other.
//
//   encode_call(writer, power, 2, 10);            in the caller
//   run_call(reader, result);                     in the worker: never throws what the function throws
//   Outcome<int> o = decode_outcome<int>(reader)  back in the caller
//
//   encode_procedure(writer, f, args...)          the same without a result, for Process
//   invoke_call(reader)                           runs it, and lets its exception out
//
//   encode_callable<int>(writer, f)               one callable for many items
//   encode_arguments<int>(writer, item)           ... each item
//   DecodedCallable callable(reader);             in the worker, once
//   callable.call(item_reader, result)            for each item, an encoded outcome
//
// What crosses is a token of a FunctionDescriptor that the compiler makes for {callable type, argument types}; see
// token.hpp. Callables: functions, member functions (the object is the first argument), lambdas without captures,
// function objects that the codec can carry, mp::partial. An overloaded function cannot be deduced: wrap it in a lambda.
#pragma once

#include <concepts>
#include <cstdint>
#include <exception>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "procyon/detail/wire/codec.hpp"
#include "procyon/detail/wire/exceptions.hpp"
#include "procyon/detail/wire/token.hpp"
#include "procyon/detail/wire/transferable.hpp"
#include "procyon/outcome.hpp"

namespace procyon::wire {

namespace detail {

template <class F, class... Arguments>
struct ResultOf {
  using Type = void;
};
template <class F, class... Arguments>
requires std::is_invocable_v<F, Arguments...>
struct ResultOf<F, Arguments...> {
  using Type = std::invoke_result_t<F, Arguments...>;
};

template <class Result>
consteval bool check_result() {
  using Plain = std::decay_t<Result>;
  constexpr bool is_mutable_reference =
      std::is_lvalue_reference_v<Result> && !std::is_const_v<std::remove_reference_t<Result>>;
  constexpr bool is_raw_pointer = std::is_pointer_v<Plain> && !CodePointer<Plain>;
  static_assert(
      !is_mutable_reference,
      "procyon: the result of this callable is a reference, which cannot cross to another process; let it "
      "return a value");
  static_assert(
      !is_raw_pointer,
      "procyon: the result of this callable is a raw pointer, which means nothing in another process; let it "
      "return a value, a std::string or a std::unique_ptr");
  if constexpr (is_mutable_reference || is_raw_pointer) {
    return false;
  } else if constexpr (std::is_void_v<Plain>) {
    return true;
  } else {
    check_transferable<Plain>();
    return Transferable<Plain>;
  }
}

// The rules for a call of F (as an object that is used up, or as an lvalue) with arguments that were decoded.
template <bool with_result, class F, class... Arguments>
consteval bool check_call() {
  using Plain = std::remove_reference_t<F>;
  check_transferable<Plain>();
  (check_transferable<Arguments>(), ...);
  if constexpr (!Transferable<Plain> || !(Transferable<Arguments> && ...)) {
    return false;
  } else {
    constexpr bool can_be_called = std::is_invocable_v<F, Arguments...>;
    constexpr bool wants_references = !can_be_called && std::is_invocable_v<F, Arguments&...>;
    static_assert(
        !wants_references,
        "procyon: this callable takes an argument by reference in order to change it, but it runs in another "
        "process with a copy of its own; take the argument by value or const reference and return the "
        "result, "
        "or use a shared object (mp::Value, mp::Array)");
    static_assert(
        can_be_called || wants_references,
        "procyon: this callable cannot be called with these arguments; mind that text literals are passed on "
        "as std::string");
    if constexpr (can_be_called && with_result) {
      return check_result<std::invoke_result_t<F, Arguments...>>();
    } else {
      return can_be_called;
    }
  }
}

// The code for one {callable type, argument types}; all types are as they are sent.
template <bool with_result, class F, class... Arguments>
struct Call {
  template <class Function>
  static void invoke(Function&& function, Reader& reader, Writer& result) {
    std::tuple<Arguments...> arguments{read<Arguments>(reader)...};
    using Result = std::invoke_result_t<Function, Arguments...>;
    const auto call = [&]() -> Result {
      return std::apply(
          [&](Arguments&... each) -> Result {
            return std::invoke(std::forward<Function>(function), std::move(each)...);
          },
          arguments);
    };
    if constexpr (std::is_void_v<Result> || !with_result) {
      static_cast<void>(result);
      static_cast<void>(call());
    } else {
      const std::decay_t<Result>& value = call();
      write<std::decay_t<Result>>(result, value);
    }
  }

  static void run(Reader& reader, Writer& result) {
    F function = read<F>(reader);
    invoke(std::move(function), reader, result);
  }

  static void* begin(Reader& reader) { return new F(read<F>(reader)); }
  static void call_one(void* callable, Reader& item, Writer& result) {
    if constexpr (std::is_invocable_v<F&, Arguments...>) {
      invoke(*static_cast<F*>(callable), item, result);
    } else {
      throw_unencodable(type_name<F>(),
                        "it can be called only once, and was sent to be called for many items");
    }
  }
  static void end(void* callable) noexcept { delete static_cast<F*>(callable); }

  // Hidden: each module has its own, so that its address is found in the module that made it, and no library is kept
  // loaded because another one refers to its constant.
  [[gnu::visibility("hidden")]] static constexpr FunctionDescriptor descriptor{
      FunctionDescriptor::expected_magic,
      type_hash<Call>(),
      type_name<Call>(),
      &run,
      &begin,
      &call_one,
      &end,
      std::is_empty_v<F> || CodePointer<F>};

  static const Token& token() {
    static const Token known = token_of(&descriptor);
    return known;
  }
};

void write_text(Writer& writer, const char* text);

// Writes an argument as the type that it is stored as.
template <class Stored, class Argument>
void write_as(Writer& writer, const Argument& argument) {
  if constexpr (std::is_same_v<Stored, Argument>) {
    write(writer, argument);
  } else if constexpr (std::is_same_v<Stored, std::string> &&
                       std::is_convertible_v<const Argument&, const char*>) {
    write_text(writer, argument);  // the same bytes as the std::string, without making one
  } else {
    const Stored stored(argument);
    write(writer, stored);
  }
}

}  // namespace detail

// The type of the outcome of calling an F with these arguments, all as written by the caller; void if it cannot be called.
template <class F, class... Arguments>
using result_t = std::decay_t<typename detail::ResultOf<stored_t<F>, stored_t<Arguments>...>::Type>;

// The callable and the arguments, to be run once with run_call(). Does not compile, and says why, if something of it
// cannot cross. Throws TokenError, EncodeError.
template <class F, class... Arguments>
void encode_call(Writer& writer, const F& function, const Arguments&... arguments) {
  if constexpr (detail::check_call<true, stored_t<F>, stored_t<Arguments>...>()) {
    using Target = detail::Call<true, stored_t<F>, stored_t<Arguments>...>;
    write_descriptor(writer, Target::token(), Target::descriptor);
    detail::write_as<stored_t<F>>(writer, function);
    (detail::write_as<stored_t<Arguments>>(writer, arguments), ...);
  }
}

// The same for a call whose result nobody wants: it may be of any type, and is dropped.
template <class F, class... Arguments>
void encode_procedure(Writer& writer, const F& function, const Arguments&... arguments) {
  if constexpr (detail::check_call<false, stored_t<F>, stored_t<Arguments>...>()) {
    using Target = detail::Call<false, stored_t<F>, stored_t<Arguments>...>;
    write_descriptor(writer, Target::token(), Target::descriptor);
    detail::write_as<stored_t<F>>(writer, function);
    (detail::write_as<stored_t<Arguments>>(writer, arguments), ...);
  }
}

// The callable alone, for DecodedCallable; `Arguments` are the types that each item will be written as.
template <class... Arguments, class F>
void encode_callable(Writer& writer, const F& function) {
  if constexpr (detail::check_call<true, stored_t<F>&, Arguments...>()) {
    using Target = detail::Call<true, stored_t<F>, Arguments...>;
    write_descriptor(writer, Target::token(), Target::descriptor);
    detail::write_as<stored_t<F>>(writer, function);
  }
}

// The arguments of one item.
template <class... Stored, class... Arguments>
void encode_arguments(Writer& writer, const Arguments&... arguments) {
  static_assert(sizeof...(Stored) == sizeof...(Arguments));
  (detail::write_as<Stored>(writer, arguments), ...);
}

// Runs an encoded call and appends its encoded outcome to `result`: the value, or the error, whatever went wrong (an
// unknown function, damaged arguments, an exception of any type, a result that cannot be encoded). Lets nothing out but
// the cancellation of the thread and, when there is no memory even for an error, std::bad_alloc. `result` must be a
// growing writer, or its fits() be looked at: a function is not run twice.
void run_call(Reader& call, Writer& result);

// Runs an encoded call and lets its exceptions out. Its result is dropped.
void invoke_call(Reader& call);

// A callable that was decoded once, to be called for many items. Not for several threads at a time.
class DecodedCallable {
 public:
  // Throws DecodeError, TokenError, and what the callable's own decoding throws.
  explicit DecodedCallable(Reader& callable);
  DecodedCallable(DecodedCallable&& other) noexcept
      : descriptor_(other.descriptor_), callable_(std::exchange(other.callable_, nullptr)) {}
  DecodedCallable& operator=(DecodedCallable&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    std::swap(callable_, other.callable_);
    return *this;
  }
  ~DecodedCallable() {
    if (callable_ != nullptr) descriptor_->end(callable_);
  }

  // Whether calls leave it as it was, so that it may stand for another that was sent as the same bytes.
  [[nodiscard]] bool is_stateless() const { return descriptor_->is_stateless; }

  // Calls it with the arguments in `item` and appends the encoded outcome to `result`; as run_call().
  void call(Reader& item, Writer& result);

 private:
  const FunctionDescriptor* descriptor_;
  void* callable_;
};

// An outcome is a byte and then the value or the exception.
enum class OutcomeMark : std::uint8_t { value = 0, error = 1 };

// Appends the outcome "ended with this error".
void encode_error_outcome(Writer& writer, const std::exception_ptr& error);

template <class R>
struct Codec<Outcome<R>> {
  using Parts = std::conditional_t<std::is_void_v<R>, TypeList<>, TypeList<R>>;

  static void write(Writer& writer, const Outcome<R>& outcome) {
    if (!outcome) return encode_error_outcome(writer, outcome.error().exception());
    writer.put(OutcomeMark::value);
    if constexpr (!std::is_void_v<R>) wire::write(writer, *outcome);
  }

  static Outcome<R> read(Reader& reader) {
    const auto mark = reader.get<OutcomeMark>(type_name<Outcome<R>>());
    if (mark == OutcomeMark::error) return decode_exception(reader);
    if (mark != OutcomeMark::value) throw_bad_value(type_name<Outcome<R>>(), "neither a value nor an error");
    if constexpr (std::is_void_v<R>) {
      return Outcome<void>();
    } else {
      return wire::read<R>(reader);
    }
  }
};

// What run_call() or DecodedCallable::call() wrote. If the bytes are damaged, the outcome is that DecodeError.
template <class R>
Outcome<R> decode_outcome(Reader& reader) {
  try {
    return read<Outcome<R>>(reader);
  } catch (const DecodeError&) {
    return std::current_exception();
  } catch (const TokenError&) {
    return std::current_exception();
  }
}

}  // namespace procyon::wire
