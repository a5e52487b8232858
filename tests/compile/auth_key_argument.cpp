// expect: procyon: an AuthKey is a secret and does not cross to another process by accident; a child has its parent's already (mp::current_process().authkey()), or Process::set_authkey() gives it another; to send it on purpose, send a copy of its bytes()
#include "procyon/auth_key.hpp"
#include "procyon/detail/wire/call.hpp"

struct Login {
  int user;
  procyon::AuthKey key;
};

void log_in(const Login&) {}

int main() {
  procyon::wire::Writer writer;
  procyon::wire::encode_call(writer, log_in, Login{1, procyon::AuthKey("secret")});
}
