// What became of a task: its value, or the error that it ended with.
//
//   for (const mp::Outcome<int>& outcome : pool.map_outcomes(parse, files)) {
//     if (outcome) use(*outcome);
//     else fmt::print("{}: {}\n", outcome.error().type(), outcome.error().what());
//   }
//
// For a sequence that must go on past an item that failed; where the first error should end the work, call value(),
// which throws it. An Outcome is a plain value: copy it, move it, keep it.
#pragma once

#include <concepts>
#include <exception>
#include <ostream>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace procyon {

// A look at an error that was caught. Cheap to copy.
class Error {
 public:
  explicit Error(std::exception_ptr exception) : exception_(std::move(exception)) {}

  // What it says: the exception's what(), or the thrown value itself if it is a number or text.
  std::string what() const;

  // The type of what was thrown, as it is written in the source; for a RemoteError, the type in the other process.
  std::string type() const;

  // The function that threw it; empty if that is not known.
  std::string where() const;

  [[noreturn]] void rethrow() const { std::rethrow_exception(exception_); }
  const std::exception_ptr& exception() const noexcept { return exception_; }

  // True if it can be caught as a T.
  template <class T>
  bool is() const {
    try {
      rethrow();
    } catch (const T&) {
      return true;
    } catch (...) {
      return false;
    }
  }

  explicit operator std::string() const { return what(); }
  friend std::ostream& operator<<(std::ostream& stream, const Error& error) { return stream << error.what(); }

 private:
  std::exception_ptr exception_;
};

namespace detail {

// Misuse: operator* of an outcome that holds an error, error() of one that holds a value.
[[noreturn]] void throw_no_value(const Error& error);
[[noreturn]] void throw_no_error();

}  // namespace detail

template <class R>
class Outcome {
  static_assert(std::is_object_v<R> && !std::is_array_v<R>,
                "procyon: Outcome<R> needs a type of values, or void");
  static_assert(!std::is_same_v<R, std::exception_ptr>,
                "procyon: an Outcome<R> of an exception_ptr is ambiguous");

 public:
  using value_type = R;

  Outcome(R value) : state_(std::in_place_index<0>, std::move(value)) {}
  Outcome(std::exception_ptr error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  // The value. Throws the error if there is none.
  R& value() & {
    throw_if_error();
    return std::get<0>(state_);
  }
  const R& value() const& {
    throw_if_error();
    return std::get<0>(state_);
  }
  R&& value() && {
    throw_if_error();
    return std::get<0>(std::move(state_));
  }

  // The value of an outcome that is known to have one. Throws std::logic_error, which names the error, if it has not.
  R& operator*() & {
    require_value();
    return std::get<0>(state_);
  }
  const R& operator*() const& {
    require_value();
    return std::get<0>(state_);
  }
  R&& operator*() && {
    require_value();
    return std::get<0>(std::move(state_));
  }
  R* operator->() { return &**this; }
  const R* operator->() const { return &**this; }

  template <class Alternative>
  R value_or(Alternative&& alternative) const& {
    return has_value() ? std::get<0>(state_) : static_cast<R>(std::forward<Alternative>(alternative));
  }
  template <class Alternative>
  R value_or(Alternative&& alternative) && {
    return has_value() ? std::get<0>(std::move(state_))
                       : static_cast<R>(std::forward<Alternative>(alternative));
  }

  // The error. Throws std::logic_error if there is none.
  Error error() const {
    if (has_value()) detail::throw_no_error();
    return Error(std::get<1>(state_));
  }

 private:
  void throw_if_error() const {
    if (!has_value()) std::rethrow_exception(std::get<1>(state_));
  }
  void require_value() const {
    if (!has_value()) detail::throw_no_value(error());
  }

  std::variant<R, std::exception_ptr> state_;
};

template <>
class Outcome<void> {
 public:
  using value_type = void;

  Outcome() = default;
  Outcome(std::exception_ptr error) : error_(std::move(error)) {}

  bool has_value() const noexcept { return error_ == nullptr; }
  explicit operator bool() const noexcept { return has_value(); }

  // Returns if the task did; throws its error otherwise.
  void value() const {
    if (error_) std::rethrow_exception(error_);
  }
  void operator*() const {
    if (error_) detail::throw_no_value(error());
  }

  // The error. Throws std::logic_error if there is none.
  Error error() const {
    if (!error_) detail::throw_no_error();
    return Error(error_);
  }

 private:
  std::exception_ptr error_;
};

}  // namespace procyon
