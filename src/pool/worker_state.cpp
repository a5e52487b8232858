#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "procyon/with_state.hpp"

namespace procyon::pool {

namespace {

struct Kept {
  const void* kind;
  std::string key;
  std::shared_ptr<void> state;
};

/// Those of a thread end with it, at the latest.
struct States {
  States() = default;
  States(const States&) = delete;
  States& operator=(const States&) = delete;
  ~States() { clear(); }
  void clear() noexcept {
    while (!all.empty()) all.pop_back();
  }
  std::vector<Kept> all;
};

States& states() {
  thread_local States of_this_thread;
  return of_this_thread;
}

}  // namespace

void* find_state(const void* kind, const std::string& key) {
  const std::vector<Kept>& all = states().all;
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const Kept& kept) { return kept.kind == kind && kept.key == key; });
  return found == all.end() ? nullptr : found->state.get();
}

void keep_state(const void* kind, const std::string& key, std::shared_ptr<void> state) {
  states().all.push_back({kind, key, std::move(state)});
}

void destroy_states() noexcept { states().clear(); }

}  // namespace procyon::pool
