/* What the models have in common: processes that may be killed between any two steps, and the kernel's futexes.
 *
 * Includer defines N, the number of processes (numbered from 1), and DEATHS, how many of them may be killed.
 * A step is one access to shared memory or one system call; what a process does with its own variables costs none. The
 * memory is sequentially consistent: which order the code asks of the processor, and why that is enough, is argued in
 * docs/design.
 */
bool alive[N + 1] = true;
bool killed[N + 1];
byte asleep[N + 1];  /* on which futex; 0: awake */
byte deaths;
byte last_woken;

/* Whoever is killed is dead for others from that moment: its record lock is gone. Its sleep is forgotten by the kernel. */
inline kill(victim) {
  d_step {
    alive[victim] && deaths < DEATHS ->
    killed[victim] = true;
    alive[victim] = false;
    asleep[victim] = 0;
    deaths++
  }
}

#define MAY_DIE_AS(self) unless { killed[self] }

#if N > 3
#define WAKE_FOURTH(futex) :: asleep[4] == futex -> asleep[4] = 0; last_woken = 1
#define KILL_FOURTH :: kill(4)
#else
#define WAKE_FOURTH(futex)
#define KILL_FOURTH
#endif
#if N > 2
#define WAKE_THIRD(futex) :: asleep[3] == futex -> asleep[3] = 0; last_woken = 1
#define KILL_THIRD :: kill(3)
#else
#define WAKE_THIRD(futex)
#define KILL_THIRD
#endif

/* os::futex_wake(word, 1): any one of the sleepers. `woken` tells how many. */
#define FUTEX_WAKE(futex, woken) \
  atomic { \
    if \
    :: asleep[1] == futex -> asleep[1] = 0; last_woken = 1 \
    :: asleep[2] == futex -> asleep[2] = 0; last_woken = 1 \
    WAKE_THIRD(futex) \
    WAKE_FOURTH(futex) \
    :: else -> last_woken = 0 \
    fi; \
    woken = last_woken; \
    last_woken = 0 \
  }

inline futex_wake_all(futex) {
  d_step {
    each = 1;
    do
    :: each <= N -> if :: asleep[each] == futex -> asleep[each] = 0 :: else fi; each++
    :: else -> break
    od;
    each = 0
  }
}

/* os::futex_wait(word, expected): asleep if the word has that value. The slice (os::wait_slice) ends the sleep by itself
 * only where the protocol says that it needs that: after a death, and if it then finds something. A deadline may end
 * it at any time. */
#define FUTEX_WAIT(self, futex, word_is_as_expected, slice_finds, has_deadline) \
  atomic { \
    if \
    :: word_is_as_expected -> asleep[self] = futex \
    :: else \
    fi \
  }; \
  if \
  :: asleep[self] == 0 \
  :: deaths > 0 && (slice_finds) -> asleep[self] = 0 \
  :: has_deadline -> asleep[self] = 0 \
  fi

proctype Killer() {
end:
  do
  :: kill(1)
  :: kill(2)
  KILL_THIRD
  KILL_FOURTH
  od
}
