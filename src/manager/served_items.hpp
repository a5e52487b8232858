// Value and Array of a server: plain memory of the session with a lock. Clients of the session open it and use it there, as
// mp::Value and mp::Array; others read and write it through the server, as bytes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "manager/methods.hpp"
#include "manager/remote_lock.hpp"
#include "procyon/detail/manager/item_type.hpp"

namespace procyon::manager {

class ServedItems final : public ServedObject {
 public:
  /// `items` are those in the memory of `reference`, of that many bytes each.
  ServedItems(Loop& loop, std::string type, arena::Reference reference, sync::RobustWord& word,
              std::span<std::byte> items, std::size_t item_size)
      : type_(std::move(type)),
        reference_(std::move(reference)),
        items_(items),
        item_size_(item_size),
        remote_(loop, *this, word, RemoteLock::Kind::rlock) {}
  static ServedPointer make_value(Loop& loop, IncomingCall& arguments);
  static ServedPointer make_array(Loop& loop, IncomingCall& arguments);

  void call(IncomingCall call) override;
  void cancel(ClientId client, std::uint64_t number) override { remote_.cancel(client, number); }
  void client_gone(ClientId client) override { remote_.client_gone(client); }
  [[nodiscard]] std::vector<std::string> methods() const override;
  [[nodiscard]] std::string text() const override { return type_; }
  [[nodiscard]] std::optional<arena::Handle> local() const override { return reference_.handle(); }

 private:
  static const Method<ServedItems> methods_[];

  void get(IncomingCall& call);
  void set(IncomingCall& call);
  void size(IncomingCall& call);
  void acquire(IncomingCall& call);
  void release(IncomingCall& call);
  void locked(IncomingCall& call);
  void recover(IncomingCall& call);
  void give_back(IncomingCall& call);

  [[nodiscard]] std::span<std::byte> items(std::uint64_t first, std::uint64_t count) const;

  std::string type_;
  arena::Reference reference_;
  std::span<std::byte> items_;
  std::size_t item_size_;
  RemoteLock remote_;
};

}  // namespace procyon::manager
