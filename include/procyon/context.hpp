// Start methods: how a child comes to be.
//
//   forkserver   the default. A small process, started with the first child, makes each child in 0.2 ms, however large
//                this process is and whatever its threads do. The child has the program's static objects as they are
//                before main, and none of what main has changed.
//   spawn        each child is the program started afresh (about 1 ms). As forkserver, and nothing is shared with others.
//   fork         the child is a copy of this process with everything in it, but only one of its threads: it may hang
//                when other threads held locks, and copying a large process takes long.
//
//   mp::set_start_method("spawn");                               // once, at the start of main
//   auto context = mp::get_context("spawn");                     // or for some processes only
//   auto p = context.Process(f, 1);
//   auto q = mp::get_context(mp::fork).Process([&] { use(local); });   // captures: only there
//
// The environment variable PROCYON_START_METHOD chooses the default. Children start their own children by the method that
// their parent had as its default.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "procyon/process.hpp"

namespace procyon {

/// Chooses the start method of processes that do not say otherwise. Throws std::invalid_argument for an unknown name,
/// std::logic_error when one has been chosen or used already, unless `force`.
void set_start_method(std::string_view name, bool force = false);
/// Asking fixes it.
std::string get_start_method();
/// The default first.
std::vector<std::string> get_all_start_methods();

/// Something for the fork server to do once, before it makes children, so that all of them find it done.
class Preload {
 public:
  /// Loads a shared library (dlopen), by its absolute path.
  Preload(std::string library) : item_{std::move(library), {}} {}
  Preload(const char* library) : Preload(std::string(library)) {}
  /// Calls a function without arguments, or a lambda without captures.
  template <class F>
  requires std::is_invocable_v<F> Preload(const F& function) {
    wire::Writer writer;
    wire::encode_procedure(writer, function);
    item_.call.assign(writer.bytes().begin(), writer.bytes().end());
  }

  [[nodiscard]] const process::PreloadItem& item() const { return item_; }

 private:
  process::PreloadItem item_;
};

/// What takes long to build and is only read (tables, models) is built once, in the fork server; its children have it at
/// once, in the same memory until they write to it:
///
///   mp::set_forkserver_preload({load_dictionary, "/usr/lib/plugins/filter.so"});
///
/// Before the first process is started by the fork server; afterwards it throws std::logic_error. A function must start
/// neither threads nor processes. One that throws is reported on stderr, and the others follow. No effect on other start
/// methods, nor on the fork servers of children.
void set_forkserver_preload(std::initializer_list<Preload> what);

/// A start method that is chosen at run time: what crosses must be transferable.
class Context {
 public:
  explicit Context(StartMethod method) : method_(method) {}

  [[nodiscard]] std::string get_start_method() const;

  template <class F, class... Arguments>
  requires(!std::is_same_v<std::remove_cvref_t<F>, ProcessOptions>)  //
      [[nodiscard]] procyon::Process Process(F&& target, Arguments&&... arguments) const {
    return Process(ProcessOptions{}, std::forward<F>(target), std::forward<Arguments>(arguments)...);
  }
  template <class F, class... Arguments>
  [[nodiscard]] procyon::Process Process(ProcessOptions options, F&& target, Arguments&&... arguments) const {
    process::choose_method(options.start_method, method_);
    return procyon::Process(std::move(options), std::forward<F>(target),
                            std::forward<Arguments>(arguments)...);
  }

 private:
  StartMethod method_;
};

/// fork, known at compile time: target and arguments may be anything, captures by reference too.
class ForkContext {
 public:
  [[nodiscard]] std::string get_start_method() const { return "fork"; }

  template <class F, class... Arguments>
  requires(!std::is_same_v<std::remove_cvref_t<F>, ProcessOptions>)  //
      [[nodiscard]] procyon::Process Process(F&& target, Arguments&&... arguments) const {
    return Process(ProcessOptions{}, std::forward<F>(target), std::forward<Arguments>(arguments)...);
  }
  template <class F, class... Arguments>
  [[nodiscard]] procyon::Process Process(ProcessOptions options, F&& target, Arguments&&... arguments) const {
    process::choose_method(options.start_method, StartMethod::fork);
    // Held by a shared_ptr: std::function wants to copy, targets and arguments may be movable only.
    auto body = [target = std::forward<F>(target),
                 ... values = std::forward<Arguments>(arguments)]() mutable {
      std::invoke(std::move(target), std::move(values)...);
    };
    auto shared = std::make_shared<decltype(body)>(std::move(body));
    return procyon::Process(std::move(options), std::function<void()>([shared] { (*shared)(); }));
  }
};

/// The argument of get_context() for the context that is known at compile time.
struct ForkTag {};
inline constexpr ForkTag fork{};

/// Throws std::invalid_argument for an unknown name.
Context get_context(std::string_view start_method);
/// With the start method of set_start_method().
Context get_context();
inline ForkContext get_context(ForkTag) { return {}; }

/// For programs that Procyon cannot hook into (fully static ones, Procyon loaded by dlopen): call it first thing in main.
/// In a started child it does not return. Elsewhere it does nothing.
void freeze_support(int argc, char** argv);

}  // namespace procyon
