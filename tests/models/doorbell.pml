/* wait() and fileno(): bells (include/procyon/detail/sync/doorbell.hpp) and watches (src/sync/watcher.hpp). Producers put
 * items and ring; somebody waits for items and takes them, and a barger takes one, too.
 *
 *   (default)      a thread listens to the bell itself, as wait() for objects alone does
 *   -DWATCH        a library thread listens, and fires an eventfd that the waiter polls, as wait() with descriptors does
 *   -DWATCH -DEDGE the waiter's poll reports each write to the eventfd once, as an edge-triggered epoll
 *
 * Promise: nobody sleeps beside an item, though there is no slice. (After a death there is: a ringer that is killed before
 * it rings is what slices are for, and a dead waiter leaves nothing that others wait for. So there are no deaths here.)
 *
 * Mutations, each of which must be found:
 *   1  the bell is read after the look            2  armed after the look, without another one
 *   3  the ringer takes the bit after ringing     4  the bell is not changed by ringing
 *   5  who found nothing does not fire an eventfd that is fired already (only with -DEDGE)
 *   6  a watch is not looked at after arming
 */
#ifndef MUTATION
#define MUTATION 0
#endif
#define N 4
#define DEATHS 0
#include "kernel.pml"

byte items;
bool armed;          /* the bit of this bell in the object's word */
byte bell;
bool locked;         /* the watch's mutex */
bool fired;
bool readable, edge; /* the eventfd, and a write that was not reported yet */
byte each;

proctype Producer(byte times) {
  bool seen;
  do
  :: times > 0 ->
     times--;
     items++;
     seen = armed;
     if
     :: !seen
     :: seen ->
#if MUTATION != 3
        d_step { seen = armed; armed = false };
#endif
        if
        :: seen ->
#if MUTATION != 4
           bell++;
#endif
           futex_wake_all(1)
        :: else
        fi;
#if MUTATION == 3
        armed = false
#else
        skip
#endif
     fi
  :: else -> break
  od
}

/* Takes without ever sleeping. */
proctype Barger() {
end:
  d_step { items > 0 -> items-- }
}

/* Waiting::wait_for_objects */
proctype Listener(byte self) {
  byte seen;
  bool ready;
  do
  :: true ->
#if MUTATION != 1
     seen = bell;
#endif
#if MUTATION != 2
     armed = true;
#endif
     ready = items > 0;
#if MUTATION == 1
     seen = bell;
#endif
#if MUTATION == 2
     armed = true;
#endif
     if
     :: ready -> d_step { if :: items > 0 -> items-- :: else fi }
     :: !ready ->
        atomic {
          if
          :: bell == seen -> asleep[self] = 1
          :: else
          fi
        };
end:    asleep[self] == 0
     fi
  od
}

inline fire() {
  d_step { readable = true; edge = true };
  fired = true
}

inline drain() {
  if
  :: fired -> d_step { readable = false; edge = false }; fired = false
  :: else
  fi
}

/* Watch::empty_and_arm */
inline empty_and_arm() {
#if MUTATION == 5
  if
  :: items == 0 -> drain()
  :: else
  fi;
#else
  drain();
#endif
  armed = true;
#if MUTATION != 6
  ready = items > 0;
  if
#if MUTATION == 5
  :: ready && !fired -> fire()
#else
  :: ready -> fire()
#endif
  :: else
  fi
#else
  ready = false
#endif
}

/* Watcher::loop and Watch::look */
proctype Watcher(byte self) {
  byte seen;
  bool ready;
  do
  :: true ->
#if MUTATION != 1
     seen = bell;
#endif
     atomic { !locked -> locked = true };
     ready = items > 0;
     if
     :: ready && !fired -> fire()
     :: ready && fired
     :: !ready -> empty_and_arm()
     fi;
     locked = false;
#if MUTATION == 1
     seen = bell;
#endif
     atomic {
       if
       :: bell == seen -> asleep[self] = 1
       :: else
       fi
     };
end: asleep[self] == 0
  od
}

/* An event loop: poll, try_get() until it gives nothing, which ends in Watch::rearm(). */
proctype Loop() {
  bool ready;
  do
  :: true ->
#ifdef EDGE
end: d_step { edge -> edge = false };
#else
end: readable;
#endif
     do
     :: d_step { items > 0 -> items-- }
     :: items == 0 -> break
     od;
     atomic { !locked -> locked = true };
     empty_and_arm();
     locked = false
  od
}

init {
  atomic {
    run Producer(2);
    run Producer(1);
#ifdef WATCH
    run Watcher(1);
    run Loop();
#else
    run Listener(1);
    run Listener(2);
#endif
    run Barger()
  }
}

/* The barger may go at any time, or never. */
active proctype Monitor() {
end:
  timeout -> assert(items == 0)
}
