/* Semaphore (src/sync/semaphore_format.hpp, semaphore.cpp): count, the slots of the permits, `occupied`, which is a copy.
 * Its lock is one step here (owner_word.pml has its steps), and so is the last look before a sleep (sleep.pml).
 *
 * Promises: there are never more permits out than `count`; a slot is freed by its holder, or by others when the holder
 * is dead; when the lock is given back, `occupied` is the number of slots that are taken, whoever died before; without a
 * death nobody sleeps beside what can be taken, and nobody sleeps beside the permit of a dead one.
 *
 * Mutations, each of which must be found:
 *   1  a dead owner of the lock is followed by no recount     2  what can be taken is looked at without the lock only
 *   3  slots of the living are freed                          4  a permit is given back without a wake
 *   5  a permit is given back without the lock                6  who waits does not look for permits of the dead
 *   7  release() does not wake
 */
#ifndef MUTATION
#define MUTATION 0
#endif
#ifndef FIRST
#define FIRST 1
#endif
#define N 3
#include "kernel.pml"

#define SLOTS 2

byte lock;  /* who holds it */
bool died;
byte count = FIRST;
byte slot[SLOTS];
byte occupied;
byte each;

#define TAKEN ((slot[0] != 0) + (slot[1] != 0))
#define IS_OF_A_DEAD(index) (slot[index] != 0 && !alive[slot[index]])
#define SOMEBODY_DEAD_HAS_ONE (IS_OF_A_DEAD(0) || IS_OF_A_DEAD(1))
#define OWNER_IS_DEAD (lock != 0 && !alive[lock])
#define SEEMS_FREE (count > occupied)
#define SLICE_FINDS SEEMS_FREE || OWNER_IS_DEAD || died || (SOMEBODY_DEAD_HAS_ONE && MUTATION != 6)

/* locked_state: StateLock with recount() */
inline take() {
  atomic {
    lock == 0 || !alive[lock] ->
    if
    :: lock != 0 -> died = true
    :: else
    fi;
    lock = self
  };
  if
  :: died && MUTATION != 1 ->
     index = 0;
     number = 0;
     do
     :: index < SLOTS -> number = number + (slot[index] != 0); index++
     :: else -> break
     od;
     occupied = number;
     futex_wake_all(1);
     died = false
  :: died && MUTATION == 1 -> died = false
  :: else
  fi
}
inline free_lock() {
  d_step { assert(occupied == TAKEN && TAKEN <= count); lock = 0 }
}

/* give_back */
inline give_back(which) {
  slot[which] = 0;
  number = occupied;
  occupied = number - 1
}

/* take_from_the_dead */
inline take_from_the_dead() {
  index = 0;
  do
  :: index < SLOTS && occupied != 0 ->
     if
     :: IS_OF_A_DEAD(index) || (MUTATION == 3 && slot[index] != 0) ->
        assert(!alive[slot[index]]);
        give_back(index)
     :: else
     fi;
     index++
  :: else -> break
  od
}

/* Semaphore::take_until, without a deadline. Goes on with the lock. */
inline take_when_there() {
  do
  :: take();
     if
     :: SEEMS_FREE || MUTATION == 2 -> break
     :: else
     fi;
     if
     :: MUTATION != 6 -> take_from_the_dead()
     :: else
     fi;
     if
     :: SEEMS_FREE -> break
     :: else
     fi;
     free_lock();
     FUTEX_WAIT(self, 1, !SEEMS_FREE, SLICE_FINDS, false)
  od
}

/* permit(), and its return */
proctype Holder(byte self; byte rounds) {
  byte index, number, mine, woken;
  {
    do
    :: rounds > 0 ->
       rounds--;
       take_when_there();
       assert(TAKEN < count);
       mine = (slot[0] == 0 -> 0 : 1);
       assert(slot[mine] == 0);
       slot[mine] = self;
       number = occupied;
       occupied = number + 1;
       free_lock();
       assert(slot[mine] == self);
#if MUTATION == 5
       give_back(mine);
#else
       take();
       give_back(mine);
       free_lock();
#endif
       if
       :: MUTATION != 4 -> FUTEX_WAKE(1, woken)
       :: else
       fi
    :: else -> break
    od
  } MAY_DIE_AS(self)
}

/* acquire(), then release(): nobody can say whose the one is, so nobody takes it back. */
proctype Taker(byte self; byte rounds) {
  byte index, number, woken;
  {
    do
    :: rounds > 0 ->
       rounds--;
       take_when_there();
       assert(TAKEN < count);
       count = count - 1;
       free_lock();
       take();
       count = count + 1;
       free_lock();
       if
       :: MUTATION != 7 -> FUTEX_WAKE(1, woken)
       :: else
       fi
    :: else -> break
    od
  } MAY_DIE_AS(self)
}

init {
  atomic {
    run Holder(1, ROUNDS);
    run Holder(2, ROUNDS);
    if
    :: TAKES -> run Taker(3, ROUNDS)
    :: else -> run Holder(3, 1)
    fi;
    run Killer()
  }
}

/* When nobody can go on: who sleeps waits for what is not there. (It may sleep for ever: for what died after an acquire().) */
active proctype Monitor() {
  timeout ->
  assert(asleep[1] == 0 && asleep[2] == 0 && asleep[3] == 0 ||
         (!OWNER_IS_DEAD && !SEEMS_FREE && !SOMEBODY_DEAD_HAS_ONE))
}
