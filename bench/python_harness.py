"""What the Python contenders need: a stopwatch, and a main that runs one of them by name.

As harness.hpp: prints one line of JSON with the operations, the wall seconds they took, and the CPU seconds spent outside
of them.
"""

import json
import resource
import sys
import time

cpu_outside = 0.0  # of the set-up, and of what comes after the work
busy_seconds = 0.0  # during which CPU seconds are counted
p99 = 0.0  # seconds, of single operations


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
        cpu_outside -= time.process_time()  # run_contender() adds what it is then
        return operations, busy_seconds


def note_p99(times):
    global p99
    p99 = sorted(times)[len(times) * 99 // 100]


def run_contender(contenders):
    if len(sys.argv) != 2 or sys.argv[1] not in contenders:
        sys.exit(f"usage: {sys.argv[0]} CONTENDER, one of: " + " ".join(contenders))
    operations, seconds = contenders[sys.argv[1]]()
    print(json.dumps({"operations": operations, "seconds": seconds, "busy_seconds": busy_seconds,
                      "cpu_outside": cpu_outside + time.process_time(), "p99": p99}))
