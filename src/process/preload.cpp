#include "process/preload.hpp"

#include <cstring>
#include <string>
#include <vector>

#include "os/threads.hpp"
#include "process/libraries.hpp"
#include "process/log.hpp"
#include "process/uncaught.hpp"
#include "procyon/detail/arena/session.hpp"
#include "procyon/detail/wire/call.hpp"
#include "wire/modules.hpp"

namespace procyon::process {

namespace {

struct Preload {
  std::vector<std::string> libraries_of_parent;
  std::vector<PreloadItem> items;
};

void load(const std::string& path) {
  load_libraries(std::span(&path, 1));
  const std::string reason = wire::reason_not_loaded(path);
  if (!reason.empty()) warn("set_forkserver_preload: '" + path + "' could not be loaded: " + reason);
}

void call(const std::vector<std::byte>& bytes) {
  try {
    wire::Reader reader(bytes);
    wire::invoke_call(reader);
  } catch (...) {
    report_uncaught("fork server, in a function given to set_forkserver_preload()");
  }
}

}  // namespace

arena::Handle write_preload(std::span<const PreloadItem> items) {
  wire::Writer writer;
  wire::write(writer, Preload{libraries_loaded_since(), {items.begin(), items.end()}});
  arena::Session& session = arena::Session::current();
  const arena::Handle block = session.allocate(writer.bytes().size());
  std::memcpy(session.bytes(block), writer.bytes().data(), writer.bytes().size());
  return block;
}

void run_preload(arena::Handle block) {
  arena::Session& session = arena::Session::current();
  wire::Reader reader(std::span<const std::byte>(session.bytes(block), session.size(block)));
  const auto preload = wire::read<Preload>(reader);
  load_libraries(preload.libraries_of_parent);
  const int threads = os::thread_count();
  for (const PreloadItem& item : preload.items)
    if (item.call.empty())
      load(item.library);
    else
      call(item.call);
  if (os::thread_count() > threads)
    warn(
        "set_forkserver_preload: what was loaded or called has started a thread in the fork server; its "
        "children do "
        "not have that thread, and may wait for ever for a lock that it holds: start threads in the "
        "children");
}

}  // namespace procyon::process
