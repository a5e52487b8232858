// The list of a server: values as bytes, which it never decodes.
//
// Each item that is put in gets a version of its own, and so does the list with each change: proxies change optimistically,
// "if it is still what I have read".
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "manager/methods.hpp"
#include "manager/stored_values.hpp"

namespace procyon::manager {

class ServedList final : public ServedObject {
 public:
  explicit ServedList(std::string type) : type_(std::move(type)) {}
  static ServedPointer make(Loop& loop, IncomingCall& arguments);

  void call(IncomingCall call) override;
  [[nodiscard]] std::vector<std::string> methods() const override;
  [[nodiscard]] std::string text() const override;

 private:
  static const Method<ServedList> methods_[];

  struct Item {
    StoredPointer value;
    std::uint64_t version;
  };

  void get(IncomingCall& call);
  void get_many(IncomingCall& call);
  void get_last(IncomingCall& call);
  void set(IncomingCall& call);
  void set_if_unchanged(IncomingCall& call);
  void extend(IncomingCall& call);
  void insert(IncomingCall& call);
  void pop(IncomingCall& call);
  void pop_last(IncomingCall& call);
  void erase(IncomingCall& call);
  void remove(IncomingCall& call);
  void index(IncomingCall& call);
  void count(IncomingCall& call);
  void reverse(IncomingCall& call);
  void clear(IncomingCall& call);
  void assign_if_unchanged(IncomingCall& call);
  void size(IncomingCall& call);
  void items(IncomingCall& call);

  [[nodiscard]] std::uint64_t next_version() { return ++version_; }
  [[nodiscard]] Item& at(std::uint64_t index);
  [[nodiscard]] std::size_t place_of(const StoredValue& value) const;
  void answer_and_erase(IncomingCall& call, std::size_t index);

  std::string type_;
  std::deque<Item> items_;
  std::uint64_t version_ = 1;
};

}  // namespace procyon::manager
