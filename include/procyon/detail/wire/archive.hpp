// The archives that a class's `serialize` member is called with.
//
//   struct Polygon {
//     std::vector<Point> points;
//     std::string name;
//     template <class Archive> void serialize(Archive& archive) { archive(points, name); }
//   };
//
// The shape is cereal's, so that classes written for it cross as they are; no part of cereal is used.
// `Archive::is_loading` and `Archive::is_saving` are std::true_type or std::false_type.
#pragma once

#include <type_traits>

#include "procyon/detail/wire/traits.hpp"

namespace procyon::wire {

namespace detail {

// cereal's NVP wrapper, recognised by its shape: a name and a reference to the value.
template <class T>
concept NamedReference = requires(T& pair) {
  pair.name;
  pair.value;
  requires std::is_lvalue_reference_v<decltype(pair.value)>;
};

}  // namespace detail

class WriteArchive {
 public:
  using is_loading = std::false_type;
  using is_saving = std::true_type;

  explicit WriteArchive(Writer& writer) : writer_(writer) {}

  template <class... Values>
  WriteArchive& operator()(const Values&... values) {
    (one(values), ...);
    return *this;
  }
  template <class Value>
  WriteArchive& operator&(const Value& value) {
    return (*this)(value);
  }

 private:
  template <class Value>
  void one(const Value& value) {
    if constexpr (detail::NamedReference<const Value>) {
      one(value.value);
    } else {
      write(writer_, value);
    }
  }

  Writer& writer_;
};

class ReadArchive {
 public:
  using is_loading = std::true_type;
  using is_saving = std::false_type;

  explicit ReadArchive(Reader& reader) : reader_(reader) {}

  template <class... Values>
  ReadArchive& operator()(Values&&... values) {
    (one(values), ...);
    return *this;
  }
  template <class Value>
  ReadArchive& operator&(Value&& value) {
    return (*this)(value);
  }

 private:
  template <class Value>
  void one(Value& value) {
    if constexpr (detail::NamedReference<Value>) {
      one(value.value);
    } else {
      read_into(reader_, value);
    }
  }

  Reader& reader_;
};

}  // namespace procyon::wire
