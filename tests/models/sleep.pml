/* sync::wait_until, wake_one (include/procyon/detail/sync/sleep.hpp) as the queue uses them: producers put items and wake,
 * consumers take items and sleep. The queue itself is one step here; queue.pml has its steps.
 *
 * Promise: without a death nobody sleeps while there is an item, though there is no slice.
 */
#ifndef MUTATION
#define MUTATION 0
#endif
#define N 4
#define DEATHS 0
#include "kernel.pml"

byte items;
byte word;
byte flag;
byte each;
bool producing;

inline wake_one() {
  if
  :: flag != 0 ->
     flag = 0;
     FUTEX_WAKE(1, woken);
     if
     :: woken != 0 -> flag = 1
     :: else
     fi
  :: else
  fi
}

proctype Producer(byte self; byte count) {
  byte woken;
  do
  :: count > 0 ->
     count--;
     !producing -> producing = true;
     items++;
     word++;
     producing = false;
     wake_one()
  :: else -> break
  od
}

proctype Consumer(byte self; byte quota) {
  byte seen;
  bool ready;
  do
  :: quota > 0 ->
     if
     :: d_step { items > 0 -> items--; quota-- }
     :: items == 0 ->
        flag = 1;
        seen = word;
        ready = items > 0;
        if
        :: !ready ->
           atomic { if :: word == seen -> asleep[self] = 1 :: else fi };
end:       asleep[self] == 0
        :: else
        fi
     fi
  :: else -> break
  od
}

init {
  atomic {
    run Producer(1, 2);
    run Producer(2, 2);
    run Consumer(3, 2);
    run Consumer(4, 2)
  }
}

active proctype Monitor() {
end:
  timeout -> assert(items == 0 || (asleep[3] == 0 && asleep[4] == 0))
}
