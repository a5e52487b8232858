// expect: procyon: this object can only be used by the process that made it (a Process, a Pool, a result), so it cannot cross to another; pass what the other process needs of it: a name, a pid, a queue
#include "procyon/process.hpp"

void wait_for(const procyon::Process&) {}

int main() {
  procyon::Process worker([] {});
  procyon::Process waiter(wait_for, std::move(worker));
}
