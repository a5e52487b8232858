// expect: procyon: this proxy is of another class than the member function that is called
#include "procyon/base_manager.hpp"

struct Counter {
  int inc(int by) { return by; }
};

struct Other {};
void run(const procyon::Proxy<Other>& other) { other.call(procyon::m<&Counter::inc>, 1); }
