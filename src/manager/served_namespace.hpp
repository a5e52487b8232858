// The Namespace of a server: values of any types by name, each with the name of its type, so that who reads it as another
// one is told so.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "manager/methods.hpp"
#include "manager/stored_values.hpp"

namespace procyon::manager {

class ServedNamespace final : public ServedObject {
 public:
  static ServedPointer make(Loop& loop, IncomingCall& arguments);

  void call(IncomingCall call) override;
  [[nodiscard]] std::vector<std::string> methods() const override;
  [[nodiscard]] std::string text() const override;

 private:
  static const Method<ServedNamespace> methods_[];

  struct Attribute {
    std::string type;  // "i32"
    StoredPointer value;
    std::uint64_t version;
  };

  void get(IncomingCall& call);
  void set(IncomingCall& call);
  void set_if_unchanged(IncomingCall& call);
  void contains(IncomingCall& call);
  void erase(IncomingCall& call);
  void names(IncomingCall& call);

  std::map<std::string, Attribute> attributes_;
  std::uint64_t last_version_ = 0;
};

}  // namespace procyon::manager
