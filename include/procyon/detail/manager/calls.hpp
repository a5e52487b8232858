// How the methods of a standard object are called: at once, begun, or as part of a batch.
//
//   template <class T, class How>
//   class CounterCalls : public How {
//     template <class R>
//     using Result = typename How::template Result<R>;
//     Result<T> add(const T& by) const { return this->call("add(value)->value", ReadValue<T>{}, as_value(by)); }
//   };
//   class CounterProxy : public CounterCalls<int, AtOnce> { ... };     // int add(int): waits
//
// So each method is written once: its name at the server, its arguments, and how its result is read. CounterCalls<int, Begun>
// has the same methods, which return ManagerResults, and CounterCalls<int, InBatch> those that a Batch is filled by. What takes
// several calls (modify, copy), or does without the server, belongs to the proxy.
//
// Calls that are begun and those of batches go to the server also where the object lies in this process's session: one way
// for all objects is what makes them begin in their order.
//
// Of calls that wait in the server only a queue's put() and get() can be begun. A lock cannot: an RLock is its thread's, who
// would have to come back for it; the answer to an acquire() whose result was dropped would be a lock that nobody frees, and
// a result that is not looked at holds up all others. Permits, conditions and barriers are no different.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

#include "procyon/batch.hpp"
#include "procyon/detail/manager/standard_proxy.hpp"
#include "procyon/manager_result.hpp"

namespace procyon::manager {

/// What Read makes of an answer: the result of the method.
template <class Read>
using ReadResult = std::invoke_result_t<const Read&, ValueReader&>;

template <class Read>
std::function<ReadResult<Read>(Answer)> read_by(Read read) {
  return [read = std::move(read)](Answer answer) -> ReadResult<Read> {
    ValueReader reader(std::move(answer));
    return read(reader);
  };
}

class AtOnce : public StandardProxy {
 protected:
  template <class R>
  using Result = R;
  using StandardProxy::StandardProxy;

  template <class Read, class... Arguments>
  ReadResult<Read> call(std::string_view method, const Read& read, const Arguments&... arguments) const {
    ValueReader answer = invoke(method, arguments...);
    return read(answer);
  }
  /// Of a method that waits in the server for `time`, which is its last argument.
  template <class Read, class... Arguments>
  ReadResult<Read> call_waiting(WaitingTime time, std::string_view method, const Read& read,
                                const Arguments&... arguments) const {
    ValueReader answer = invoke_until(time.give_up(), method, arguments..., time.nanoseconds());
    return read(answer);
  }
};

class Begun : public StandardProxy {
 public:
  explicit Begun(ObjectReference object) : StandardProxy(std::move(object)) {}

 protected:
  template <class R>
  using Result = ManagerResult<R>;

  template <class Read, class... Arguments>
  ManagerResult<ReadResult<Read>> call(std::string_view method, Read read,
                                       const Arguments&... arguments) const {
    const ValueWriter writer = encode(arguments...);
    return {object_reference().link().begin(object_reference().object(), method_id(method), writer.bytes(),
                                            writer.objects()),
            read_by(std::move(read))};
  }
  template <class Read, class... Arguments>
  ManagerResult<ReadResult<Read>> call_waiting(WaitingTime time, std::string_view method, Read read,
                                               const Arguments&... arguments) const {
    return call(method, std::move(read), arguments..., time.nanoseconds());
  }
};

class InBatch : public StandardProxy {
 public:
  InBatch(ObjectReference object, Batch& batch) : StandardProxy(std::move(object)), batch_(batch) {}

 protected:
  template <class R>
  using Result = BatchPlace<R>;

  template <class Read, class... Arguments>
  BatchPlace<ReadResult<Read>> call(std::string_view method, Read read, const Arguments&... arguments) const {
    const ValueWriter writer = encode(arguments...);
    return {batch_.add_encoded(object_reference(), method_id(method), writer.bytes(), writer.objects()),
            read_by(std::move(read))};
  }
  template <class Read, class... Arguments>
  BatchPlace<ReadResult<Read>> call_waiting(WaitingTime time, std::string_view method, Read read,
                                            const Arguments&... arguments) const {
    return call(method, std::move(read), arguments..., time.nanoseconds());
  }

 private:
  Batch& batch_;
};

// What answers are read by ------------------------------------------------------------------------------------------

struct ReadNothing {
  void operator()(ValueReader&) const {}
};
/// What the server itself knows: a number, text.
template <class T>
struct ReadPlain {
  T operator()(ValueReader& answer) const { return answer.get<T>(); }
};
struct ReadSize {
  std::size_t operator()(ValueReader& answer) const {
    return static_cast<std::size_t>(answer.get<std::uint64_t>());
  }
};
struct ReadIsZero {
  bool operator()(ValueReader& answer) const { return answer.get<std::uint64_t>() == 0; }
};
struct ReadIsOne {
  bool operator()(ValueReader& answer) const { return answer.get<std::uint64_t>() == 1; }
};
template <class K>
struct ReadKey {
  K operator()(ValueReader& answer) const { return answer.key<K>(); }
};
template <class V>
struct ReadValue {
  V operator()(ValueReader& answer) const { return answer.value<V>(); }
};
template <class K, class V>
struct ReadKeyAndValue {
  std::pair<K, V> operator()(ValueReader& answer) const {
    K key = answer.key<K>();
    return {std::move(key), answer.value<V>()};
  }
};
/// A bool that says whether there is something to Read behind it.
template <class Read>
struct ReadOptional {
  std::optional<ReadResult<Read>> operator()(ValueReader& answer) const {
    if (!answer.get<bool>()) return std::nullopt;
    return Read{}(answer);
  }
};
/// The object that the answer is, as something that is made of a reference to it.
template <class T>
struct ReadObject {
  T operator()(ValueReader& answer) const { return T(answer.object()); }
};

}  // namespace procyon::manager
