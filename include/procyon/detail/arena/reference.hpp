// A counted reference to an object in the session's memory.
//
//   auto event = arena::Reference::create<EventState>(event_type);      // {pin of this process}
//   event.get<EventState>().set.store(1);
//   arena::Handle weak = event.handle();                                // eight bytes for another process
//   arena::Reference again = arena::Reference::open(weak, event_type);  // throws ObjectGone if it is gone
//
// All References of one process to one object share one pin; copying one is a local count, without the arena. The
// object goes when the last pin of the last process is gone, however those processes ended.
//
// After a user's fork() the child's References are its own: it pins the objects anew when it joins the session, and a
// child that never does anything with them disturbs nothing by destroying them.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>
#include <utility>

#include "procyon/detail/arena/handle.hpp"

namespace procyon::arena {

/// What kind of object a block holds: a name for errors and a code for the check at opening. `detail` tells objects of
/// one kind apart that hold different C++ types (Queue<int>, Queue<Job>); 0 where there is nothing to tell.
struct ObjectType {
  const char* name;
  std::uint16_t kind;
  std::uint16_t detail = 0;
  [[nodiscard]] constexpr std::uint32_t code() const {
    return static_cast<std::uint32_t>(kind) << 16 | detail;
  }
};

/// What every counted object begins with; the arena's own, written when the object is published (src/arena/format.hpp).
struct Counted {
  std::atomic<std::uint32_t> pins{0};
  std::atomic<std::uint32_t> type{0};
};

class LocalObject;

class Reference {
 public:
  Reference() = default;
  Reference(const Reference& other) noexcept;
  Reference(Reference&& other) noexcept
      : object_(std::exchange(other.object_, nullptr)), address_(other.address_) {}
  Reference& operator=(Reference other) noexcept {
    std::swap(object_, other.object_);
    std::swap(address_, other.address_);
    return *this;
  }
  ~Reference() {
    if (object_ != nullptr) drop();
  }

  /// A new object of `T`, which is trivially destructible and derives from Counted first. It is constructed before
  /// anybody else can see it. Throws SessionError.
  template <class T, class... Arguments>
  static Reference create(ObjectType type, Arguments&&... arguments) {
    static_assert(std::is_base_of_v<Counted, T> && std::is_trivially_destructible_v<T>,
                  "an object of the arena is counted, and may be freed by any process");
    Reference reference = allocate(type, sizeof(T));
    new (reference.address_) T(std::forward<Arguments>(arguments)...);
    reference.publish(type);
    return reference;
  }
  /// Likewise with `extra` bytes after T.
  template <class T, class... Arguments>
  static Reference create_with_room(std::size_t extra, ObjectType type, Arguments&&... arguments) {
    static_assert(std::is_base_of_v<Counted, T> && std::is_trivially_destructible_v<T>,
                  "an object of the arena is counted, and may be freed by any process");
    Reference reference = allocate(type, sizeof(T) + extra);
    new (reference.address_) T(std::forward<Arguments>(arguments)...);
    reference.publish(type);
    return reference;
  }

  /// Pins the object that `handle` names. Throws ObjectGone if it is gone, std::logic_error if it is of another type.
  static Reference open(Handle handle, ObjectType type);
  /// Likewise of any type: the caller checks type_code().
  static Reference open(Handle handle);

  explicit operator bool() const { return object_ != nullptr; }
  [[nodiscard]] Handle handle() const;
  /// The code of its ObjectType.
  [[nodiscard]] std::uint32_t type_code() const;
  [[nodiscard]] void* address() const { return address_; }
  template <class T>
  [[nodiscard]] T& get() const {
    return *static_cast<T*>(address_);
  }

  friend bool operator==(const Reference& a, const Reference& b) { return a.object_ == b.object_; }

 private:
  friend class TravellingPin;
  Reference(LocalObject* object, void* address) : object_(object), address_(address) {}
  static Reference allocate(ObjectType type, std::size_t bytes);
  void publish(ObjectType type);
  void drop() noexcept;

  LocalObject* object_ = nullptr;
  void* address_ = nullptr;
};

/// A reference on its way to another process: inside a message, a task or a start record. It keeps its object alive,
/// held by the block in which it travels, until it is taken or dropped.
class TravellingPin {
 public:
  /// Number of the pin; what the bytes of the message carry beside the handle.
  using Number = std::uint32_t;

  /// Pins the object for a journey. The pin belongs to this process until hand_to().
  static Number pack(const Reference& reference);
  /// The pins now belong to `carrier` (a block): they live until taken, dropped, or the carrier is freed.
  static void hand_to(const Number* pins, std::size_t count, Handle carrier);
  /// The receiver takes pin and object: afterwards the pin is spent. Throws ObjectGone if it was dropped meanwhile.
  static Reference take(Number pin, Handle object);
  /// The receiver takes a reference of its own and leaves the pin where it is (a task that may run again).
  static Reference copy(Number pin, Handle object);
  /// Nobody took it.
  static void drop(Number pin, Handle object) noexcept;
};

}  // namespace procyon::arena
