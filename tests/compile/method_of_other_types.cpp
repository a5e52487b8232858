// expect: procyon: this method takes arguments of other types; see its declaration
#include "procyon/base_manager.hpp"

struct Counter {
  int inc(int by) { return by; }
};

void run(const procyon::Proxy<Counter>& counter) { counter.call(procyon::m<&Counter::inc>, "five"); }
