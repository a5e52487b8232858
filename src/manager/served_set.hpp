// The set of a server: elements as bytes, in the order in which they were put in.
//
// Two elements are equal if their bytes are; which types that is right for the proxy checks (detail/manager/key.hpp).
#pragma once

#include <string>
#include <vector>

#include "manager/methods.hpp"
#include "manager/ordered_table.hpp"

namespace procyon::manager {

class ServedSet final : public ServedObject {
 public:
  explicit ServedSet(std::string type) : type_(std::move(type)) {}
  static ServedPointer make(Loop& loop, IncomingCall& arguments);

  void call(IncomingCall call) override;
  [[nodiscard]] std::vector<std::string> methods() const override;
  [[nodiscard]] std::string text() const override;

 private:
  static const Method<ServedSet> methods_[];

  void add(IncomingCall& call);
  void erase(IncomingCall& call);
  void retain(IncomingCall& call);
  void toggle(IncomingCall& call);
  void contains(IncomingCall& call);
  void count_contained(IncomingCall& call);
  void pop(IncomingCall& call);
  void clear(IncomingCall& call);
  void size(IncomingCall& call);
  void elements(IncomingCall& call);

  std::string type_;
  OrderedTable table_;
};

}  // namespace procyon::manager
