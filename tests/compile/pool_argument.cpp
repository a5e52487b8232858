// expect: procyon: this object can only be used by the process that made it (a Process, a Pool, a result), so it cannot cross to another; pass what the other process needs of it: a name, a pid, a queue
#include "procyon/pool.hpp"
#include "procyon/process.hpp"

void work(const procyon::Pool&) {}

int main() {
  procyon::Pool pool;
  procyon::Process worker(work, pool);
}
