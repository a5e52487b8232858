// expect: procyon: objects of this type have no calls for a Batch: those of a registered class have add(), and what waits for its turn, as a lock, must have somebody who waits
#include "procyon/batch.hpp"
#include "procyon/manager_lock.hpp"

void use(procyon::Batch& batch, const procyon::LockProxy& lock) { batch.on(lock); }
