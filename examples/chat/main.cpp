// Two people who write to each other: lines of stdin go to the other side, what comes from there is printed.
//
//   chat listen ADDRESS KEY_FILE        chat connect ADDRESS KEY_FILE
//
// chat.py is the same program in Python, and talks to this one.
#include <fmt/core.h>
#include <unistd.h>
#include <procyon/procyon.hpp>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

namespace mp = procyon;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view usage = "chat (listen | connect) ADDRESS KEY_FILE\n";

mp::AuthKey read_key(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("the key cannot be read: " + path);
  std::string key{std::istreambuf_iterator<char>(file), {}};
  while (!key.empty() && key.back() == '\n') key.pop_back();  // as an editor leaves it
  return mp::AuthKey(key);
}

void print(std::string_view line) {
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

mp::Connection find_partner(std::string_view how, const std::string& address, const mp::AuthKey& key) {
  if (how == "connect") return mp::connection::Client(address, {.authkey = key, .max_message = 64 * 1024});
  mp::connection::Listener listener(
      address,
      {.authkey = key, .max_message = 64 * 1024, .on_rejected = [](const mp::connection::Rejected& one) {
         fmt::print(stderr, "{} was not let in: {}\n", one.peer, one.reason);
       }});
  print("listening at " + listener.address());
  return listener.accept();
}

/// What is typed, line by line, without waiting longer than for the next piece of it.
class Input {
 public:
  static constexpr int descriptor = STDIN_FILENO;

  /// False at the end.
  bool read_more() {
    char piece[4096];
    const ssize_t size = ::read(descriptor, piece, sizeof(piece));
    if (size > 0) text_.append(piece, static_cast<std::size_t>(size));
    return size > 0;
  }

  std::optional<std::string> next_line() {
    const std::size_t end = text_.find('\n');
    if (end == std::string::npos) return std::nullopt;
    std::string line = text_.substr(0, end);
    text_.erase(0, end + 1);
    return line;
  }

 private:
  std::string text_;
};

/// Until one side has nothing more to say.
void talk(mp::Connection partner) {
  Input input;
  for (;;) {
    const auto ready = mp::wait({partner, Input::descriptor});
    if (ready.contains(partner)) {
      const auto message = partner.recv_bytes(10s);  // whose first part has come
      print({reinterpret_cast<const char*>(message.data()), message.size()});
    }
    if (ready.contains(Input::descriptor)) {
      const bool more = input.read_more();
      while (auto line = input.next_line()) partner.send_bytes(*line, 10s);
      if (!more) return;
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view how = argc == 4 ? argv[1] : "";
  if (how != "listen" && how != "connect") {
    fmt::print(stderr, "{}", usage);
    return 2;
  }
  try {
    talk(find_partner(how, argv[2], read_key(argv[3])));
  } catch (const mp::EndOfFile&) {
    print("(the other side has gone)");
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
  return 0;
}
