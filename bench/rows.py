"""What is compared with what, and how well Procyon must do: the table of the benchmarks."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """Procyon's rate must be at least `ratio` times that of `peer`; a time of "1.3x the peer's" is a rate of 1/1.3.

    With `limit` instead, an operation may take no more than that, whoever else is there: seconds, or KiB in a row of memory.
    """

    peer: str = ""
    ratio: float = 0.0
    limit: float = 0.0
    as_time: bool = False

    @staticmethod
    def rate(peer, ratio):
        return Target(peer=peer, ratio=ratio)

    @staticmethod
    def time(peer, ratio):
        return Target(peer=peer, ratio=1 / ratio, as_time=True)


@dataclass(frozen=True)
class Row:
    name: str
    title: str
    unit: str  # M/s k/s us ms x KiB: how a rate is shown
    contenders: dict  # name in the table -> (program, contender)
    targets: tuple
    ours: str = "Procyon"  # if it is among them: without it there is nothing to judge
    halved: bool = False  # the first versions need to reach half of it
    note: str = ""


def process(contender):
    return ("process_bench", contender)


def lock(contender):
    return ("lock_bench", contender)


def queue(contender):
    return ("queue_bench", contender)


def wake(contender):
    return ("wake_bench", contender)


def message(contender):
    return ("message_bench", contender)


def pool(contender):
    return ("pool_bench", contender)


def worker(contender):
    return ("worker_bench", contender)


def manager(contender):
    return ("manager_bench", contender)


def cpython(contender):
    return ("python_peers.py", contender)


def python_pools(work, *kinds):
    """Pools of other Python packages beside CPython's own two."""
    names = {"Pool": "CPython", "executor": "CPython executor", "billiard": "billiard", "loky": "joblib, loky"}
    return {names[kind]: ("python_pools.py", f"{work}/{kind}") for kind in kinds or names}


def cpython_manager(contender):
    return ("python_managers.py", contender)


PEERS = {"bare ring": "ring", "bare Vyukov ring": "vyukov", "Boost.Interprocess": "boost", "pipe": "pipe",
         "socketpair": "socketpair", "POSIX mq": "posix", "Procyon Pipe": "procyon-pipe"}
KIB, MIB = 1024, 1024 * 1024


def size_name(size):
    return f"{size // MIB} MiB" if size >= MIB else f"{size // KIB} KiB" if size >= KIB else f"{size} bytes"


def messages(work, peers, cpython_work):
    contenders = {"Procyon": message(f"{work}/procyon")}
    contenders.update({name: message(f"{work}/{PEERS[name]}") for name in peers})
    for kind in ("Queue", "SimpleQueue"):
        contenders[f"CPython {kind}"] = cpython(f"{cpython_work}/{kind}")
    return contenders


def wake_rows():
    """A wakes B, B wakes A, both asleep when they are woken."""
    futex = {"futex": wake("futex")}
    return [
        Row("wake-event", "Event, wake round trip", "us",
            {"Procyon": wake("event/procyon"), **futex, "CPython Event": cpython("wake/Event")},
            (Target.time("futex", 1.15),)),
        Row("wake-condition", "Condition, wake round trip", "us",
            {"Procyon": wake("condition/procyon"), **futex, "pthread condvar": wake("condition/pthread"),
             "CPython Condition": cpython("wake/Condition")},
            (Target.time("futex", 1.15),)),
    ]


def stream_rows():
    """One producer and one consumer, or several, on messages of all sizes (64 bytes one to one: queue-stream)."""
    # (size, producers, consumers) -> targets of performance
    targets = {
        (64, 4, 4): (Target.rate("Boost.Interprocess", 2.8), Target.rate("CPython Queue", 35)),
        (KIB, 4, 4): (Target.rate("Boost.Interprocess", 2.8),),
        (64 * KIB, 1, 1): (Target.rate("bare ring", 0.9),),
        (MIB, 1, 1): (Target.rate("bare ring", 0.9),),
        (16 * MIB, 1, 1): (Target.rate("bare ring", 0.9),),
    }
    rows = []
    for size, producers, consumers in ((8, 1, 1), (64, 2, 1), (64, 4, 4), (KIB, 1, 1), (KIB, 4, 4), (64 * KIB, 1, 1),
                                       (MIB, 1, 1), (16 * MIB, 1, 1)):
        alone = producers == consumers == 1
        peers = ["bare ring"] if alone else []
        peers += ["bare Vyukov ring", "POSIX mq"] if size <= KIB else []
        peers += ["Boost.Interprocess"] if size <= MIB else []
        peers += ["pipe", "socketpair"] + (["Procyon Pipe"] if alone else [])
        rows.append(Row(f"stream-{producers}-{consumers}-{size}",
                        f"queue, {producers} to {consumers}, {size_name(size)}",
                        "M/s" if size <= KIB else f"GB/s of {size}",
                        messages(f"stream/{producers}-{consumers}/{size}", peers,
                                 f"messages/{producers}-{consumers}/{size}"),
                        targets.get((size, producers, consumers), ())))
    return rows


def trip_rows():
    rows = []
    for size in (8, 64, KIB, 64 * KIB, MIB):
        peers = ["Procyon Pipe", "bare ring", "Boost.Interprocess", "pipe", "socketpair"]
        peers += ["POSIX mq"] if size <= KIB else []
        rows.append(Row(f"trip-{size}", f"queue, round trip of {size_name(size)}, with p99", "us",
                        messages(f"trip/{size}", peers, f"trip/{size}"), ()))
    return rows


def pool_rows():
    return [
        Row("pool-create", "pool of 2, create + first map", "ms",
            {"Procyon": pool("create/procyon"), "raw fork and pipes": pool("create/raw-pipes"), **python_pools("create")},
            (Target(limit=1.5e-3),), halved=True),
        Row("pool-single", "pool map, trivial tasks, chunksize 1", "k/s",
            {"Procyon": pool("single/procyon"), "raw pipes": pool("single/raw-pipes"),
             "TBB threads": pool("single/tbb-threads"), **python_pools("single")},
            (Target.rate("raw pipes", 2.5), Target.rate("CPython", 70)), halved=True),
        Row("pool-apply", "pool apply, one at a time", "k/s",
            {"Procyon": pool("apply/procyon"), "raw pipes": pool("apply/raw-pipes"), "std::async": pool("apply/std-async"),
             **python_pools("apply")},
            (Target.rate("raw pipes", 5), Target.rate("CPython", 100)), halved=True),
        Row("pool-chunked", "pool map, default chunks", "M/s",
            {"Procyon": pool("chunked/procyon"), "TBB threads": pool("chunked/tbb-threads"), **python_pools("chunked")},
            (Target.rate("CPython", 5),), halved=True,
            note="the default of CPython's executor are chunks of one"),
        Row("pool-heavy", "4 CPU-bound tasks on 2 cores, speed-up", "x",
            {"Procyon": pool("heavy/procyon"), "raw fork": pool("heavy/raw-fork"), "TBB threads": pool("heavy/tbb-threads"),
             **python_pools("heavy")},
            (Target.rate("raw fork", 0.95),)),
        Row("pool-killed", "a busy worker killed: seen, replaced", "ms",
            {"Procyon": worker("killed/procyon"), "raw fork and pipes": worker("killed/raw-fork"), **python_pools("killed")},
            (Target(limit=20e-3),),
            note="until the lost task is told and another worker has run the next one; CPython's executor and loky lose all of "
                 "their tasks, and another executor runs the next"),
        Row("pool-memory", "an idle worker's memory that no other process shares", "KiB",
            {"Procyon": worker("memory/procyon"), "the program, spawned": worker("memory/posix_spawn"),
             **python_pools("memory", "Pool")},
            (Target(limit=1024),),
            note="the target is of what it has beyond the program's own; the whole of it is held to that"),
    ]


def manager_rows():
    return [
        Row("manager-local", "manager, dict get or set, local", "k/s",
            {"Procyon": manager("local/procyon"), "raw AF_UNIX": manager("local/raw"),
             "raw AF_UNIX, never asleep": manager("local/raw-looking"), "CPython": cpython_manager("local")},
            (Target.rate("raw AF_UNIX", 0.7), Target.rate("CPython", 10)),
            note="who never sleeps keeps two processors busy for ever; Procyon looks for 50 us before it sleeps, while that pays"),
        Row("manager-tcp", "the same over TCP", "k/s",
            {"Procyon": manager("tcp/procyon"), "raw TCP": manager("tcp/raw"), "CPython": cpython_manager("tcp")},
            (Target.rate("raw TCP", 0.7),)),
        Row("manager-pipelined", "manager, dict get or set, 32 begun at a time, local", "k/s",
            {"Procyon": manager("pipelined/local/procyon"), "Procyon, one by one": manager("local/procyon"),
             "raw AF_UNIX, one by one": manager("local/raw")}, (),
            note="`dict.async()`: calls that are sent before the answers to earlier ones are there"),
        Row("manager-pipelined-tcp", "the same over TCP", "k/s",
            {"Procyon": manager("pipelined/tcp/procyon"), "Procyon, one by one": manager("tcp/procyon"),
             "raw TCP, one by one": manager("tcp/raw")}, ()),
        Row("manager-batch", "manager, 100 set at once, local, of each", "k/s",
            {"Procyon": manager("batch/local/procyon"), "Procyon, one by one": manager("local/procyon"),
             "CPython": cpython_manager("batch/local")},
            (Target.rate("Procyon, one by one", 10),)),
        Row("manager-batch-tcp", "the same over TCP", "k/s",
            {"Procyon": manager("batch/tcp/procyon"), "Procyon, one by one": manager("tcp/procyon"),
             "CPython": cpython_manager("batch/tcp")},
            (Target.rate("Procyon, one by one", 10),)),
        Row("manager-proxy", "manager, a proxy made and used once, local", "us",
            {"Procyon": manager("proxy/local/procyon"), "Procyon, a call": manager("local/procyon"),
             "CPython": cpython_manager("proxy/local")},
            (Target.time("Procyon, a call", 3),),
            note="making it, using it and giving it back are two calls and a message; a proxy costs no more than a call"),
        Row("manager-proxy-tcp", "the same over TCP", "us",
            {"Procyon": manager("proxy/tcp/procyon"), "Procyon, a call": manager("tcp/procyon"),
             "CPython": cpython_manager("proxy/tcp")},
            (Target.time("Procyon, a call", 3),)),
        Row("manager-class", "manager, method of a registered class, local", "k/s",
            {"Procyon": manager("class/procyon"), "Procyon, quick": manager("class/procyon-quick"),
             "raw AF_UNIX": manager("local/raw")}, (),
            note="by itself a method may wait, and runs on a thread aside; `quick` methods run on the server's loop"),
    ]


ROWS = [
    Row("process-forkserver", "process start + join, fork server", "us",
        {"Procyon": process("small/procyon-forkserver"),
         "raw fork server": process("small/raw-fork-server"),
         "CPython forkserver": cpython("small/forkserver")},
        (Target.time("raw fork server", 1.3),),
        note="one after another, the next child made in advance on the other core"),
    Row("process-spawn", "process start + join, spawn", "us",
        {"Procyon": process("small/procyon-spawn"),
         "posix_spawn": process("small/posix_spawn"),
         "CPython spawn": cpython("small/spawn")},
        (Target.time("posix_spawn", 1.2),)),
    Row("process-fork", "process start + join, fork", "us",
        {"Procyon": process("small/procyon-fork"),
         "raw fork": process("small/raw-fork"),
         "CPython fork": cpython("small/fork")},
        ()),
    Row("process-large", "the same, 1 GiB touched in the parent", "us",
        {"Procyon": process("large/procyon-forkserver"),
         "Procyon, small parent": process("small/procyon-forkserver"),
         "Procyon spawn": process("large/procyon-spawn"),
         "Procyon fork": process("large/procyon-fork"),
         "raw fork server": process("large/raw-fork-server"),
         "posix_spawn": process("large/posix_spawn"),
         "raw fork": process("large/raw-fork"),
         "CPython forkserver": cpython("large/forkserver"),
         "CPython fork": cpython("large/fork")},
        (Target.time("Procyon, small parent", 1.1),),
        note="\"as with a small parent\" is taken to mean within a tenth"),
    Row("lock-uncontended", "lock + unlock, uncontended", "M/s",
        {"Procyon": lock("uncontended/procyon"),
         "test-and-set": lock("uncontended/test-and-set"),
         "futex mutex": lock("uncontended/futex"),
         "pthread, shared": lock("uncontended/pthread"),
         "pthread, robust": lock("uncontended/pthread-robust"),
         "Boost.Interprocess": lock("uncontended/boost"),
         "CPython": cpython("uncontended")},
        (Target.rate("pthread, shared", 1.0),), halved=True),
    Row("lock-contended", "the same, two processes contending", "M/s",
        {"Procyon": lock("contended/procyon"),
         "test-and-set": lock("contended/test-and-set"),
         "futex mutex": lock("contended/futex"),
         "pthread, shared": lock("contended/pthread"),
         "pthread, robust": lock("contended/pthread-robust"),
         "Boost.Interprocess": lock("contended/boost"),
         "CPython": cpython("contended")},
        (Target.rate("Boost.Interprocess", 1.0),), halved=True),
    Row("value-increment", "locked increment of a Value", "M/s",
        {"Procyon": lock("increment/procyon"),
         "fetch_add": lock("increment/fetch_add"),
         "futex mutex": lock("increment/futex"),
         "pthread, robust": lock("increment/pthread-robust"),
         "CPython": cpython("increment")},
        (Target.rate("CPython", 25),), halved=True),
    Row("queue-stream", "queue, one to one, 64 bytes", "M/s",
        {"Procyon": queue("stream/procyon"),
         "bare SPSC ring": queue("stream/ring"),
         "bare Vyukov ring": queue("stream/vyukov"),
         "Boost.Interprocess": queue("stream/boost"),
         "pipe": queue("stream/pipe"),
         "CPython Queue": cpython("stream/Queue"),
         "CPython SimpleQueue": cpython("stream/SimpleQueue")},
        (Target.rate("Boost.Interprocess", 2.8), Target.rate("CPython Queue", 40)), halved=True,
        note="twice the best peer on record, faster-fifo, is 2.8 times Boost"),
    Row("queue-put-get", "queue, put + get in one process", "us",
        {"Procyon": queue("put-get/procyon"),
         "bare SPSC ring": queue("put-get/ring"),
         "bare Vyukov ring": queue("put-get/vyukov"),
         "Boost.Interprocess": queue("put-get/boost"),
         "pipe": queue("put-get/pipe"),
         "CPython Queue": cpython("put-get")},
        (Target.time("Boost.Interprocess", 1.0),), halved=True),
    Row("queue-awake", "queue, round trip of 64 bytes, awake", "us",
        {"Procyon": queue("awake/procyon"),
         "bare SPSC ring": queue("awake/ring"),
         "Boost.Interprocess": queue("awake/boost"),
         "pipe": queue("awake/pipe"),
         "CPython Queue": cpython("round-trip/Queue"),
         "CPython SimpleQueue": cpython("round-trip/SimpleQueue")},
        (Target.time("bare SPSC ring", 1.1),), halved=True),
    Row("queue-asleep", "queue, round trip of 64 bytes, asleep", "us",
        {"Procyon": queue("asleep/procyon"),
         "futex": queue("asleep/futex"),
         "Boost.Interprocess": queue("asleep/boost"),
         "pipe": queue("asleep/pipe")},
        (Target.time("futex", 1.2),), halved=True),
    *wake_rows(),
    *stream_rows(),
    *trip_rows(),
    *pool_rows(),
    *manager_rows(),
]
