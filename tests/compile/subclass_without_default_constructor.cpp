// expect: procyon: this subclass of mp::ProcessOf needs a default constructor: the child makes an object first and reads its members then
#include "procyon/process.hpp"

struct Crawler : procyon::ProcessOf<Crawler> {
  explicit Crawler(int d) : depth(d) {}
  int depth;
  void run() override {}
  template <class Archive>
  void serialize(Archive& archive) {
    archive(depth);
  }
};

int main() {
  Crawler crawler(3);
  crawler.start();
}
