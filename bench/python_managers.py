#!/usr/bin/python3
"""CPython's managers at the same work as the C++ contenders; see python_harness.py."""

from multiprocessing.managers import SyncManager

from python_harness import Stopwatch, run_contender

KEYS = 100
ADDRESSES = {"local": None, "tcp": ("127.0.0.1", 0)}


def started(kind):
    manager = SyncManager(ADDRESSES[kind])
    manager.start()
    return manager


def get_and_set(kind):
    """By turns: what was set is what is got."""
    count = 10_000
    with started(kind) as manager:
        numbers = manager.dict({key: key for key in range(KEYS)})
        watch = Stopwatch()
        for i in range(count // 2):
            numbers[i % KEYS] = i
            assert numbers[i % KEYS] == i
        return watch.stop(count)


def batch(kind):
    count = 1_000
    with started(kind) as manager:
        numbers = manager.dict()
        watch = Stopwatch()
        for i in range(count):
            numbers.update({key: i + key for key in range(KEYS)})
        result = watch.stop(count * KEYS)
        assert numbers.copy() == {key: count - 1 + key for key in range(KEYS)}
        return result


def proxy(kind):
    count = 200 if kind == "local" else 20
    with started(kind) as manager:
        manager.dict()
        watch = Stopwatch()
        for i in range(count):
            assert manager.list([i])[0] == i
        return watch.stop(count)


CONTENDERS = {
    **{kind: lambda kind=kind: get_and_set(kind) for kind in ADDRESSES},
    **{f"batch/{kind}": lambda kind=kind: batch(kind) for kind in ADDRESSES},
    **{f"proxy/{kind}": lambda kind=kind: proxy(kind) for kind in ADDRESSES},
}

if __name__ == "__main__":
    run_contender(CONTENDERS)
