// expect: procyon: this processor has no atomic access to objects of this type: they are too large, or of a size that is not a power of two; use with(), which holds the lock
#include "procyon/value.hpp"

struct Colour {
  unsigned char red, green, blue;
};
Colour seen(const procyon::Value<Colour>& colour) { return colour.atomic().load(); }
