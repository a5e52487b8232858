// expect: procyon: the function for mp::method<> runs in the server, so it must be a lambda that captures nothing; what it needs belongs into the object
#include "procyon/base_manager.hpp"

struct Counter {
  int inc(int by) { return by; }
};

void run(procyon::BaseManager& manager, int by) {
  manager.register_type<Counter>("Counter",
                                 procyon::method<"add">([by](Counter& counter) { counter.inc(by); }));
}
