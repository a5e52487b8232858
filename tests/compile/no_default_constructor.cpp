// expect: procyon: a class with a serialize member needs a default constructor to cross to another process
#include "procyon/detail/wire/call.hpp"
#include "procyon/partial.hpp"

class Account {
 public:
  explicit Account(long balance) : balance_(balance) {}
  long balance() const { return balance_; }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(balance_);
  }

 private:
  long balance_;
};
void run(procyon::wire::Writer& writer) { procyon::wire::encode_call(writer, &Account::balance, Account(1)); }
