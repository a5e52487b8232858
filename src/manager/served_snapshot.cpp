#include "manager/served_snapshot.hpp"

namespace procyon::manager {

namespace {
constexpr std::size_t overhead_of_an_item = 16;
}

const Method<ServedSnapshot> ServedSnapshot::methods_[] = {{"next(bytes)->items", &ServedSnapshot::next}};

void ServedSnapshot::call(IncomingCall call) { run_method(*this, methods_, std::move(call)); }
std::vector<std::string> ServedSnapshot::methods() const { return names_of(methods_); }
std::string ServedSnapshot::text() const { return "a snapshot of a " + type_; }

void ServedSnapshot::next(IncomingCall& call) {
  const auto [enough] = call.read<std::uint64_t>();
  const std::size_t first = next_;
  std::size_t bytes = 0;
  while (next_ < items_.size() && (next_ == first || bytes < enough)) {
    const SnapshotItem& item = items_[next_++];
    bytes += overhead_of_an_item + item.key.size() + (item.value ? item.value->bytes.size() : 0);
  }
  AnswerWriter answer;
  answer.put(static_cast<std::uint64_t>(next_ - first));
  for (std::size_t index = first; index < next_; ++index) {
    SnapshotItem& item = items_[index];
    if (what_ != SnapshotOf::values) answer.put(item.key);
    if (what_ != SnapshotOf::keys) answer.put_value(*item.value);
    item = {};  // given out: no need to keep it alive
  }
  answer.reply_to(call);
}

}  // namespace procyon::manager
