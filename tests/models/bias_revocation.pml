/* sync::BiasedWord (src/sync/biased_word.hpp, .cpp): an owner word that one process enters by plain stores.
 *
 * Here the order of memory matters, so the owner's stores to `inside` wait in a buffer, as on x86, until any time later, a fence
 * in all processors, a locked instruction, a system call, or its end. The word beneath is one step (owner_word.pml); when it biases is
 * left to chance instead of counting.
 *
 * Promises: one at a time inside; who comes after a death inside is told; nobody sleeps for ever.
 *
 * Mutations, each of which must be found:
 *   1  revoke() has no fence                          2  enter() does not look at the bias again
 *   3  a slot is taken from its living owner          4  a death inside the bias is not told
 *   5  leave() does not wake the revoker
 */
#ifndef MUTATION
#define MUTATION 0
#endif
#ifndef ROUNDS
#define ROUNDS 2
#endif
#ifndef THIRD_ROUNDS
#define THIRD_ROUNDS ROUNDS  /* of the third process */
#endif
#define N 3
#include "kernel.pml"

#define OWNER(bias) ((bias) & 3)
#define SLOT(bias) (((bias) >> 2) & 1)
#define SLOT_BIT 4
#define REVOKING 8
#define NOTHING 2

byte word;
bool died;
byte bias;
byte slot_owner[2];
byte inside[2];
/* each process's buffer: the last two stores to `inside` of its slot (a process has only one) */
byte first_store[N + 1] = NOTHING;
byte second_store[N + 1] = NOTHING;
byte stored_to[N + 1];
byte current;   /* who is in the critical section */
bool half;
byte each;

inline drain_one(process) {
  if
  :: first_store[process] != NOTHING ->
     inside[stored_to[process]] = first_store[process];
     first_store[process] = second_store[process];
     second_store[process] = NOTHING
  :: else
  fi
}
inline drain(process) {
  drain_one(process);
  drain_one(process)
}
inline store_inside(slot, value) {
  d_step {
    if
    :: second_store[self] != NOTHING || (first_store[self] != NOTHING && stored_to[self] != slot) -> drain(self)
    :: else
    fi;
    stored_to[self] = slot;
    if
    :: first_store[self] == NOTHING -> first_store[self] = value
    :: else -> second_store[self] = value
    fi
  }
}
/* what a process reads of its own slot: its own last store */
#define OWN_VIEW(slot) \
  (second_store[self] != NOTHING && stored_to[self] == slot -> second_store[self] : \
   (first_store[self] != NOTHING && stored_to[self] == slot -> first_store[self] : inside[slot]))

/* The processor does it when it likes; for the dead, at the latest with their end. */
proctype Memory() {
end:
  do
  :: d_step { first_store[1] != NOTHING -> drain_one(1) }
  :: d_step { first_store[2] != NOTHING -> drain_one(2) }
  :: d_step { first_store[3] != NOTHING -> drain_one(3) }
  od
}

/* Session::alive: true until the end of the process has been seen, its stores included */
#define DEAD(process) (!alive[process] && first_store[process] == NOTHING)

/* OwnerWord::lock, unlock; both drain the buffer */
inline lock_word() {
  atomic {
    (word == 0 || DEAD(word)) && first_store[self] == NOTHING ->
    if
    :: word != 0 -> died = true
    :: else
    fi;
    word = self;
    told = died
  }
}
inline unlock_word() {
  atomic { first_store[self] == NOTHING -> word = 0 }
}

/* leave, wake_revoker */
inline leave(slot) {
  store_inside(slot, 0);
  if
  :: (bias & REVOKING) && MUTATION != 5 ->
     first_store[self] == NOTHING;  /* a system call */
     if
     :: slot == 0 -> futex_wake_all(1)
     :: else -> futex_wake_all(2)
     fi
  :: else
  fi
}

/* revoke, wait_until_left */
inline revoke() {
  b = bias;
  if
  :: OWNER(b) != self ->
     bias = b | REVOKING;
     if
     :: MUTATION != 1 -> d_step { drain(1); drain(2); drain(3) }  /* os::fence_everybody */
     :: else
     fi
  :: else
  fi;
  in_time = true;
  do
  :: OWN_VIEW(SLOT(b)) == 0 -> break
  :: else ->
     if
     :: DEAD(OWNER(b)) ->
        if
        :: inside[SLOT(b)] == 0
        :: else ->
           if
           :: MUTATION != 4 -> died = true; told = true
           :: else
           fi;
           inside[SLOT(b)] = 0
        fi;
        break
     :: !DEAD(OWNER(b)) && timed -> in_time = false; break
     :: !DEAD(OWNER(b)) -> FUTEX_WAIT(self, 1 + SLOT(b), inside[SLOT(b)] == 1, DEAD(OWNER(b)), timed)
     fi
  od;
  if
  :: in_time -> bias = 0
  :: else
  fi
}

/* consider_bias, find_slot */
inline consider_bias() {
  if
  :: true
  :: slot_owner[0] == self || slot_owner[0] == 0 || DEAD(slot_owner[0]) || MUTATION == 3 ->
     if
     :: slot_owner[0] != self && slot_owner[1] != self -> inside[0] = 0; slot_owner[0] = self; bias = self
     :: slot_owner[0] == self -> bias = self
     :: slot_owner[1] == self -> bias = self | SLOT_BIT
     fi
  :: (slot_owner[1] == self || slot_owner[1] == 0 || DEAD(slot_owner[1])) && MUTATION != 3 ->
     if
     :: slot_owner[0] != self && slot_owner[1] != self -> inside[1] = 0; slot_owner[1] = self; bias = self | SLOT_BIT
     :: slot_owner[0] == self -> bias = self
     :: slot_owner[1] == self -> bias = self | SLOT_BIT
     fi
  fi
}

proctype User(byte self; bool timed) {
  byte b, round;
  bool entered, told, in_time;
  {
    do
    :: round < (self == 3 -> THIRD_ROUNDS : ROUNDS) ->
       round++;
       entered = false;
       told = false;
       in_time = true;
       /* enter */
       b = bias;
       if
       :: OWNER(b) == self && !(b & REVOKING) ->
          store_inside(SLOT(b), 1);
          if
          :: bias == b || MUTATION == 2 -> entered = true
          :: else -> leave(SLOT(b))
          fi
       :: else
       fi;
       /* lock_slowly */
       if
       :: !entered ->
          lock_word();
          if
          :: bias != 0 -> revoke()
          :: else
          fi;
          if
          :: in_time && !told -> consider_bias()
          :: else
          fi
       :: else
       fi;
       if
       :: in_time ->
          assert(current == 0 || !alive[current]);
          assert(!half || told);
          d_step { current = self; half = true };
          d_step { current = 0; half = false };
          if
          :: told -> died = false  /* mark_recovered */
          :: else
          fi;
          /* unlock */
          b = bias;
          if
          :: OWNER(b) == self && OWN_VIEW(SLOT(b)) != 0 -> leave(SLOT(b))
          :: else -> unlock_word()
          fi
       :: else -> unlock_word()
       fi
    :: else -> break
    od
  } MAY_DIE_AS(self)
}

init {
  atomic {
    run User(1, false);
    run User(2, false);
    run User(3, TIMED);
    run Memory();
    run Killer()
  }
}
