#include "manager/served_lock.hpp"

#include "manager/waiting_calls.hpp"

namespace procyon::manager {

// Lock ----------------------------------------------------------------------------------------------------------

const Method<ServedLock> ServedLock::methods_[] = {
    {"acquire(i64)->lock_answer", &ServedLock::acquire},
    {"release()", &ServedLock::release},
    {"locked()->bool", &ServedLock::locked},
    {"recover(tenure)", &ServedLock::recover},
    {"give_back(tenure)", &ServedLock::give_back},
};

ServedPointer ServedLock::make(Loop& loop, IncomingCall& arguments) {
  arguments.read<std::string>();
  return std::make_shared<ServedLock>(loop);
}

void ServedLock::call(IncomingCall call) { run_method(*this, methods_, std::move(call)); }
std::vector<std::string> ServedLock::methods() const { return names_of(methods_); }
std::string ServedLock::text() const { return lock_.locked() ? "Lock(held)" : "Lock(free)"; }

void ServedLock::acquire(IncomingCall& call) {
  const auto [timeout] = call.read<std::int64_t>();
  remote_.acquire(std::move(call), deadline_of(timeout));
}

void ServedLock::release(IncomingCall& call) {
  call.read<>();
  remote_.release(call.caller());
  call.reply();
}

void ServedLock::locked(IncomingCall& call) {
  call.read<>();
  call.reply(lock_.locked());
}

void ServedLock::recover(IncomingCall& call) {
  const auto [tenure] = call.read<std::uint64_t>();
  remote_.recover(call.caller().client, tenure);
  call.reply();
}

void ServedLock::give_back(IncomingCall& call) {
  const auto [tenure] = call.read<std::uint64_t>();
  remote_.give_back(call.caller().client, tenure);
  call.reply();
}

// Event ---------------------------------------------------------------------------------------------------------

const Method<ServedEvent> ServedEvent::methods_[] = {
    {"is_set()->bool", &ServedEvent::is_set},
    {"set()", &ServedEvent::set},
    {"clear()", &ServedEvent::clear},
    {"wait(i64)->bool", &ServedEvent::wait},
};

ServedPointer ServedEvent::make(Loop& loop, IncomingCall& arguments) {
  arguments.read<std::string>();
  return std::make_shared<ServedEvent>(loop);
}

void ServedEvent::call(IncomingCall call) { run_method(*this, methods_, std::move(call)); }
std::vector<std::string> ServedEvent::methods() const { return names_of(methods_); }
std::string ServedEvent::text() const { return event_.is_set() ? "Event(set)" : "Event(not set)"; }

void ServedEvent::is_set(IncomingCall& call) {
  call.read<>();
  call.reply(event_.is_set());
}

void ServedEvent::set(IncomingCall& call) {
  call.read<>();
  event_.set();
  call.reply();
}

void ServedEvent::clear(IncomingCall& call) {
  call.read<>();
  event_.clear();
  call.reply();
}

void ServedEvent::wait(IncomingCall& call) {
  const auto [timeout] = call.read<std::int64_t>();
  // Who waited aside saw it set: that it was cleared again before the loop looked takes nothing from that.
  waits_.add(std::move(call), deadline_of(timeout),
             {.try_now =
                  [this](IncomingCall& waiting) {
                    if (!event_.is_set()) return false;
                    waiting.reply(true);
                    return true;
                  },
              .wait = [event = event_](os::Deadline slice) { return event.wait(slice.remaining()); },
              .finish = [](IncomingCall& waiting) { waiting.reply(true); },
              .too_late = [](IncomingCall& waiting) { waiting.reply(false); }});
}

}  // namespace procyon::manager
