/* Condition (src/sync/condition_format.hpp, condition.cpp): the word | wakes | sequence |, the number `waiting`. Its lock is
 * one step here (owner_word.pml has its steps).
 *
 * Promises: a notification reaches one of those who waited before it, and no newcomer takes it; without a death nobody who
 * was notified sleeps on, though there is no slice; the death of a waiter costs no other his wake; if somebody dies with
 * the lock, one of those who wait is told. `wakes` is never more than `waiting`.
 *
 * Mutations, each of which must be found:
 *   1  a waiter does not compare the sequence with its own start (a newcomer takes another's wake)
 *   2  notify() changes only `wakes`, not the sequence that is slept on
 *   3  a waiter that was not in time does not take the wake that it has
 *   4  those who wait do not look whether the lock's owner died
 */
#ifndef MUTATION
#define MUTATION 0
#endif
#define N 3
#include "kernel.pml"

byte lock;       /* who holds it */
bool died;
byte waiting, wakes, sequence;
byte told;
byte began[N + 1];

inline take() {
  atomic {
    lock == 0 || !alive[lock] ->
    if
    :: lock != 0 -> died = true
    :: else
    fi;
    lock = self;
    owner_died = died
  }
}
inline free_lock() { lock = 0 }

#define NOTIFIED_SINCE(start) (wakes != 0 && (sequence != start || MUTATION == 1))
#define IS_NOTIFIED NOTIFIED_SINCE(began[self])
#define OWNER_IS_DEAD (lock != 0 && !alive[lock])
#define SLICE_FINDS IS_NOTIFIED || (OWNER_IS_DEAD && MUTATION != 4)

/* Condition::wait_until. `result`: 1 notified, 0 not in time, 2 the owner died */
inline wait(has_deadline) {
  began[self] = sequence;
  waiting = waiting + 1;
  in_time = true;
  do
  :: free_lock();
     do
     :: in_time && !IS_NOTIFIED ->
        seen = sequence;
        if
        :: !IS_NOTIFIED -> FUTEX_WAIT(self, 1, sequence == seen, SLICE_FINDS, has_deadline)
        :: else
        fi;
        if
        :: has_deadline -> in_time = false
        :: true
        fi;
        if
        :: MUTATION != 4 && !IS_NOTIFIED && OWNER_IS_DEAD -> break
        :: else
        fi
     :: else -> break
     od;
     take();
     if
     :: owner_died -> in_time = false
     :: else
     fi;
     notified = IS_NOTIFIED && !(MUTATION == 3 && !in_time);
     if
     :: notified ->
        assert(sequence != began[self]);  /* meant for those before it */
        wakes--
     :: else
     fi;
     if
     :: notified || !in_time -> waiting = waiting - 1; break
     :: else
     fi
  od
}

/* Condition::notify */
inline notify(count) {
  woken = waiting - wakes;
  if
  :: woken > count -> woken = count
  :: else
  fi;
  if
  :: woken > 0 ->
     d_step {
       wakes = wakes + woken;
       if :: MUTATION != 2 -> sequence++ :: else fi;
       assert(wakes <= waiting)
     };
     do
     :: woken > 0 -> FUTEX_WAKE(1, ignored); woken--
     :: else -> break
     od
  :: else
  fi
}

/* repairs nothing, and notifies whoever the dead one may have been about to notify; then mark_recovered() */
inline repair() {
  told++;
  notify(N);
  died = false
}

proctype Waiter(byte self; bool has_deadline) {
  byte seen, woken, ignored;
  bool in_time, notified, owner_died;
  {
    take();
    if
    :: owner_died -> repair()
    :: else
    fi;
    wait(has_deadline);
    if
    :: owner_died -> repair()
    :: else
    fi;
    free_lock()
  } MAY_DIE_AS(self)
}

/* Notifies until nobody waits who could be notified, one at a time. */
proctype Notifier(byte self) {
  byte woken, ignored, round;
  bool owner_died;
  {
    do
    :: round < 3 ->
       round++;
       take();
       if
       :: owner_died -> repair()
       :: else
       fi;
       notify(1);
       free_lock()
    :: else -> break
    od
  } MAY_DIE_AS(self)
}

init {
  atomic {
    run Waiter(1, false);
    run Waiter(2, TIMED);
    run Notifier(3);
    run Killer()
  }
}

/* When nobody can go on: who sleeps has not been notified, nor has the lock a dead owner. (Invalid end states are allowed:
 * somebody may wait for a notification that never comes.) */
active proctype Monitor() {
  timeout ->
  assert(!(asleep[1] != 0 && NOTIFIED_SINCE(began[1])));
  assert(!(asleep[2] != 0 && NOTIFIED_SINCE(began[2])));
  assert(asleep[1] == 0 && asleep[2] == 0 || !OWNER_IS_DEAD)
}
