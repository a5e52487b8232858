#include "procyon/detail/process/engine.hpp"

#include <fcntl.h>

#include <stdexcept>
#include <string>

#include "os/error.hpp"
#include "process/child.hpp"
#include "process/state.hpp"

namespace procyon::process {

std::uint32_t CallAttachments::put_object(const arena::Reference& reference) {
  call_.objects.push_back(reference);
  return static_cast<std::uint32_t>(call_.objects.size() - 1);
}

arena::Reference CallAttachments::take_object(std::uint32_t) {
  throw std::logic_error("the arguments of a process are being collected; nothing has arrived yet");
}

std::uint32_t CallAttachments::put_descriptor(int descriptor) {
  call_.descriptors.push_back(
      os::Descriptor::adopt(::fcntl(descriptor, F_DUPFD_CLOEXEC, 3), "duplicating a descriptor for a child"));
  return static_cast<std::uint32_t>(call_.descriptors.size() - 1);
}

int CallAttachments::take_descriptor(std::uint32_t) {
  throw std::logic_error("the arguments of a process are being collected; nothing has arrived yet");
}

void choose_method(std::optional<StartMethod>& asked, StartMethod of_context) {
  if (asked && *asked != of_context)
    throw std::invalid_argument(std::string("Process: its options ask for the start method '") +
                                name_of(*asked) + "', but it is made by the context of '" +
                                name_of(of_context) + "'; leave one of the two out");
  asked = of_context;
}

std::shared_ptr<Child> make_child(ChildOptions options, EncodedCall call) {
  return std::make_shared<Child>(State::current(), std::move(options), std::move(call), nullptr);
}

std::shared_ptr<Child> make_child(ChildOptions options) {
  return std::make_shared<Child>(State::current(), std::move(options), std::nullopt, nullptr);
}

std::shared_ptr<Child> make_forked_child(ChildOptions options, std::function<void()> body) {
  options.start_method = StartMethod::fork;
  return std::make_shared<Child>(State::current(), std::move(options), std::nullopt, std::move(body));
}

}  // namespace procyon::process
