// expect: procyon: this lambda captures variables; captures cannot cross to another process, because the compiler hides what they are: pass the values with mp::partial(f, values...) or as arguments, or use the fork context, where everything is inherited
#include "procyon/detail/wire/call.hpp"
#include "procyon/partial.hpp"

void run(procyon::wire::Writer& writer) {
  int seed = 42;
  procyon::wire::encode_procedure(writer, [seed] { return seed; });
}
