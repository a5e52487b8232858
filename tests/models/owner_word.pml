/* arena::OwnerWord (include/procyon/detail/arena/owner_word.hpp, src/arena/owner_word.cpp).
 *
 * Promises: one at a time inside; who comes after a death is told, until somebody has said mark_recovered(); nobody sleeps
 * for ever while the word is free or its owner is dead. Without a death this holds without the slice of the sleep.
 *
 * Mutations, each of which must be found:
 *   1  unlock() does not wake                       2  who has slept takes the word without `waiters`
 *   3  the taker from the dead sets no `died`       4  who gives up leaves no `waiters` behind
 *   5  unlock() forgets `died`                      6  futex compared with what was seen before `waiters` was set
 */
#ifndef MUTATION
#define MUTATION 0
#endif
#ifndef ROUNDS
#define ROUNDS 2
#endif
#define N 3
#include "kernel.pml"

/* | participant 2 bits | waiters | died |; all have the same thread number, so the half that the kernel compares does not
 * tell one owner from another */
#define WAITERS 4
#define DIED 8
#define PARTICIPANT(word) ((word) & 3)
#define LOW(word) (((word) >> 2) * 2 + (PARTICIPANT(word) != 0))

#define SLICE_FINDS PARTICIPANT(word) == 0 || !alive[PARTICIPANT(word)]

byte word;
byte inside;    /* who is in the critical section */
bool half;      /* what the word protects is half changed */
byte each;

/* std::atomic::compare_exchange_strong */
inline cas(expected, desired) {
  d_step {
    if
    :: word == expected -> word = desired; done = true
    :: else -> seen = word; done = false
    fi
  }
}

/* OwnerWord::lock_slowly, sleep_until_changed */
inline lock(self, timed) {
  waiters = 0;
  acquired = 0;
  do
  :: seen = word;
     if
     :: PARTICIPANT(seen) == 0 ->
        cas(seen, self | waiters | (seen & DIED));
        if
        :: done -> acquired = (seen & DIED -> 2 : 1); break
        :: else
        fi
     :: PARTICIPANT(seen) != 0 && !alive[PARTICIPANT(seen)] ->
        cas(seen, self | (MUTATION == 3 -> 0 : DIED) | waiters | (seen & WAITERS));
        if
        :: done -> acquired = (MUTATION == 3 -> 1 : 2); break
        :: else
        fi
     :: PARTICIPANT(seen) != 0 && alive[PARTICIPANT(seen)] ->
        expired = false;
        if
        :: timed -> expired = true
        :: true
        fi;
        if
        :: expired && (MUTATION == 4 || waiters == 0 || (seen & WAITERS)) -> break
        :: expired && !(MUTATION == 4 || waiters == 0 || (seen & WAITERS)) ->
           cas(seen, seen | WAITERS);
           if
           :: done -> break
           :: else
           fi
        :: !expired ->
           waiters = (MUTATION == 2 -> 0 : WAITERS);
           done = true;
           if
           :: (seen & WAITERS) == 0 -> cas(seen, seen | WAITERS)
           :: else
           fi;
           if
           :: done && MUTATION != 6 -> FUTEX_WAIT(self, 1, LOW(word) == LOW(seen | WAITERS), SLICE_FINDS, timed)
           :: done && MUTATION == 6 -> FUTEX_WAIT(self, 1, LOW(word) == LOW(seen), SLICE_FINDS, timed)
           :: else
           fi
        fi
     fi
  od
}

/* OwnerWord::unlock, unlock_slowly */
inline unlock() {
  do
  :: seen = word;
     cas(seen, (MUTATION == 5 -> 0 : seen & DIED));
     if
     :: done -> break
     :: else
     fi
  od;
  if
  :: (seen & WAITERS) && MUTATION != 1 -> FUTEX_WAKE(1, woken)
  :: else
  fi
}

proctype User(byte self; bool timed) {
  byte seen, waiters, acquired, round, woken;
  bool done, expired;
  {
    do
    :: round < ROUNDS ->
       round++;
       lock(self, timed);
       if
       :: acquired == 0
       :: acquired == 1 ->
          assert(inside == 0 && !half);
          d_step { inside = self; half = true };
          d_step { inside = 0; half = false };
          unlock()
       :: acquired == 2 ->
          /* sync::StateLock: repair, which may be killed, then mark_recovered(); or a user who does not repair */
          assert(inside == 0 || !alive[inside]);
          d_step { inside = self; half = true };
          if
          :: d_step { inside = 0; half = false };
             word = word & ~DIED
          :: d_step { inside = 0; half = true }
          fi;
          unlock()
       fi
    :: else -> break
    od
  } MAY_DIE_AS(self)
}

init {
  atomic {
    run User(1, false);
    run User(2, false);
    run User(3, true);
    run Killer()
  }
}
