#!/usr/bin/env python3
"""Runs the three programs: remote_queue_test.py SERVER PRODUCER WORKER CASE"""

import subprocess
import sys

SERVER, PRODUCER, WORKER = sys.argv[1:4]
NUMBERS = [12, 97, 360, 1001, 2**31 - 1]
EXPECTED = ["12 = 2 * 2 * 3", "97 = 97", "360 = 2 * 2 * 2 * 3 * 3 * 5", "1001 = 7 * 11 * 13", "2147483647 = 2147483647"]


def start(*command):
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def check(holds, what, *output):
    if not holds:
        sys.exit("\n".join([f"wrong: {what}", *map(str, output)]))


def run(workers):
    """The lines that the producer prints; `workers(address)` starts the workers and returns them."""
    server = start(SERVER)
    address = server.stdout.readline().strip()
    check(address.startswith("tcp://127.0.0.1:"), "the address", address)
    started = workers(address)
    done = subprocess.run([PRODUCER, address, *map(str, NUMBERS)], capture_output=True, text=True, timeout=100)
    check(done.returncode == 0, "the producer's end", done.stdout, done.stderr)
    server.stdin.close()
    check(server.wait(20) == 0, "the server's end")
    for worker in started:
        check(worker.wait(20) == 0, "a worker's end with its server")
    return done.stdout.splitlines()


def factors():
    lines = run(lambda address: [start(WORKER, address) for _ in range(2)])
    check(lines == EXPECTED, "the factors", lines)


def killed_worker():
    """A worker that is killed costs nothing but time, whatever it was doing."""

    def workers(address):
        victims = [start(WORKER, address) for _ in range(3)]
        for victim in victims:
            victim.kill()
            victim.wait()
        return [start(WORKER, address)]

    lines = run(workers)
    check(lines == EXPECTED, "the factors", lines)


{"factors": factors, "killed_worker": killed_worker}[sys.argv[4]]()
