// A target without libFuzzer: its corpus, and mutations of that, always the same.
//
//   procyon_fuzz_frame corpus/frame [MUTATIONS]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "fuzz_target.hpp"

namespace {

using Input = std::vector<std::byte>;

std::vector<Input> read_corpus(const char* directory) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<Input> corpus;
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const auto bytes = std::as_bytes(std::span(text));
    corpus.emplace_back(bytes.begin(), bytes.end());
  }
  return corpus;
}

void mutate(Input& input, const std::vector<Input>& corpus, std::mt19937& random) {
  const std::size_t changes = 1 + random() % 5;
  for (std::size_t i = 0; i < changes; ++i) {
    const std::size_t place = input.empty() ? 0 : random() % input.size();
    switch (random() % 5) {
      case 0:
        input.resize(random() % (input.size() + 20));
        break;
      case 1: {
        const Input& other = corpus[random() % corpus.size()];
        input.insert(input.begin() + static_cast<std::ptrdiff_t>(place), other.begin(), other.end());
        break;
      }
      case 2:
        input.insert(input.begin() + static_cast<std::ptrdiff_t>(place), random() % 12,
                     static_cast<std::byte>(random()));
        break;
      default:
        if (!input.empty()) input[place] = static_cast<std::byte>(random() % 3 == 0 ? 255 : random());
    }
  }
  input.resize(std::min<std::size_t>(input.size(), 4096));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const std::vector<Input> corpus = read_corpus(argv[1]);
  if (corpus.empty()) {
    std::fprintf(stderr, "There is no corpus in %s.\n", argv[1]);
    return 2;
  }
  for (const Input& input : corpus) fuzz(input);
  std::mt19937 random(1);
  const int mutations = argc > 2 ? std::atoi(argv[2]) : 20'000;
  for (int i = 0; i < mutations; ++i) {
    Input input = corpus[random() % corpus.size()];
    mutate(input, corpus, random);
    fuzz(input);
  }
  std::printf("%zu inputs and %d mutations\n", corpus.size(), mutations);
}
