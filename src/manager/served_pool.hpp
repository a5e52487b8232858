// The Pool of a server: workers that are children of the server, run what clients of its session call.
//
// A call is a function's place in the program's modules, so it means something in the session alone; other clients are refused
// by their proxy, and again here: it is the server that would run what a stranger names.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "manager/methods.hpp"
#include "procyon/pool.hpp"

namespace procyon::manager {

class ServedPool final : public ServedObject {
 public:
  ServedPool(Loop& loop, PoolOptions options)
      : loop_(loop), pool_(std::make_shared<Pool>(std::move(options))) {}
  static ServedPointer make(Loop& loop, IncomingCall& arguments);
  /// Ends the workers, aside: that takes a while.
  ~ServedPool() override;

  void call(IncomingCall call) override;
  [[nodiscard]] std::vector<std::string> methods() const override;
  [[nodiscard]] std::string text() const override;

 private:
  static const Method<ServedPool> methods_[];

  void run(IncomingCall& call);
  void close(IncomingCall& call);
  void terminate(IncomingCall& call);
  void join(IncomingCall& call);

  void end_aside(IncomingCall& call, void (*end)(Pool&));

  Loop& loop_;
  std::shared_ptr<Pool> pool_;
};

}  // namespace procyon::manager
