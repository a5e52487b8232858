#include "procyon/manager.hpp"

#include <utility>

#include "manager/served_object.hpp"

namespace procyon {

SyncManager::SyncManager(ManagerOptions options) : BaseManager(std::move(options)) {
  add_types(&manager::standard_types);
}

Manager::Manager(ManagerOptions options) : SyncManager(std::move(options)) { start(); }

}  // namespace procyon
