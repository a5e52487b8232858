#!/usr/bin/env python3
"""Lets chat talk to itself and to chat.py: chat_test.py PROGRAM CASE"""

import os
import subprocess
import sys
import tempfile

PROGRAM = os.path.abspath(sys.argv[1])
PYTHON = os.path.join(os.path.dirname(os.path.abspath(__file__)), "chat.py")


def check(holds, what):
    if not holds:
        sys.exit(f"wrong: {what}")


class Side:
    def __init__(self, *command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, encoding="utf-8",
                                        env=dict(os.environ, PYTHONIOENCODING="utf-8"))

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def hear(self):
        return self.process.stdout.readline().rstrip("\n")

    def leave(self):
        self.process.stdin.close()
        return self.process.wait(timeout=60)


def listening(python, key):
    """A side that listens, and the address that it says."""
    side = Side(sys.executable, PYTHON, "listen", "127.0.0.1", "0", key) if python else \
        Side(PROGRAM, "listen", "tcp://127.0.0.1:0", key)
    said = side.hear()
    check(said.startswith("listening at tcp://127.0.0.1:"), said)
    return side, said.removeprefix("listening at ")


def connecting(python, address, key):
    if python:
        return Side(sys.executable, PYTHON, "connect", "127.0.0.1", address.rpartition(":")[2], key)
    return Side(PROGRAM, "connect", address, key)


def converse(one, other):
    for speaker, listener in ((one, other), (other, one)):
        for line in ("hello", "", "grüße, and a longer line " * 50):
            speaker.say(line)
            heard = listener.hear()
            check(heard == line, f"heard {heard!r} instead of {line!r}")
    check(one.leave() == 0, "the end of the side that leaves")
    check(other.hear() == "(the other side has gone)", "the other side was not told")
    check(other.process.wait(timeout=60) == 0, "the end of the other side")


def between(listener_is_python, client_is_python):
    def case(key, _):
        one, address = listening(listener_is_python, key)
        converse(one, connecting(client_is_python, address, key))
    return case


def wrong_key(key, other_key):
    one, address = listening(False, key)
    stranger = connecting(False, address, other_key)
    check(stranger.process.wait(timeout=60) == 1, "a stranger was let in")
    check("our key is not its own" in stranger.process.stderr.read(), "the stranger was not told why")
    check("it does not have the key" in one.process.stderr.readline(), "the listener was not told why")
    converse(one, connecting(True, address, key))


CASES = {"between_themselves": between(False, False), "python_connects": between(False, True),
         "python_listens": between(True, False), "wrong_key": wrong_key}

with tempfile.TemporaryDirectory() as directory:
    keys = [os.path.join(directory, name) for name in ("key", "another")]
    for path in keys:
        with open(path, "w") as file:
            file.write(f"the secret in {os.path.basename(path)}\n")
    CASES[sys.argv[2]](*keys)
