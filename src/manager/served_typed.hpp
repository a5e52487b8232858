// An object of a class that was registered: its methods run aside, one after another in the order in which they came, unless
// the registration says otherwise (registration.hpp).
//
// What a method returns as an object is served by the class that ServedClass::returned_by() names; its caller gets a reference.
//
// Calls that wait for their turn are cancelled when their caller gives up or is gone; one that runs goes on, and what it
// returns is dropped.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "manager/dispatcher.hpp"
#include "manager/served_class.hpp"
#include "manager/served_object.hpp"
#include "procyon/detail/manager/typed_type.hpp"

namespace procyon::manager {

class ServedTyped final : public ServedObject {
 public:
  /// For Server::add_type(): makes the object aside, as its constructor may take long, unless the class is quick.
  static Maker maker(ServedClass& its_class);

  /// For ServedClass::serve().
  ServedTyped(ServedClass& its_class, std::shared_ptr<void> object);
  ~ServedTyped() override;

  void call(IncomingCall call) override;
  void cancel(ClientId client, std::uint64_t number) override;
  void client_gone(ClientId client) override;
  [[nodiscard]] std::vector<std::string> methods() const override;
  [[nodiscard]] std::string text() const override;

 private:
  /// The user's object; threads that run its methods own it, too.
  struct Instance;
  struct Turn;

  static std::shared_ptr<ServedTyped> construct(ServedClass& its_class, const IncomingCall& call,
                                                std::vector<ObjectReference> objects);
  const MethodEntry& require_method(MethodId method) const;
  void run_turns();
  static void run(ServedClass& its_class, Instance& instance, Turn turn);
  static void run_for_object(ServedClass& its_class, Instance& instance, Turn turn);

  ServedClass& class_;
  std::shared_ptr<Instance> instance_;
  std::mutex mutex_;
  std::deque<Turn> turns_;  // guarded by mutex_, like the next
  bool is_running_ = false;
};

}  // namespace procyon::manager
