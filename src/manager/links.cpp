#include "manager/links.hpp"

#include <map>
#include <mutex>
#include <utility>

#include "channel/net/connect.hpp"
#include "manager/credentials.hpp"
#include "os/fork_local.hpp"
#include "procyon/errors.hpp"
#include "procyon/process.hpp"

namespace procyon::manager {

namespace {

struct OptionsByAddress {
  std::map<std::string, ConnectOptions> options;
  const OptionsByAddress* before = nullptr;  // for leak checkers
};

struct Links {
  std::mutex mutex;
  std::map<std::string, std::shared_ptr<RemoteLink>> remote;  // guarded by mutex, like the next
  std::map<std::string, std::shared_ptr<Link>> local;
};

Links& links() {
  static constinit os::ForkLocal<Links> of_this_process;
  return of_this_process.get_or([] { return new Links; });
}

// Never changed once it is here, so that a forked child can read it whatever its parent's threads were doing. Replaced ones
// are kept, as somebody may be reading them: there are two for each manager of the program.
std::atomic<const OptionsByAddress*> options_by_address{nullptr};

// Without a lock, which a forked child might find held.
template <class Change>
void change_options(Change change) {
  auto fresh = std::make_unique<OptionsByAddress>();
  fresh->before = options_by_address.load(std::memory_order_acquire);
  do {
    fresh->options =
        fresh->before == nullptr ? std::map<std::string, ConnectOptions>() : fresh->before->options;
    change(fresh->options);
  } while (!options_by_address.compare_exchange_weak(fresh->before, fresh.get(), std::memory_order_acq_rel));
  static_cast<void>(fresh.release());  // readers have it
}

ConnectOptions options_for(const std::string& address) {
  if (const auto* const known = options_by_address.load(std::memory_order_acquire))
    if (const auto found = known->options.find(address); found != known->options.end()) return found->second;
  return {};
}

// No server, or one that ended at any moment of the handshakes.
bool means_that_nobody_is_there(const std::error_code& code) {
  for (const int error : {ECONNREFUSED, ENOENT, ECONNRESET, EPIPE})
    if (code.value() == error) return true;
  return false;
}

os::Descriptor connect_to(const std::string& address, connection::ClientOptions options,
                          os::Deadline deadline) {
  if (!options.authkey) options.authkey = current_process().authkey();
  try {
    return channel::net::connect(channel::net::parse_address(address), options, deadline).socket;
  } catch (const EndOfFile&) {
    throw ManagerGone("procyon: the manager at " + address + " closed the connection before it was made");
  } catch (const std::system_error& error) {
    if (!means_that_nobody_is_there(error.code())) throw;
    throw ManagerGone("procyon: there is no manager at " + address + " (any more): " + error.what());
  }
}

std::shared_ptr<RemoteLink> make_link(const std::string& address) {
  const ConnectOptions options = options_for(address);
  RemoteLink::Options made;
  made.connect = [address, client = options.client](os::Deadline deadline) {
    return connect_to(address, client, deadline);
  };
  made.timeout = options.client.timeout;
  made.reconnects = options.reconnects;
  made.describe_end = options.describe_end;
  const bool has_a_key = options.client.authkey && !(*options.client.authkey == current_process().authkey());
  if (has_a_key || options.client.tls.enabled()) made.credentials = options.client;
  return std::make_shared<RemoteLink>(address, std::move(made));
}

}  // namespace

void set_connect_options(const std::string& address, const ConnectOptions& options) {
  change_options([&](auto& all_options) { all_options.insert_or_assign(address, options); });
  Links& all = links();
  std::shared_ptr<RemoteLink> replaced;  // destroyed without the lock
  const std::lock_guard lock(all.mutex);
  if (const auto found = all.remote.find(address); found != all.remote.end()) {
    replaced = std::move(found->second);
    all.remote.erase(found);
  }
}

void learn_credentials(const std::string& address, const arena::Reference& credentials) {
  const auto* const known = options_by_address.load(std::memory_order_acquire);
  if (known != nullptr && known->options.contains(address)) return;
  ConnectOptions options;
  options.client = read_credentials(credentials);
  set_connect_options(address, options);
}

std::shared_ptr<RemoteLink> remote_link(const std::string& address) {
  Links& all = links();
  std::shared_ptr<RemoteLink> link;
  {
    const std::lock_guard lock(all.mutex);
    std::shared_ptr<RemoteLink>& known = all.remote[address];
    if (!known || known->is_lost()) known = make_link(address);
    link = known;
  }
  link->connect();
  return link;
}

std::shared_ptr<Link> link_to(const std::string& address) {
  {
    Links& all = links();
    const std::lock_guard lock(all.mutex);
    if (const auto found = all.local.find(address); found != all.local.end()) return found->second;
  }
  return remote_link(address);
}

void add_local_server(const std::string& address, const std::shared_ptr<Link>& link) {
  Links& all = links();
  const std::lock_guard lock(all.mutex);
  all.local.insert_or_assign(address, link);
}

void remove_local_server(const std::string& address) {
  Links& all = links();
  const std::lock_guard lock(all.mutex);
  all.local.erase(address);
}

void close_link(const std::shared_ptr<RemoteLink>& link, const std::string& why) {
  Links& all = links();
  bool is_known = false;
  {
    const std::lock_guard lock(all.mutex);
    const auto found = all.remote.find(link->address());
    is_known = found != all.remote.end() && found->second == link;
    if (is_known) all.remote.erase(found);
  }
  if (is_known) change_options([&](auto& all_options) { all_options.erase(link->address()); });
  link->close(why);
}

}  // namespace procyon::manager
