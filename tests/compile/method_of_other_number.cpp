// expect: procyon: this method takes another number of arguments
#include "procyon/base_manager.hpp"

struct Counter {
  int inc(int by) { return by; }
};

void run(const procyon::Proxy<Counter>& counter) { counter.call(procyon::m<&Counter::inc>, 1, 2); }
