#!/usr/bin/env python3
"""What CPython's multiprocessing does where Procyon promises something else; docs/coming-from-python.md tells of it.

Prints a line for each. Not part of the suite: it documents another project, and some of it is a matter of chance.
"""

import multiprocessing
import queue
import time

mp = multiprocessing.get_context("fork")


def killed(target, *args, after=0.5):
    """A process that runs `target` and is killed after a while."""
    process = mp.Process(target=target, args=args, daemon=True)
    process.start()
    time.sleep(after)
    process.kill()
    process.join()


def hangs(target, *args, seconds=3):
    """Whether a process that runs `target` is still at it after so long."""
    process = mp.Process(target=target, args=args, daemon=True)
    process.start()
    process.join(seconds)
    alive = process.is_alive()
    process.kill()
    process.join()
    return alive


def killed_in_get():
    q = mp.Queue()
    killed(q.get)
    q.put(1)
    time.sleep(0.2)
    try:
        q.get(timeout=1)
        return "the next get() works"
    except queue.Empty:
        return f"the next get() finds nothing, though qsize() is {q.qsize()}: the dead one has the read lock"


def killed_in_put():
    q = mp.Queue()
    killed(q.put, bytes(50_000_000))
    return "the next get() hangs in the torn message" if hangs(q.get) else "the next get() works"


def join_before_drained():
    q = mp.Queue()
    return "a process that has put 200 kB does not end" if hangs(q.put, bytes(200_000)) else "the process ends"


def changed_after_put():
    q = mp.Queue()
    wrong = 0
    for _ in range(300):
        numbers = [0]
        q.put(numbers)
        numbers[0] = 9
        wrong += q.get() != [0]
    return f"what was changed after put() arrived changed: {wrong} times of 300"


def empty_after_put():
    q = mp.Queue()
    lies = 0
    for _ in range(300):
        q.put(1)
        try:
            q.get_nowait()
        except queue.Empty:
            lies += 1
            q.get()
    return f"get_nowait() right after put() found nothing: {lies} times of 300"


def lock_of_the_dead():
    lock = mp.Lock()
    killed(lock.acquire)
    return "the lock of a killed process is free" if lock.acquire(timeout=1) else "the lock of a killed process is never freed"


def wait_on(condition):
    with condition:
        condition.wait()


def notify(condition):
    with condition:
        condition.notify_all()


def notify_with_dead_waiter():
    condition = mp.Condition()
    killed(wait_on, condition)
    return "notify_all() hangs after a waiter was killed" if hangs(notify, condition) else "notify_all() returns"


ROWS = {
    11: killed_in_get,
    12: killed_in_put,
    13: join_before_drained,
    14: changed_after_put,
    15: empty_after_put,
    17: lock_of_the_dead,
    18: notify_with_dead_waiter,
}

if __name__ == "__main__":
    for number, row in ROWS.items():
        print(f"{number}: {row()}", flush=True)
