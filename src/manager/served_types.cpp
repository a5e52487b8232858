#include "manager/served_barrier.hpp"
#include "manager/served_dict.hpp"
#include "manager/served_items.hpp"
#include "manager/served_list.hpp"
#include "manager/served_lock.hpp"
#include "manager/served_namespace.hpp"
#include "manager/served_object.hpp"
#include "manager/served_pool.hpp"
#include "manager/served_queue.hpp"
#include "manager/served_rlock.hpp"
#include "manager/served_semaphore.hpp"
#include "manager/served_set.hpp"

namespace procyon::manager {

std::vector<ServedType> standard_types() {
  return {
      {"dict", &ServedDict::make},
      {"list", &ServedList::make},
      {"set", &ServedSet::make},
      {"Namespace", &ServedNamespace::make},
      {"Lock", &ServedLock::make},
      {"RLock", &ServedRLock::make},
      {"Semaphore", &ServedSemaphore::make},
      {"BoundedSemaphore", &ServedSemaphore::make_bounded},
      {"Condition", &ServedCondition::make},
      {"Event", &ServedEvent::make},
      {"Barrier", &ServedBarrier::make},
      {"Value", &ServedItems::make_value},
      {"Array", &ServedItems::make_array},
      {"Pool", &ServedPool::make},
      {"Queue", &ServedQueue::make},
      {"JoinableQueue", &ServedQueue::make_joinable},
  };
}

}  // namespace procyon::manager
