// The links of this process, by the address of their server: one for each.
//
//   set_connect_options("tcp://host:6000", {.authkey = key});      // BaseManager::connect()
//   std::shared_ptr<RemoteLink> link = remote_link("tcp://host:6000");
//
// Any thread. A forked child starts without links, but knows its parent's options.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "manager/remote_link.hpp"
#include "procyon/connection_options.hpp"

namespace procyon::manager {

struct ConnectOptions {
  connection::ClientOptions client;  // without a key: this process's (AuthKey)
  bool reconnects = false;
  SocketExchange::DescribeEnd describe_end;
};

/// How links of this process to that address are made from now on; one that there is already is replaced.
void set_connect_options(const std::string& address, const ConnectOptions& options);

/// A proxy of the server at that address came with these (credentials.hpp): they are used if nothing else is known.
void learn_credentials(const std::string& address, const arena::Reference& credentials);

/// The link that there is, or a new one, connected.
std::shared_ptr<RemoteLink> remote_link(const std::string& address);

/// Proxies of the server at that address, which runs in this process, use its own link.
void add_local_server(const std::string& address, const std::shared_ptr<Link>& link);
void remove_local_server(const std::string& address);

/// The link goes, as its server has; users of it are told `why`. Others to the same address stay.
void close_link(const std::shared_ptr<RemoteLink>& link, const std::string& why);

}  // namespace procyon::manager
