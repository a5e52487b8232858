/* The queue (src/channel/queue_format.hpp, queue_engine.cpp, queue_recovery.cpp): put, grow, get, move on, and the repair of
 * each, any process killed between any two steps, repairs included. Its locks are one step each here (owner_word.pml has
 * theirs), and so is sleeping (sleep.pml).
 *
 * Promises: a committed message is taken once, in order, and is what was put; nothing else is taken; a segment or block
 * is used only while the queue holds it; when all is repaired nothing is left over, and the counts are right.
 *
 * All records are of one size and a ring has room for RING of them. Message m, if odd, lies in a block of its own. Handles
 * carry generations: no number of a segment or block is used again. What was freed may hold anything.
 *
 * Mutations, each of which must be found:
 *   1  repair frees the pending block without asking whether it was committed
 *   2  the block is handed to the queue after the commit
 *   3  repair does not ask whether the pending segment was linked
 *   4  a consumer moves on without a second look at the tail
 *   5  repair does not free the block that a dead consumer had claimed and committed
 *   6  the record is read after the commit
 *   7  a segment is freed before first_segment names the next
 *   8  repair leaves head_seen as it is
 *   9  repair leaves the count of the dead one as it is
 */
#ifndef MUTATION
#define MUTATION 0
#endif
#ifndef RING
#define RING 1
#endif
#ifndef FIRST_PUTS
#define FIRST_PUTS 2
#endif
#ifndef SECOND_PUTS
#define SECOND_PUTS 1
#endif
#ifndef CONSUMERS
#define CONSUMERS 2
#endif
#define N 5        /* two producers, two consumers, and one who looks at the end and is not killed */
#define SEGMENTS 5
#define MESSAGES 5
#define HELD 9     /* by the queue; else who owns it, or 0: free */
#define ANYTHING 77
#include "kernel.pml"

typedef Segment {
  byte tail;
  byte head;
  byte next;     /* 0: none */
  byte state;
  byte record[RING]
}
Segment segment[SEGMENTS + 1];  /* 0: the one inside the queue's object */
byte next_segment = 1;
byte block[MESSAGES];

byte put_lock, get_lock;
bool put_died, get_died;
byte last_segment, pending_segment, pending_block, pending_tail, head_seen, head_seen_of, put_count;
byte first_segment, retired_segment, claimed_block, claimed_head, tail_seen, get_count;

/* what happened, for the assertions */
byte committed[MESSAGES];  /* message by sequence */
byte commits;
byte takes;

/* sync::StateLock: arena::OwnerWord::lock */
inline lock(word, died, self) {
  atomic {
    word == 0 || !alive[word] ->
    if
    :: word != 0 -> died = true
    :: else
    fi;
    word = self;
    told = died
  }
}

/* Session::release: nothing happens if it is free already */
inline release_block(number) {
  block[number] = 0
}
inline release_segment(number) {
  d_step {
    if
    :: segment[number].state != 0 ->
       segment[number].state = 0;
       segment[number].next = ANYTHING;
       segment[number].tail = ANYTHING;
       segment[number].head = ANYTHING
    :: else
    fi
  }
}

/* queue_recovery.cpp: is_linked */
inline is_linked() {
  linked = false;
  if
  :: last_segment != 0 && segment[last_segment].state != HELD -> linked = true
  :: else
  fi;
  if
  :: !linked ->
     if
     :: segment[last_segment].next == pending_segment -> linked = true
     :: else
     fi
  :: else
  fi;
  if
  :: !linked && last_segment != 0 && segment[last_segment].state != HELD -> linked = true
  :: else
  fi
}

/* finish_growing, recover_producers, finish_putting */
inline recover_producers() {
  if
  :: pending_segment != 0 ->
     if
     :: last_segment != pending_segment ->
        is_linked();
        if
        :: linked && MUTATION != 3 -> last_segment = pending_segment
        :: linked && MUTATION == 3
        :: !linked -> release_segment(pending_segment)
        fi
     :: else
     fi;
     pending_segment = 0
  :: else
  fi;
  if
  :: MUTATION != 8 -> d_step { head_seen = segment[last_segment].head; head_seen_of = last_segment }
  :: else
  fi;
  t = segment[last_segment].tail;
  if
  :: pending_block != 0 ->
     if
     :: t != pending_tail || MUTATION == 1 -> release_block(pending_block - 1)
     :: else
     fi;
     pending_block = 0
  :: else
  fi;
  if
  :: MUTATION != 9 -> put_count = t
  :: else
  fi;
  put_died = false
}

/* free_retired_segment */
inline free_retired() {
  if
  :: retired_segment != 0 ->
     if
     :: retired_segment != first_segment -> release_segment(retired_segment)
     :: else
     fi;
     retired_segment = 0
  :: else
  fi
}

/* recover_consumers */
inline recover_consumers() {
  free_retired();
  h = segment[first_segment].head;
  if
  :: claimed_block != 0 ->
     if
     :: h == claimed_head && block[claimed_block - 1] == HELD && MUTATION != 5 -> release_block(claimed_block - 1)
     :: else
     fi;
     claimed_block = 0
  :: else
  fi;
  if
  :: MUTATION != 9 -> get_count = h
  :: else
  fi;
  get_died = false
}

/* grow */
inline grow() {
  d_step { s = next_segment; next_segment++; segment[s].state = self };
  d_step { segment[s].tail = t; segment[s].head = t; segment[s].next = 0 };
  pending_segment = s;
  segment[s].state = HELD;
  segment[last_segment].next = s;
  last_segment = s;
  d_step { head_seen = t; head_seen_of = s };
  pending_segment = 0
}

/* place_behind: a position in one segment means nothing in another; the worst that it can say is that there is room */
#define IS_FULL (head_seen_of == last_segment && t - head_seen >= RING)

/* QueueEngine::try_put */
inline put(m) {
  lock(put_lock, put_died, self);
  if
  :: told -> recover_producers()
  :: else
  fi;
  t = segment[last_segment].tail;
  if
  :: IS_FULL -> head_seen = segment[last_segment].head
  :: else
  fi;
  if
  :: IS_FULL -> grow()
  :: else
  fi;
  if
  :: m % 2 == 1 ->
     block[m] = self;
     pending_tail = t + 1;
     pending_block = m + 1;
     if
     :: MUTATION != 2 -> block[m] = HELD
     :: else
     fi
  :: else
  fi;
  assert(segment[last_segment].state == HELD && t - segment[last_segment].head < RING);
  segment[last_segment].record[t % RING] = m;
  d_step { segment[last_segment].tail = t + 1; assert(commits == t); committed[t] = m; commits++ };
  if
  :: m % 2 == 1 && MUTATION == 2 -> block[m] = HELD
  :: else
  fi;
  put_count = t + 1;
  if
  :: m % 2 == 1 -> pending_block = 0
  :: else
  fi;
  put_lock = 0
}

/* QueueEngine::try_get: has_message */
inline look_for_message() {
  if
  :: tail_seen != h -> found = true
  :: else ->
     t = segment[first_segment].tail;
     tail_seen = t;
     found = (t != h)
  fi
}

/* QueueEngine::try_get */
inline get() {
  lock(get_lock, get_died, self);
  if
  :: told -> recover_consumers()
  :: else
  fi;
  h = segment[first_segment].head;
  do
  :: look_for_message();
     if
     :: found -> break
     :: else
     fi;
     s = segment[first_segment].next;
     if
     :: s == 0 -> break
     :: else
     fi;
     if
     :: MUTATION != 4 -> look_for_message()
     :: else
     fi;
     if
     :: found -> break
     :: else
     fi;
     retired_segment = first_segment;
     if
     :: MUTATION == 7 && retired_segment != 0 -> release_segment(retired_segment)
     :: else
     fi;
     first_segment = s;
     free_retired();
     h = segment[first_segment].head
  od;
  if
  :: found ->
     assert(segment[first_segment].state == HELD);
     m = segment[first_segment].record[h % RING];
     if
     :: m % 2 == 1 ->
        claimed_head = h + 1;
        claimed_block = m + 1
     :: else
     fi;
     d_step { segment[first_segment].head = h + 1; assert(takes == h && h < commits); takes++ };
     if
     :: MUTATION == 6 -> m = segment[first_segment].record[h % RING]
     :: else
     fi;
     assert(m == committed[h]);
     if
     :: m % 2 == 1 ->
        assert(block[m] == HELD);
        block[m] = self;
        claimed_block = 0
     :: else
     fi;
     get_count = h + 1
  :: else
  fi;
  get_lock = 0;
  if
  :: found && m % 2 == 1 -> assert(block[m] == self); block[m] = 0  /* ~ReceivedMessage */
  :: else
  fi
}

proctype Producer(byte self; byte first; byte count) {
  byte t, s, m;
  bool told, linked;
  {
    m = first;
    do
    :: m < first + count -> put(m); m++
    :: else -> break
    od
  } MAY_DIE_AS(self)
}

proctype Consumer(byte self) {
  byte t, h, s, m;
  bool told, found;
  {
    do
    :: get();
       if
       :: !found ->
end:      segment[first_segment].tail != segment[first_segment].head || segment[first_segment].next != 0
       :: else
       fi
    od
  } MAY_DIE_AS(self)
}

/* Session::recover: what the dead owned comes back, at any time */
#define OWNED_BY_THE_DEAD(state) (state != 0 && state != HELD && !alive[state])
proctype Recovery() {
end:
  do
  :: d_step { OWNED_BY_THE_DEAD(block[1]) -> block[1] = 0 }
  :: d_step { OWNED_BY_THE_DEAD(block[3]) -> block[3] = 0 }
  :: d_step { OWNED_BY_THE_DEAD(segment[1].state) -> segment[1].state = 0 }
  :: d_step { OWNED_BY_THE_DEAD(segment[2].state) -> segment[2].state = 0 }
  :: d_step { OWNED_BY_THE_DEAD(segment[3].state) -> segment[3].state = 0 }
  :: d_step { OWNED_BY_THE_DEAD(segment[4].state) -> segment[4].state = 0 }
  :: d_step { OWNED_BY_THE_DEAD(segment[5].state) -> segment[5].state = 0 }
  od
}

/* When nobody can do anything more: repairs what is left, and looks at everything. */
proctype Auditor(byte self) {
  byte t, h, s, number, tail;
  bool told, linked, found, reachable;
end:
  timeout;
  atomic {
    lock(put_lock, put_died, self);
    if :: told -> recover_producers() :: else fi;
    lock(get_lock, get_died, self);
    if :: told -> recover_consumers() :: else fi;
    assert(pending_segment == 0 && pending_block == 0 && retired_segment == 0 && claimed_block == 0);
    tail = segment[last_segment].tail;
    assert(put_count == tail && tail == commits);
    h = segment[first_segment].head;
    assert(get_count == h && h == takes);
    number = 0;
    do
    :: number < MESSAGES ->
       found = false;
       s = h;
       do
       :: s < tail -> if :: committed[s] == number -> found = true :: else fi; s++
       :: else -> break
       od;
       assert(block[number] == (found && number % 2 == 1 -> HELD : 0));
       number++
    :: else -> break
    od;
    number = 1;
    do
    :: number < next_segment ->
       reachable = false;
       s = first_segment;
       do
       :: s == number -> reachable = true; break
       :: s != number && segment[s].next != 0 -> s = segment[s].next
       :: else -> break
       od;
       assert((segment[number].state == HELD) == reachable);
       number++
    :: else -> break
    od
  }
}

init {
  atomic {
    segment[0].state = HELD;
    run Producer(1, 1, FIRST_PUTS);
    if
    :: SECOND_PUTS > 0 -> run Producer(2, 3, SECOND_PUTS)
    :: else -> alive[2] = false
    fi;
    run Consumer(3);
    if
    :: CONSUMERS > 1 -> run Consumer(4)
    :: else -> alive[4] = false
    fi;
    run Recovery();
    run Auditor(5);
    run Killer()
  }
}
