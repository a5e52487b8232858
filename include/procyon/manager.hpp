// Manager: a server process with dicts, lists, locks, queues and more, which any number of processes and machines use through
// proxies, as Python's multiprocessing.Manager().
//
//   mp::Manager manager;                                       // its server runs when this returns
//   auto totals = manager.dict<std::string, int>();
//   totals["a"] = 1;
//   mp::Process worker([](mp::DictProxy<std::string, int> totals) { totals["a"] += 1; }, totals);
//
//   mp::SyncManager remote({.address = "tcp://10.0.0.1:50000", .authkey = key});   // another program, or machine
//   remote.connect();
//   auto jobs = remote.find<mp::QueueProxy<Job>>("jobs");
//
// Each type has a page of its own: manager_dict.hpp, manager_list.hpp, manager_set.hpp, manager_namespace.hpp, manager_lock.hpp,
// manager_semaphore.hpp, manager_condition.hpp, manager_event.hpp, manager_barrier.hpp, manager_value.hpp, manager_queue.hpp,
// manager_pool.hpp. Locks, events, queues, values and arrays lie in shared memory where the processes are of one program: there
// a proxy costs what the object itself does. All else is a message to the server and back.
//
// Everything of BaseManager (base_manager.hpp) is here, too: addresses and keys, share() and find(), classes of your own.
// Not for processes of one program that need only what they can share without a server (Lock, Queue, Value, ...).
#pragma once

#include "procyon/base_manager.hpp"
#include "procyon/detail/manager/standard_objects.hpp"

namespace procyon {

/// As BaseManager: start() or connect() comes next.
class SyncManager : public BaseManager, public manager::StandardObjects<SyncManager> {
 public:
  explicit SyncManager(ManagerOptions options = {});
};

/// One whose server is started with it, in a process of its own.
class Manager : public SyncManager {
 public:
  /// Throws as BaseManager::start().
  explicit Manager(ManagerOptions options = {});
};

}  // namespace procyon
