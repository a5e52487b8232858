#!/usr/bin/python3
"""Python's pools of two workers at the same work as the C++ contenders; see python_harness.py.

multiprocessing.Pool, concurrent.futures' executor of processes, billiard, and joblib's executor, loky.
"""

import concurrent.futures
import contextlib
import multiprocessing as mp
import os
import signal
import sys
import tempfile
import threading
import time

from python_harness import Stopwatch, note_p99, run_contender

WORKERS = 2
HANG_SECONDS = 30  # after which the outcome of a lost task is not waited for any more
END_SECONDS = 3  # that a pool may take to end


def kill(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


class PoolPeer:
    """multiprocessing.Pool, and billiard's, which is a copy of it that went its own way."""

    def __init__(self, package):
        self.pool, self.timed_out = package.Pool(WORKERS), package.TimeoutError

    def map(self, function, arguments, chunksize=None):
        return self.pool.map(function, arguments, chunksize)

    def apply(self, function, *arguments):
        return self.pool.apply(function, arguments)

    def begin(self, function, *arguments):
        return self.pool.apply_async(function, arguments)

    def lost_alone(self, task):
        """Whether the task is told to be lost, and the pool goes on."""
        try:
            task.get(timeout=HANG_SECONDS)
        except self.timed_out:
            give_up(f"hangs: nothing is heard of a killed worker's task within {HANG_SECONDS} s")
        except Exception:
            return True
        return False

    def end(self):
        """billiard's terminate() waits for ever for a worker that was told to end before it was ready to be told."""
        ending = threading.Thread(target=self.pool.terminate)
        ending.start()
        ending.join(END_SECONDS)
        for worker in list(self.pool._pool) if ending.is_alive() else []:
            kill(worker.pid)
        ending.join()
        self.pool.join()


class ExecutorPeer:
    def __init__(self, executor):
        self.executor = executor

    def map(self, function, arguments, chunksize=1):
        return list(self.executor.map(function, arguments, chunksize=chunksize))

    def apply(self, function, *arguments):
        return self.executor.submit(function, *arguments).result()

    def begin(self, function, *arguments):
        return self.executor.submit(function, *arguments)

    def lost_alone(self, task):
        """Never alone: every task of the executor is lost, and it takes no other."""
        assert task.exception(timeout=HANG_SECONDS) is not None
        return False

    def end(self):
        for pid in list(self.executor._processes or {}):
            kill(pid)  # for the tasks that never end
        self.executor.shutdown(wait=True)


# What a contender does not use it does not import: a fork copies its parent.
def billiard_pool():
    import billiard

    return PoolPeer(billiard)


def loky_executor():
    from joblib.externals import loky

    return ExecutorPeer(loky.ProcessPoolExecutor(WORKERS))


PEERS = {
    "Pool": lambda: PoolPeer(mp),
    "executor": lambda: ExecutorPeer(concurrent.futures.ProcessPoolExecutor(WORKERS)),
    "billiard": billiard_pool,
    "loky": loky_executor,
}


def give_up(sentence):
    """Ends without waiting for a pool that may hang at its end as well."""
    print(sentence, file=sys.stderr, flush=True)
    for child in mp.active_children():
        child.kill()
    os._exit(1)


def square(x):
    return x * x


def map_squares(make, count, **chunks):
    arguments = range(count)
    peer = make()
    peer.map(square, range(100), **chunks)
    watch = Stopwatch()
    squares = peer.map(square, arguments, **chunks)
    result = watch.stop(count)
    peer.end()
    assert squares == [x * x for x in arguments]
    return result


def joblib_map(count, batch_size):
    import joblib
    from joblib.externals import loky

    arguments = range(count)
    with joblib.Parallel(n_jobs=WORKERS, backend="loky", batch_size=batch_size) as parallel:
        parallel(joblib.delayed(square)(x) for x in range(100))
        watch = Stopwatch()
        squares = parallel(joblib.delayed(square)(x) for x in arguments)
        result = watch.stop(count)
    loky.get_reusable_executor().shutdown(wait=True)
    assert squares == [x * x for x in arguments]
    return result


def apply(make, count):
    peer = make()
    peer.apply(square, 3)
    watch = Stopwatch()
    assert sum(peer.apply(square, i % 10) for i in range(count)) == count // 10 * 285
    result = watch.stop(count)
    peer.end()
    return result


def create(make, count):
    seconds = 0.0
    make().end()  # its modules are imported
    watch = Stopwatch()
    for _ in range(count):
        start = time.perf_counter()
        peer = make()
        assert peer.map(square, [0, 1]) == [0, 1]
        seconds += time.perf_counter() - start
        peer.end()
    watch.stop(count)
    return count, seconds


def compute(seed):
    state = seed + 1
    for _ in range(600_000):
        state ^= (state << 13) & 0xFFFFFFFFFFFFFFFF
        state ^= state >> 7
        state ^= (state << 17) & 0xFFFFFFFFFFFFFFFF
    return state


def heavy(make):
    """The serial time as operations: operations per second are then the speed-up."""
    serial_watch = Stopwatch()
    expected = [compute(seed) for seed in range(4)]
    _, serial = serial_watch.stop(0)
    peer = make()
    peer.map(square, [0, 1], chunksize=1)
    watch = Stopwatch()
    assert peer.map(compute, range(4), chunksize=1) == expected
    result = watch.stop(serial)
    peer.end()
    return result


def tell_pid_and_stay(path):
    with open(path, "w") as pipe:
        print(os.getpid(), file=pipe)
    time.sleep(3600)


def begin_busy_task(peer, path):
    task = peer.begin(tell_pid_and_stay, path)
    with open(path) as pipe:
        return task, int(pipe.read())


def killed(make, count):
    """From the kill of a busy worker until its task is told to be lost and another worker has run the next one.

    The other worker is busy all the while. Of pools that a kill breaks, one made anew runs the next task.
    """
    directory = tempfile.TemporaryDirectory()
    path = os.path.join(directory.name, "pid")
    os.mkfifo(path)
    peer, times = None, []
    make().end()  # its modules are imported
    watch = Stopwatch()
    for _ in range(count):
        if peer is None:
            peer = make()
            begin_busy_task(peer, path)
        task, pid = begin_busy_task(peer, path)
        start = time.perf_counter()
        os.kill(pid, signal.SIGKILL)
        if peer.lost_alone(task):
            assert peer.apply(os.getpid) != pid
            times.append(time.perf_counter() - start)
        else:
            successor = make()
            assert successor.apply(os.getpid) != pid
            times.append(time.perf_counter() - start)
            for each in (peer, successor):
                each.end()
            peer = None
    watch.stop(count)
    if peer is not None:
        peer.end()
    directory.cleanup()
    note_p99(times)
    return count, sum(times)


def memory(make):
    """KiB of an idle worker's memory that no other process shares, as an operation that takes so many seconds."""
    peer = make()
    pid = peer.apply(os.getpid)
    peer.map(square, range(100), chunksize=1)
    watch = Stopwatch()
    with open(f"/proc/{pid}/smaps_rollup") as account:
        fields = [line.split() for line in account if line.startswith("Private_")]
    watch.stop(1)
    peer.end()
    return 1, sum(int(kib) for name, kib, _ in fields if name in ("Private_Clean:", "Private_Dirty:"))


def contenders():
    """Slow ones do less."""
    counts = {  # of tasks
        "Pool": {"single": 30_000, "apply": 2_000, "chunked": 1_000_000, "create": 10, "killed": 1},
        "executor": {"single": 5_000, "apply": 2_000, "chunked": 5_000, "create": 10, "killed": 5},
        "billiard": {"single": 5_000, "apply": 2_000, "chunked": 500_000, "create": 3, "killed": 1},
        "loky": {"apply": 1_000, "create": 3, "killed": 3},
    }
    every = {
        "single/loky": lambda: joblib_map(2_000, 1),
        "chunked/loky": lambda: joblib_map(50_000, "auto"),
    }
    for name, make in PEERS.items():
        count = counts[name]
        works = {
            "apply": lambda make=make, count=count: apply(make, count["apply"]),
            "create": lambda make=make, count=count: create(make, count["create"]),
            "heavy": lambda make=make: heavy(make),
            "memory": lambda make=make: memory(make),
            "killed": lambda make=make, count=count: killed(make, count["killed"]),
        }
        if "single" in count:
            works["single"] = lambda make=make, count=count: map_squares(make, count["single"], chunksize=1)
            works["chunked"] = lambda make=make, count=count: map_squares(make, count["chunked"])
        every.update({f"{work}/{name}": run for work, run in works.items()})
    return every


if __name__ == "__main__":
    run_contender(contenders())
