#!/usr/bin/python3
"""CPython's processes, locks and queues at the same work as the C++ contenders; see python_harness.py."""

import multiprocessing as mp
import struct
import sys
import time
import zlib

from python_harness import Stopwatch, note_p99, run_contender


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
    note_p99(times)
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
}

if __name__ == "__main__":
    run_contender(CONTENDERS)
