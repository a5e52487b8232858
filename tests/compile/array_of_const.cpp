// expect: procyon: the type of a Value, Array, RawValue or RawArray is a plain object type, without const, volatile or reference
#include "procyon/array.hpp"

procyon::RawArray<const int> numbers(3);
