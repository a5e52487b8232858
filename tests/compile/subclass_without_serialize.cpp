// expect: procyon: this subclass of mp::ProcessOf has members that the child would not get; give it a member  template <class Archive> void serialize(Archive& archive) { archive(a, b, c); }
#include "procyon/process.hpp"

struct Crawler : procyon::ProcessOf<Crawler> {
  int depth = 3;
  void run() override {}
};

int main() {
  Crawler crawler;
  crawler.start();
}
