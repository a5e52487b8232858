// expect: procyon: a pointer in a Value, Array, RawValue or RawArray would point into another process; share the object itself
#include "procyon/array.hpp"

procyon::Array<const char*> names(3);
