// The call of a subclass's run(): its members on one side, a new object on the other.
//
//   encode_procedure(writer, RunOf<Crawler>{&crawler, nullptr});      // in the parent, when it is started
//
// The child makes a Crawler while `Rebuilding` is set, so that the Process within knows that it stands for the process
// that it is in, reads its members and calls run().
#pragma once

#include <memory>
#include <type_traits>
#include <typeinfo>

#include "procyon/detail/wire/codec.hpp"

namespace procyon {
template <class Derived>
class ProcessOf;
}

namespace procyon::process {

/// While it lives, the next object of a subclass of Process that this thread makes is this process itself.
class Rebuilding {
 public:
  Rebuilding();
  ~Rebuilding();
  Rebuilding(const Rebuilding&) = delete;
  Rebuilding& operator=(const Rebuilding&) = delete;
  /// Whether this is that object. True once.
  static bool take();
};

/// Throws std::logic_error unless an object is of the very class that its ProcessOf knows.
void require_exact_class(const std::type_info& actual, const std::type_info& known);

template <class Derived>
struct RunOf {
  const Derived* original;
  std::unique_ptr<Derived> rebuilt;

  void operator()() const { static_cast<ProcessOf<Derived>&>(*rebuilt).run(); }
};

template <class Derived>
consteval bool check_subclass() {
  constexpr bool has_members = sizeof(Derived) != sizeof(ProcessOf<Derived>);
  static_assert(
      std::is_default_constructible_v<Derived>,
      "procyon: this subclass of mp::ProcessOf needs a default constructor: the child makes an object "
      "first and reads its members then");
  static_assert(wire::has_serialize<Derived> || !has_members,
                "procyon: this subclass of mp::ProcessOf has members that the child would not get; give it a "
                "member  template <class Archive> void serialize(Archive& archive) { archive(a, b, c); }");
  return std::is_default_constructible_v<Derived> && (wire::has_serialize<Derived> || !has_members);
}

}  // namespace procyon::process

namespace procyon::wire {

template <class Derived>
struct Codec<process::RunOf<Derived>> {
  using Parts = TypeList<>;

  static void write(Writer& writer, const process::RunOf<Derived>& call) {
    if constexpr (process::check_subclass<Derived>() && has_serialize<Derived>) {
      WriteArchive archive(writer);
      const_cast<Derived&>(*call.original).serialize(archive);  // writing does not change it
    }
  }

  static process::RunOf<Derived> read(Reader& reader) {
    process::RunOf<Derived> call{nullptr, nullptr};
    if constexpr (process::check_subclass<Derived>()) {
      {
        const process::Rebuilding rebuilding;
        call.rebuilt = std::make_unique<Derived>();
      }
      if constexpr (has_serialize<Derived>) {
        ReadArchive archive(reader);
        call.rebuilt->serialize(archive);
      }
    }
    return call;
  }
};

}  // namespace procyon::wire
