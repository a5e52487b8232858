// Procyon: multiprocessing for C++20. Includes every public header.
//
//   #include <procyon/procyon.hpp>
//   namespace mp = procyon;
#pragma once

#include "procyon/async_result.hpp"
#include "procyon/auth_key.hpp"
#include "procyon/barrier.hpp"
#include "procyon/condition.hpp"
#include "procyon/context.hpp"
#include "procyon/descriptor.hpp"
#include "procyon/errors.hpp"
#include "procyon/event.hpp"
#include "procyon/exit_status.hpp"
#include "procyon/format.hpp"
#include "procyon/joinable_queue.hpp"
#include "procyon/lease.hpp"
#include "procyon/lock.hpp"
#include "procyon/logging.hpp"
#include "procyon/message_view.hpp"
#include "procyon/outcome.hpp"
#include "procyon/owner_died.hpp"
#include "procyon/partial.hpp"
#include "procyon/pipe.hpp"
#include "procyon/pool.hpp"
#include "procyon/process.hpp"
#include "procyon/progress.hpp"
#include "procyon/queue.hpp"
#include "procyon/queue_options.hpp"
#include "procyon/semaphore.hpp"
#include "procyon/simple_queue.hpp"
#include "procyon/value.hpp"
#include "procyon/version.hpp"
