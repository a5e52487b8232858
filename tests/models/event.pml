/* Event (include/procyon/event.hpp, src/sync/event.cpp): one word, | bell | somebody may sleep | set |.
 *
 * Promises: nobody sleeps while the event is set, without a death though there is no slice; the word says that it is set
 * exactly from a set() to the next clear(), whatever waiters and bells do to it.
 *
 * Mutations, each of which must be found:
 *   1  set() does not wake                          2  set() looks for the mark of sleepers before it stores
 *   3  a waiter sleeps without a mark               4  a waiter sets its mark by a store
 *   5  clear() forgets the mark                     6  set() wakes one
 *   7  a bell is set by a store
 */
#ifndef MUTATION
#define MUTATION 0
#endif
#define N 4
#include "kernel.pml"

#define SET 1
#define SLEEPERS 2
#define BELL 4

byte word;
bool flag;  /* what the last set() or clear() said */
byte each;

/* Event::set */
inline set() {
#if MUTATION == 2
  before = word;
  d_step { word = SET; flag = true };
#else
  d_step { before = word; word = SET; flag = true };
#endif
  if
  :: (before & SLEEPERS) && MUTATION != 1 && MUTATION != 6 -> futex_wake_all(1)
  :: (before & SLEEPERS) && MUTATION == 6 -> FUTEX_WAKE(1, woken); woken = 0
  :: else
  fi;
  before = 0
}

/* Event::clear */
inline clear() {
  d_step { word = (MUTATION == 5 -> 0 : word & ~SET); flag = false }
}

/* Event::wait_until */
inline wait(has_deadline) {
  do
  :: seen = word;
     if
     :: seen & SET -> break
     :: else
     fi;
     if
     :: has_deadline -> break
     :: true
     fi;
     done = true;
     marked = seen | (MUTATION == 3 -> 0 : SLEEPERS);
     if
     :: marked != seen && MUTATION != 4 ->
        d_step {
          if
          :: word == seen -> word = marked
          :: else -> done = false
          fi
        }
     :: marked != seen && MUTATION == 4 -> word = marked
     :: else
     fi;
     if
     :: done -> FUTEX_WAIT(self, 1, word == marked, word & SET, has_deadline)
     :: else
     fi
  od
}

proctype Waiter(byte self; bool has_deadline) {
  byte seen, marked;
  bool done;
  {
    wait(has_deadline)
  } MAY_DIE_AS(self)
}

/* Two of them: sets and clears of one come between those of the other. */
proctype Setter(byte self; byte rounds) {
  byte before, woken;
  {
    do
    :: rounds > 0 ->
       rounds--;
       set();
       if
       :: clear()
       :: true
       fi
    :: else -> break
    od
  } MAY_DIE_AS(self)
}

/* WaitableEvent::arm: the word changes under those who are about to sleep. */
proctype Armer() {
#if MUTATION == 7
  byte seen;
  seen = word;
  word = seen | BELL
#else
  d_step { word = word | BELL }
#endif
}

init {
  atomic {
    run Waiter(1, false);
    run Waiter(2, TIMED);
    run Setter(3, 2);
    run Setter(4, SECOND_SETS);
    run Armer();
    run Killer()
  }
}

/* When nobody can go on. (Who waits for an event that stays cleared may sleep.) */
active proctype Monitor() {
  timeout ->
  assert(flag == ((word & SET) != 0));
  assert(!flag || (asleep[1] == 0 && asleep[2] == 0))
}
