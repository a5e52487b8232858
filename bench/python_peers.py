#!/usr/bin/python3
"""CPython's multiprocessing at the same work as the C++ contenders: python_peers.py ROW, prints the same line of JSON."""

import json
import multiprocessing as mp
import resource
import struct
import sys
import time
import zlib

cpu_outside = 0.0  # of the set-up, and of what comes after the work
p99 = 0.0  # seconds, of single operations
busy_seconds = 0.0  # during which CPU seconds are counted


def cpu_seconds():
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


class Stopwatch:
    def __init__(self):
        global cpu_outside
        cpu_outside = cpu_seconds()
        self.start = time.perf_counter()

    def stop(self, operations):
        global busy_seconds, cpu_outside
        busy_seconds = time.perf_counter() - self.start
        cpu_outside -= time.process_time()  # main() adds what it is then
        return operations, busy_seconds


# ------------------------------------------------------------------------------------------------------- processes


def child_function(argument):
    sys.exit(argument % 7)


def start_and_join(method, count, touched=0):
    memory = bytearray(b"\1") * touched  # a large parent
    context = mp.get_context(method)

    def one(argument):
        process = context.Process(target=child_function, args=(argument,))
        process.start()
        process.join()
        assert process.exitcode == argument % 7

    one(5)  # starts what is started once
    watch = Stopwatch()
    for i in range(count):
        one(i)
    result = watch.stop(count)
    assert len(memory) == touched
    return result


# ----------------------------------------------------------------------------------------------------------- locks


def uncontended():
    lock, count = mp.Lock(), 1_000_000
    watch = Stopwatch()
    for _ in range(count):
        lock.acquire()
        lock.release()
    return watch.stop(count)


def increment_in_child(value, count):
    for _ in range(count):
        with value.get_lock():
            value.value += 1


def increment():
    value, count = mp.Value("q", 0), 200_000
    watch = Stopwatch()
    increment_in_child(value, count)
    result = watch.stop(count)
    assert value.value == count
    return result


def lock_in_child(lock, go, count):
    go.wait()
    for _ in range(count):
        lock.acquire()
        lock.release()


def contended():
    lock, go, each = mp.Lock(), mp.Barrier(3), 400_000
    children = [mp.Process(target=lock_in_child, args=(lock, go, each)) for _ in range(2)]
    for child in children:
        child.start()
    while go.n_waiting < 2:
        pass
    watch = Stopwatch()
    go.wait()
    for child in children:
        child.join()
    return watch.stop(2 * each)


# ---------------------------------------------------------------------------------------------------------- queues


def message(i):
    return struct.pack("<8Q", *(i + word for word in range(8)))


def read_all(queue, count, answer):
    answer.put(sum(zlib.crc32(queue.get()) for _ in range(count)))


def stream(queue_type):
    queue, answer, count = queue_type(), mp.SimpleQueue(), 60_000
    expected = sum(zlib.crc32(message(i)) for i in range(count))
    watch = Stopwatch()
    reader = mp.Process(target=read_all, args=(queue, count, answer))
    reader.start()
    for i in range(count):
        queue.put(message(i))
    assert answer.get() == expected
    result = watch.stop(count)
    reader.join()
    return result


def put_get():
    queue, count = mp.Queue(), 20_000
    watch = Stopwatch()
    for i in range(count):
        queue.put(message(i))
        assert queue.get() == message(i)
    return watch.stop(count)


def echo(there, back, count):
    for _ in range(count):
        back.put(there.get())


def round_trip(queue_type):
    there, back, count = queue_type(), queue_type(), 5_000
    other = mp.Process(target=echo, args=(there, back, count))
    other.start()
    watch = Stopwatch()
    for i in range(count):
        there.put(message(i))
        assert back.get() == message(i)
    result = watch.stop(count)
    other.join()
    return result


# One message of each size is made anew for each put: bytes of that size, whose first 8 are its number.
def sized_message(size, i):
    return struct.pack("<Q", i) + bytes(size - 8)


def read_sized(queue, count, answer):
    answer.put(sum(zlib.crc32(queue.get()) for _ in range(count)))


def write_sized(queue, size, first, step, count):
    for i in range(first, count, step):
        queue.put(sized_message(size, i))


def messages(queue_type, size, producers, consumers):
    queue, answer = queue_type(), mp.SimpleQueue()
    count = 20_000 if size <= 1024 else max(8, (64 << 20) // size)
    watch = Stopwatch()
    children = [mp.Process(target=read_sized, args=(queue, count // consumers, answer)) for _ in range(consumers)]
    children += [mp.Process(target=write_sized, args=(queue, size, first, producers, count))
                 for first in range(1, producers)]
    for child in children:
        child.start()
    write_sized(queue, size, 0, producers, count)
    total = sum(answer.get() for _ in range(consumers))
    result = watch.stop(count)
    for child in children:
        child.join()
    assert total == sum(zlib.crc32(sized_message(size, i)) for i in range(count))
    return result


def sized_round_trip(queue_type, size):
    global p99
    there, back = queue_type(), queue_type()
    count = 2_000 if size <= 1024 else 500 if size < 1 << 20 else 60
    other = mp.Process(target=echo, args=(there, back, count + 1))
    other.start()
    there.put(sized_message(size, 0))
    back.get()
    times = []
    watch = Stopwatch()
    for i in range(1, count + 1):
        start = time.perf_counter()
        there.put(sized_message(size, i))
        assert back.get() == sized_message(size, i)
        times.append(time.perf_counter() - start)
    result = watch.stop(count)
    other.join()
    p99 = sorted(times)[len(times) * 99 // 100]
    return result


def wake_event():
    there, back, count = mp.Event(), mp.Event(), 3_000

    def other():
        for _ in range(count):
            there.wait()
            there.clear()
            back.set()

    child = mp.get_context("fork").Process(target=other)
    child.start()
    watch = Stopwatch()
    for _ in range(count):
        there.set()
        back.wait()
        back.clear()
    result = watch.stop(count)
    child.join()
    return result


def wake_condition():
    condition, turn, count = mp.Condition(), mp.Value("i", 0, lock=False), 3_000

    def play(mine, rounds):
        for _ in range(rounds):
            with condition:
                while turn.value != mine:
                    condition.wait()
                turn.value = 1 - mine
                condition.notify()

    child = mp.get_context("fork").Process(target=play, args=(1, count))
    child.start()
    watch = Stopwatch()
    play(0, count)
    child.join()
    return watch.stop(count)


# ----------------------------------------------------------------------------------------------------------- pools


def square(x):
    return x * x


def map_squares(count, chunksize):
    arguments = range(count)
    with mp.Pool(2) as pool:
        pool.map(square, range(100), chunksize)
        watch = Stopwatch()
        squares = pool.map(square, arguments, chunksize)
        result = watch.stop(count)
    assert squares == [x * x for x in arguments]
    return result


def apply():
    count = 2_000
    with mp.Pool(2) as pool:
        pool.apply(square, (3,))
        watch = Stopwatch()
        assert sum(pool.apply(square, (i % 10,)) for i in range(count)) == count // 10 * 285
        return watch.stop(count)


def create():
    count, seconds = 10, 0.0
    watch = Stopwatch()
    for _ in range(count):
        start = time.perf_counter()
        pool = mp.Pool(2)
        assert pool.map(square, [0, 1]) == [0, 1]
        seconds += time.perf_counter() - start
        pool.terminate()
        pool.join()
    watch.stop(count)
    return count, seconds


def compute(seed):
    state = seed + 1
    for _ in range(600_000):
        state ^= (state << 13) & 0xFFFFFFFFFFFFFFFF
        state ^= state >> 7
        state ^= (state << 17) & 0xFFFFFFFFFFFFFFFF
    return state


def heavy():
    """The serial time as operations: operations per second are then the speed-up."""
    serial_watch = Stopwatch()
    expected = [compute(seed) for seed in range(4)]
    _, serial = serial_watch.stop(0)
    with mp.Pool(2) as pool:
        pool.map(square, [0, 1], 1)
        watch = Stopwatch()
        assert pool.map(compute, range(4), 1) == expected
        return watch.stop(serial)


CONTENDERS = {
    "small/fork": lambda: start_and_join("fork", 100),
    "small/forkserver": lambda: start_and_join("forkserver", 40),
    "small/spawn": lambda: start_and_join("spawn", 8),
    "large/fork": lambda: start_and_join("fork", 10, 1 << 30),
    "large/forkserver": lambda: start_and_join("forkserver", 40, 1 << 30),
    "uncontended": uncontended,
    "contended": contended,
    "increment": increment,
    "stream/Queue": lambda: stream(mp.Queue),
    "stream/SimpleQueue": lambda: stream(mp.SimpleQueue),
    "put-get": put_get,
    "round-trip/Queue": lambda: round_trip(mp.Queue),
    "round-trip/SimpleQueue": lambda: round_trip(mp.SimpleQueue),
    "wake/Event": wake_event,
    "wake/Condition": wake_condition,
    **{f"messages/{producers}-{consumers}/{size}/{name}":
       lambda queue_type=queue_type, size=size, producers=producers, consumers=consumers:
       messages(queue_type, size, producers, consumers)
       for name, queue_type in (("Queue", mp.Queue), ("SimpleQueue", mp.SimpleQueue))
       for size in (8, 64, 1 << 10, 1 << 16, 1 << 20, 1 << 24)
       for producers, consumers in ((1, 1), (2, 1), (4, 4))},
    **{f"trip/{size}/{name}": lambda queue_type=queue_type, size=size: sized_round_trip(queue_type, size)
       for name, queue_type in (("Queue", mp.Queue), ("SimpleQueue", mp.SimpleQueue))
       for size in (8, 64, 1 << 10, 1 << 16, 1 << 20)},
    "single": lambda: map_squares(30_000, 1),
    "apply": apply,
    "chunked": lambda: map_squares(1_000_000, None),
    "create": create,
    "heavy": heavy,
}

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in CONTENDERS:
        sys.exit("usage: python_peers.py CONTENDER, one of: " + " ".join(CONTENDERS))
    operations, seconds = CONTENDERS[sys.argv[1]]()
    cpu_outside += time.process_time()
    print(json.dumps({"operations": operations, "seconds": seconds, "busy_seconds": busy_seconds,
                      "cpu_outside": cpu_outside, "p99": p99}))
