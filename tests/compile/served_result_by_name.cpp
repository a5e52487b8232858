// expect: procyon: what a method returns as std::shared_ptr<Child> stays in the server: call it for a mp::Proxy<Child>
#include <memory>

#include "procyon/base_manager.hpp"

struct Child {
  int number = 0;
};

void run(const procyon::Proxy<>& parent) { parent.call<std::shared_ptr<Child>>("child"); }
