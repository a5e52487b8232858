// expect: procyon: a Value, Array, RawValue or RawArray lies in memory that processes share, so its type must be trivially copyable; use a Queue for objects such as std::string, or a member of fixed size
#include <string>

#include "procyon/value.hpp"

procyon::Value<std::string> name("text");
