/* Barrier (src/sync/barrier_format.hpp, barrier.cpp) for two parties: the word | arrived | generation | broken |, the places,
 * the verdicts. Its lock is one step here (owner_word.pml has its steps). Somebody else breaks or resets it at any time.
 *
 * Promises: of those who have arrived in a generation either all pass or none does, and none passes one that was reset;
 * the action runs once at most; each number is given once; the generation never goes back; nobody sleeps in a generation that
 * is over or broken, nor beside a party that died, and without a death this needs no slice.
 *
 * Mutations, each of which must be found:
 *   1  breaking stores the word instead of exchanging it     2  so does passing
 *   3  so does arriving                                      4  who waits does not look whether a party died
 *   5  reset() tells its verdict after the word              6  passing does not wake
 *   7  breaking does not wake                                8  passing does not ask whether the generation is still its own
 */
#ifndef MUTATION
#define MUTATION 0
#endif
#ifndef ROUNDS
#define ROUNDS 2
#endif
#define N 3
#include "kernel.pml"

#define PARTIES 2
#define GENERATIONS 6
#define PASSED 1
#define BROKEN 2

byte lock;                          /* who holds it */
byte arrived, generation;           /* the word, one of two parts; the others are read and changed with it in one step */
bool broken;
byte place[PARTIES];
bool was_reset[GENERATIONS];        /* the verdicts; the code has 32, and uses them again */
byte each;

bool has_been_reset[GENERATIONS];   /* what really happened, for the promises */
byte outcome_of[GENERATIONS];
byte action_runs[GENERATIONS];
bool given[GENERATIONS * PARTIES];
byte waits_in[N + 1];

#define OWNER_IS_DEAD (lock != 0 && !alive[lock])
#define PARTY_IS_DEAD ((arrived > 0 && !alive[place[0]]) || (arrived > 1 && !alive[place[1]]))
#define SLEEPS_WELL(self) (asleep[self] == 0 || (waits_in[self] == generation && !broken && !PARTY_IS_DEAD))
#define IS_OVER(which) (generation != which || broken)

/* locked_state: there is nothing to repair. `held` is false for who was not given it in time. */
inline take(has_deadline) {
  if
  :: atomic { lock == 0 || !alive[lock] -> lock = self }; held = true
  :: has_deadline && lock != 0 && alive[lock] -> held = false
  fi
}
inline free_lock() { lock = 0 }

inline load() { d_step { a = arrived; g = generation; b = broken } }
/* BarrierState::change */
inline change(to_arrived, to_generation, to_broken, stores) {
  d_step {
    if
    :: stores || (a == arrived && g == generation && b == broken) ->
       assert(to_generation >= generation);
       arrived = to_arrived;
       generation = to_generation;
       broken = to_broken;
       changed = true
    :: else -> changed = false; a = arrived; g = generation; b = broken
    fi
  }
}

/* BarrierEngine::break_generation */
inline break_generation(which) {
  load();
  do
  :: g != which -> break
  :: g == which ->
     change(a, g, true, MUTATION == 1);
     if
     :: changed && MUTATION != 7 -> futex_wake_all(1); break
     :: changed && MUTATION == 7 -> break
     :: else
     fi
  od
}

/* BarrierEngine::break_if_somebody_died; `changed`: it did */
inline break_if_somebody_died(which) {
  load();
  changed = false;
  if
  :: g == which && MUTATION != 4 ->
     seen = 0;
     do
     :: seen < a && alive[place[seen]] -> seen++
     :: else -> break
     od;
     if
     :: seen < a -> break_generation(which); changed = generation == which
     :: else -> changed = false
     fi
  :: else
  fi
}

/* BarrierEngine::wait_for_the_others */
inline wait_for_the_others(which, has_deadline) {
  waits_in[self] = which;
  do
  :: load();
     if
     :: g != which -> outcome = (was_reset[which] -> BROKEN : PASSED); break
     :: g == which && b -> outcome = BROKEN; break
     :: else
     fi;
     break_if_somebody_died(which);
     if
     :: changed -> outcome = BROKEN; break
     :: else
     fi;
     if
     :: has_deadline ->
        break_generation(which);
        if
        :: generation == which -> outcome = BROKEN; break
        :: else
        fi
     :: true -> FUTEX_WAIT(self, 1, generation == which && !broken, IS_OVER(which) || (PARTY_IS_DEAD && MUTATION != 4), has_deadline)
     fi
  od
}

/* BarrierEngine::pass */
inline pass(has_deadline) {
  break_if_somebody_died(mine);
  if
  :: changed -> outcome = BROKEN
  :: else ->
     d_step { action_runs[mine]++; assert(action_runs[mine] == 1) };
     take(has_deadline);
     if
     :: !held -> break_generation(mine); outcome = BROKEN
     :: else ->
        load();
        if
        :: (b || g != mine) && MUTATION != 8 -> outcome = BROKEN
        :: else ->
           was_reset[g] = false;
           change(0, g + 1, false, MUTATION == 2);
           outcome = (changed -> PASSED : BROKEN)
        fi;
        free_lock();
        if
        :: outcome == PASSED && MUTATION != 6 -> futex_wake_all(1)
        :: else
        fi
     fi
  fi
}

/* BarrierEngine::arrive; `index` is beyond the parties if it was broken before. */
inline arrive(has_deadline) {
  index = PARTIES;
  do
  :: take(has_deadline);
     load();
     if
     :: b && held -> free_lock(); break
     :: b && !held -> break
     :: !b && !held -> break_generation(g); break
     :: else
     fi;
     if
     :: a < PARTIES ->
        place[a] = self;
        mine = g;
        each_index = a;
        change(a + 1, g, false, MUTATION == 3);
        if
        :: changed ->
           index = each_index;
           d_step { assert(!given[mine * PARTIES + index]); given[mine * PARTIES + index] = true }
        :: else
        fi;
        free_lock();
        break
     :: else ->
        mine = g;
        free_lock();
        wait_for_the_others(mine, has_deadline);
        if
        :: outcome == BROKEN -> break
        :: else
        fi
     fi
  od
}

proctype Party(byte self; bool has_deadline) {
  byte a, g, index, mine, seen, round, outcome, each_index;
  bool b, held, changed;
  {
    do
    :: round < ROUNDS ->
       round++;
       arrive(has_deadline);
       if
       :: index == PARTIES - 1 -> pass(has_deadline)
       :: index < PARTIES - 1 -> wait_for_the_others(mine, has_deadline)
       :: else
       fi;
       if
       :: index < PARTIES ->
          d_step {
            assert(outcome_of[mine] == 0 || outcome_of[mine] == outcome);
            assert(outcome == BROKEN || !has_been_reset[mine]);
            outcome_of[mine] = outcome
          }
       :: else
       fi
    :: else -> break
    od
  } MAY_DIE_AS(self)
}

/* abort(), or reset() */
proctype Other(byte self) {
  byte a, g;
  bool b, held, changed;
  {
    if
    :: load(); break_generation(g)
    :: take(false);
       load();
       do
       :: true ->
#if MUTATION != 5
          was_reset[g] = true;
#endif
          change(0, g + 1, false, false);
          if
          :: changed -> has_been_reset[g] = true; break
          :: else
          fi
       od;
#if MUTATION == 5
       was_reset[g] = true;
#endif
       free_lock();
       futex_wake_all(1)
    :: true
    fi
  } MAY_DIE_AS(self)
}

init {
  atomic {
    run Party(1, false);
    run Party(2, TIMED);
    if
    :: OTHER -> run Other(3)
    :: else -> run Party(3, TIMED)
    fi;
    run Killer()
  }
}

/* When nobody can go on: who sleeps, sleeps in the generation that is running. (Others may never come.) */
active proctype Monitor() {
  timeout -> assert(SLEEPS_WELL(1) && SLEEPS_WELL(2) && SLEEPS_WELL(3))
}
