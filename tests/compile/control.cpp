// The right way to do what the other programs do wrongly. Must compile.
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "procyon/detail/wire/call.hpp"
#include "procyon/partial.hpp"

namespace {

struct Job {
  std::string name;
  std::map<int, std::vector<double>> values;
  std::shared_ptr<Job> next;
};

class Account {
 public:
  Account() = default;
  explicit Account(long balance) : balance_(balance) {}
  long balance() const { return balance_; }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(balance_);
  }

 private:
  long balance_ = 0;
};

int power(int base, int exponent) { return base * exponent; }
std::size_t length(std::string_view text) { return text.size(); }
std::string work(const Job& job, std::variant<int, std::string> choice) {
  return job.name + std::to_string(choice.index());
}

}  // namespace

int main() {
  procyon::wire::Writer writer;
  const int seed = 42;
  procyon::wire::encode_call(writer, power, 2, 10);
  procyon::wire::encode_call(writer, length, "text");
  procyon::wire::encode_call(writer, work, Job{}, 1);
  procyon::wire::encode_call(writer, &Account::balance, Account(3));
  procyon::wire::encode_call(
      writer, [](int a, int b) { return a + b; }, seed, 1);
  procyon::wire::encode_callable<int>(writer, procyon::partial([](int a, int b) { return a + b; }, seed));
  procyon::wire::encode_procedure(
      writer, [](std::vector<int> values) { values.clear(); }, std::vector<int>{1});
}
