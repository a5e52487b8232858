/* sync::BiasedWord (src/sync/biased_word.hpp): two threads that may be biased, and may be killed, and a third that only
 * comes between. The stores of `inside` wait in a store buffer of one entry for each process (what lies deeper comes out
 * in order) until it drains, at any time, or a fence drains it.
 *
 * Promises: never are two in at a time; who comes in after a death inside has been told; and everybody comes in again, as
 * far as nobody who lives is in for ever (no invalid end state).
 *
 * Mutations, each of which must be found:
 *   1  no fence after `revoking`            2  the owner does not look at the bias again after its store
 *   3  one slot for all: a former owner's late store meets the next one's
 *   4  a revoker does not look whether the owner is in     5  a bias of a dead one is dropped without a look
 *
 *   spin -DMUTATION=0 -a biased_word.pml && cc -O2 -DSAFETY -o pan pan.c && ./pan -m1000000
 */
#ifndef MUTATION
#define MUTATION 0
#endif
#define NOBODY 3

byte word = NOBODY;   /* who holds the OwnerWord */
bool died;            /* its flag */
byte bias = NOBODY;
bool revoking;
bool inside[2];       /* the slots: that of process i is slot i */
bool buffered[3], value[3];  /* the store that waits, if one does */
bool dead[3];
byte in;              /* how many are in, living ones */
bool broken;          /* somebody died in, and nobody has mended it */
byte deaths;

#define SLOT(i) (MUTATION == 3 -> 0 : (i))
inline drain(i) { d_step { if :: buffered[i] -> inside[SLOT(i)] = value[i]; buffered[i] = false :: else fi } }
inline store(i, v) { drain(i); d_step { buffered[i] = true; value[i] = v } }
/* What the process itself sees of its slot. */
#define OWN_INSIDE(i) (buffered[i] -> value[i] : inside[SLOT(i)])

/* Killed here, once in a run. The buffer is out before anybody can know of it. */
inline may_die(i) {
  if
  :: deaths == 0 -> deaths = 1; goto dying
  :: true
  fi
}

inline come_in(i) { d_step { in++; assert(in == 1); assert(!broken); is_in = true } }
inline go_out(i) { d_step { in--; is_in = false } }

/* By word: locked instructions drain the buffer. Told of a death, it mends. */
inline lock_word(i) {
  atomic {
    drain(i);
    if
    :: word == NOBODY -> word = i; told = died
    :: word != NOBODY && dead[word] -> word = i; died = true; told = true
    fi
  }
}

proctype Thread(byte i; bool may_be_biased) {
  bool told, by_bias, is_in;
  byte rounds, theirs;
  do
  :: rounds < 2 ->
     rounds++;
     by_bias = false;
     if
     :: may_be_biased && bias == i && !revoking ->
        store(i, true);
        may_die(i);
        if
        :: MUTATION == 2 || (bias == i && !revoking) -> by_bias = true
        :: else -> store(i, false)
        fi
     :: else
     fi;
     if
     :: by_bias ->
        come_in(i);
        may_die(i);
        go_out(i);
        may_die(i);
        store(i, false)
     :: else ->
        lock_word(i);
        may_die(i);
        if
        :: bias != NOBODY ->
           theirs = bias;
           revoking = true;
           may_die(i);
           if
           :: MUTATION != 1 -> d_step { drain(0); drain(1); drain(2) }
           :: else
           fi;
           if
           :: MUTATION == 4
           :: MUTATION == 5 && dead[theirs]
           :: MUTATION != 4 && (theirs == i -> !OWN_INSIDE(i) : !inside[SLOT(theirs)])
           :: MUTATION != 4 && MUTATION != 5 && theirs != i && dead[theirs] && !buffered[theirs] && inside[SLOT(theirs)] ->
              died = true;
              told = true;
              inside[SLOT(theirs)] = false
           fi;
           may_die(i);
           d_step { bias = NOBODY; revoking = false }
        :: else
        fi;
        told = told || died;
        if
        :: told -> d_step { broken = false }; died = false
        :: else
        fi;
        if
        :: may_be_biased && !told -> bias = i; may_die(i)
        :: true
        fi;
        come_in(i);
        may_die(i);
        go_out(i);
        atomic { drain(i); word = NOBODY }
     fi
  :: rounds == 2 -> break
  od;
  drain(i);
  goto done;
dying:
  atomic {
    drain(i);
    dead[i] = true;
    if
    :: is_in -> in--; broken = true
    :: else
    fi
  };
done:
  skip
}

/* Buffers drain at any time. */
active proctype Hardware() {
end:
  do
  :: atomic { buffered[0] -> drain(0) }
  :: atomic { buffered[1] -> drain(1) }
  :: atomic { buffered[2] -> drain(2) }
  od
}

init { atomic { run Thread(0, true); run Thread(1, true); run Thread(2, false) } }
