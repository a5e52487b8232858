// What a container held at one moment, given out in pieces: iteration takes little memory of the client, and sees no
// change that others make meanwhile.
//
// The items are shared with the container, so a snapshot costs some pointers for each. It goes when its client lets go of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "manager/methods.hpp"
#include "manager/stored_values.hpp"

namespace procyon::manager {

/// What each item is: of a dict both.
enum class SnapshotOf : std::uint8_t { keys, values, keys_and_values };

struct SnapshotItem {
  std::string key;
  StoredPointer value;
};

class ServedSnapshot final : public ServedObject {
 public:
  ServedSnapshot(std::string type, SnapshotOf what, std::vector<SnapshotItem> items)
      : type_(std::move(type)), what_(what), items_(std::move(items)) {}

  void call(IncomingCall call) override;
  [[nodiscard]] std::vector<std::string> methods() const override;
  [[nodiscard]] std::string text() const override;

 private:
  static const Method<ServedSnapshot> methods_[];

  /// Answers with as many items as about this number of bytes holds, one at least; none at the end.
  void next(IncomingCall& call);

  std::string type_;  // of the container
  SnapshotOf what_;
  std::vector<SnapshotItem> items_;
  std::size_t next_ = 0;
};

}  // namespace procyon::manager
