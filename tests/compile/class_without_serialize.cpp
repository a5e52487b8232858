// expect: procyon: this class cannot cross to another process: its members are hidden from the compiler; give it a member  template <class Archive> void serialize(Archive& archive) { archive(a, b, c); }  or make it an aggregate
#include "procyon/detail/wire/call.hpp"
#include "procyon/partial.hpp"

class Account {
 public:
  explicit Account(long balance) : balance_(balance) {}
  long balance() const { return balance_; }

 private:
  long balance_;
};
void run(procyon::wire::Writer& writer) { procyon::wire::encode_call(writer, &Account::balance, Account(1)); }
