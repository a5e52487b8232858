// The engine of processes: it moves bytes. What gives them a type lies in process.hpp.
//
//   EncodedCall call = encode(f, args...);                      // process.hpp
//   std::shared_ptr<Child> child = make_child({.name = "calc-1"}, std::move(call));
//   start(*child);                                              // src/process/child.hpp for the rest
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "procyon/detail/arena/reference.hpp"
#include "procyon/detail/os/descriptor.hpp"
#include "procyon/detail/wire/attachments.hpp"

namespace procyon {

/// How a child comes to be; see context.hpp.
enum class StartMethod : std::uint32_t { fork, forkserver, spawn };

}  // namespace procyon

namespace procyon::process {

/// A callable with its arguments, as bytes, and what cannot be bytes.
struct EncodedCall {
  std::vector<std::byte> bytes;
  std::vector<arena::Reference> objects;
  std::vector<os::Descriptor> descriptors;
};

/// Collects what the arguments of a call refer to.
class CallAttachments final : public wire::Attachments {
 public:
  explicit CallAttachments(EncodedCall& call) : call_(call) {}
  std::uint32_t put_object(const arena::Reference& reference) override;
  arena::Reference take_object(std::uint32_t index) override;
  std::uint32_t put_descriptor(int descriptor) override;
  int take_descriptor(std::uint32_t index) override;

 private:
  EncodedCall& call_;
};

struct ChildOptions {
  std::string name;                         // empty: Process-1, Process-2, ...
  std::optional<bool> daemon;               // nothing: as the creating process
  std::optional<StartMethod> start_method;  // nothing: as set_start_method() says when it is started
  std::string class_name = "Process";       // what it is printed as, and named after
};

/// One thing that the fork server does before it makes children: a library, by path, or a function.
struct PreloadItem {
  std::string library;
  std::vector<std::byte> call;
};

/// A child of this process, started or not. Shared between the objects that speak of it and the supervisor.
class Child;

/// In a context: its method, unless the options ask for another one (std::invalid_argument).
void choose_method(std::optional<StartMethod>& asked, StartMethod of_context);

std::shared_ptr<Child> make_child(ChildOptions options, EncodedCall call);

/// A child whose call is told when it is started: an object of a subclass.
std::shared_ptr<Child> make_child(ChildOptions options);

/// A child that is always forked, so that `body` may be anything: nothing is encoded.
std::shared_ptr<Child> make_forked_child(ChildOptions options, std::function<void()> body);

}  // namespace procyon::process
