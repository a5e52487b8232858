// Knows nothing of Procyon: only the library that it links does.
#include <cstdio>

#include "middle.hpp"

int main() {
  const int code = greet_in_a_process();
  std::printf("exit code %d\n", code);
}
