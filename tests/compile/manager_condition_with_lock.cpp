// expect: procyon: a manager's Condition takes an RLock() of that manager, not a Lock(), which lies in shared memory
#include "procyon/manager.hpp"

procyon::ConditionProxy changed(procyon::Manager& manager) { return manager.Condition(manager.Lock()); }
