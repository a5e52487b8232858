// The codec: the first byte of the input chooses a type, the rest is read as a value of it.
#include <cstdlib>
#include <vector>

#include "fuzz_target.hpp"
#include "procyon/detail/wire/codec.hpp"
#include "procyon/detail/wire/decode_error.hpp"
#include "wire/codec_samples.hpp"

using namespace procyon::wire;

namespace {

template <class T>
void try_to_read(std::span<const std::byte> bytes) {
  Writer writer;
  try {
    Reader reader(bytes);
    write(writer, read<T>(reader));
  } catch (const DecodeError&) {
    return;
  }
  Reader again(writer.bytes());
  static_cast<void>(read<T>(again));  // which does not throw
  if (again.remaining() != 0) std::abort();
}

}  // namespace

void fuzz(std::span<const std::byte> input) {
  if (input.empty()) return;
  // On the heap and of exactly that length: a read beyond it is seen.
  const std::vector<std::byte> bytes(input.begin() + 1, input.end());
  static const unsigned kinds = [] {
    unsigned count = 0;
    samples::for_each([&]<class T>(const char*, const T&) { ++count; });
    return count;
  }();
  unsigned kind = std::to_integer<unsigned>(input.front()) % kinds;
  samples::for_each([&]<class T>(const char*, const T&) {
    if (kind-- == 0) try_to_read<T>(bytes);
  });
}
