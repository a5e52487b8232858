// The dict of a server: keys and values as bytes, which it never decodes. So it needs none of its users' types.
//
// Two keys are equal if their bytes are; which types that is right for the proxy checks (detail/manager/key.hpp).
#pragma once

#include <string>
#include <vector>

#include "manager/methods.hpp"
#include "manager/ordered_table.hpp"
#include "manager/served_snapshot.hpp"

namespace procyon::manager {

class ServedDict final : public ServedObject {
 public:
  /// `type` is "dict<str,i32>", for those who look.
  explicit ServedDict(std::string type) : type_(std::move(type)) {}
  static ServedPointer make(Loop& loop, IncomingCall& arguments);

  void call(IncomingCall call) override;
  [[nodiscard]] std::vector<std::string> methods() const override;
  [[nodiscard]] std::string text() const override;

 private:
  static const Method<ServedDict> methods_[];

  void get(IncomingCall& call);
  void get_many(IncomingCall& call);
  void set(IncomingCall& call);
  void set_many(IncomingCall& call);
  void set_default(IncomingCall& call);
  void set_if_unchanged(IncomingCall& call);
  void set_if_equal(IncomingCall& call);
  void contains(IncomingCall& call);
  void erase(IncomingCall& call);
  void pop(IncomingCall& call);
  void pop_last(IncomingCall& call);
  void clear(IncomingCall& call);
  void size(IncomingCall& call);
  void keys(IncomingCall& call);
  void values(IncomingCall& call);
  void items(IncomingCall& call);
  void reply_snapshot(IncomingCall& call, SnapshotOf what) const;

  std::string type_;
  OrderedTable table_;
};

}  // namespace procyon::manager
