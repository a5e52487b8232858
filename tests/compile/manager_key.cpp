// expect: procyon: a manager's server compares keys, elements of sets and expected values by their bytes, so their type cannot have floating-point numbers, unordered containers, proxies, shared objects or structs with unused bytes in it; use integers, text, enums, and ordered containers and aggregates of these
#include "procyon/manager.hpp"

void use(procyon::SyncManager& manager) { manager.dict<double, int>()[1.5] = 1; }
