/* sync::wait_until, wake_one, wake_all (include/procyon/detail/sync/sleep.hpp): producers put items and wake, consumers
 * take items and sleep. What lies between (the queue, the semaphore, the pool's ring) is one step here.
 *
 * Promise: without a death nobody sleeps beside an item that nobody else is about to take, though there is no slice.
 *
 * Mutations, each of which must be found; 1 and 2 are what the code did before this model was made:
 *   1  the waker clears the flag, wakes, and sets it again if somebody was woken
 *   2  sleepers sleep on the producers' word, so clearing the flag wakes nobody who is about to sleep
 *   3  there are no turns, only the flag                4  clearing is not followed by waking
 *   5  the sleeper does not look again after its turn    6  the waker gives up when a bell has changed the word
 */
#ifndef MUTATION
#define MUTATION 0
#endif
#ifndef MESSAGES
#define MESSAGES 2
#endif
#define N 4
#define DEATHS 0
#include "kernel.pml"

byte items;
byte word;          /* the producers' own: how many were put */
bool somebody;      /* the flag in `sleepers` */
bool same[N + 1];   /* whether `sleepers`, turn and flag, is still what that process saw last: instead of numbering turns */
byte each;
bool producing;

inline sleepers_change() {
  same[1] = false;
  same[2] = false;
  same[3] = false;
  same[4] = false
}

/* sync::wake_one */
inline wake_one(self) {
  cleared = false;
  do
  :: d_step { seen = somebody; same[self] = true };
     if
     :: !seen -> break
     :: seen && MUTATION == 1 ->
        d_step { somebody = false; sleepers_change() };
        FUTEX_WAKE(1, woken);
        if
        :: woken != 0 -> d_step { somebody = true; sleepers_change() }
        :: else
        fi;
        break
     :: seen && MUTATION != 1 ->
        FUTEX_WAKE(1, woken);
        if
        :: woken != 0 -> break
        :: else
        fi;
        d_step {
          if
          :: (MUTATION == 3 -> somebody : same[self]) -> somebody = false; sleepers_change(); cleared = true
          :: else
          fi
        };
        if
        :: cleared && MUTATION != 4 -> futex_wake_all(1); break
        :: cleared && MUTATION == 4 -> break
        :: !cleared && MUTATION == 6 -> break
        :: !cleared && MUTATION != 6
        fi
     fi
  od
}

/* sync::wake_all */
inline wake_all() {
  d_step { seen = somebody; if :: somebody -> somebody = false; sleepers_change() :: else fi };
  if
  :: seen -> futex_wake_all(1)
  :: else
  fi
}

proctype Producer(byte self; byte times; byte count) {
  byte woken;
  bool seen, cleared;
  do
  :: times > 0 ->
     times--;
     atomic { !producing -> producing = true };
     items = items + count;
#if MUTATION == 2
     word = word + count;
#endif
     producing = false;
     if
     :: count == 1 -> wake_one(self)
     :: else -> wake_all()
     fi
  :: else -> break
  od
}

/* sync::wait_until, between looks under the lock */
proctype Consumer(byte self; byte quota) {
  byte seen;
  bool ready;
  do
  :: quota > 0 ->
     if
     :: d_step { items > 0 -> items--; quota-- }
     :: items == 0 ->
        d_step {
          if
          :: somebody
          :: else -> somebody = true; sleepers_change()
          fi;
          same[self] = true
        };
#if MUTATION == 2
        seen = word;
#endif
        ready = items > 0 && MUTATION != 5;
        if
        :: !ready ->
           atomic {
             if
             :: (MUTATION == 2 -> word == seen : (MUTATION == 3 -> somebody : same[self])) -> asleep[self] = 1
             :: else
             fi
           };
end:       asleep[self] == 0
        :: else
        fi
     fi
  :: else -> break
  od
}

/* Takes without ever sleeping. */
proctype Barger() {
end:
  d_step { items > 0 -> items-- }
}

/* Sets a bell (sync/doorbell.hpp): all that matters here is that it changes the word. */
proctype Bell() {
  d_step { sleepers_change() }
}

init {
  atomic {
    run Producer(1, MESSAGES, 1);
#ifdef BATCH
    run Producer(2, 1, 2);
#else
    run Producer(2, MESSAGES, 1);
#endif
    run Consumer(3, 2);
    run Consumer(4, 2);
    run Barger();
    run Bell()
  }
}

active proctype Monitor() {
end:
  timeout -> assert(items == 0 || (asleep[3] == 0 && asleep[4] == 0))
}
