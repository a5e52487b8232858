#!/usr/bin/env python3
"""Runs a program and compares what it prints: check_output.py [--unordered] EXPECTED PROGRAM [ARGUMENT...]

Each line of the file EXPECTED is a regular expression for one line of standard output. Standard error must stay empty,
and the program must end with 0.
"""

import re
import subprocess
import sys

SECONDS = 50  # less than the test's own limit, so that what was printed until then is shown


def matches(printed, expected, unordered):
    if len(printed) != len(expected):
        return False
    if not unordered:
        return all(re.fullmatch(pattern, line) for pattern, line in zip(expected, printed))
    left = list(printed)
    for pattern in expected:
        found = next((line for line in left if re.fullmatch(pattern, line)), None)
        if found is None:
            return False
        left.remove(found)
    return True


def main():
    arguments = sys.argv[1:]
    unordered = arguments[0] == "--unordered"
    path, *command = arguments[unordered:]
    with open(path) as file:
        expected = file.read().splitlines()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired as late:
        sys.exit(f"still running after {SECONDS} s; it printed:\n{late.stdout}\nand on standard error:\n{late.stderr}")
    printed = done.stdout.splitlines()
    if done.returncode != 0 or done.stderr or not matches(printed, expected, unordered):
        order = " (in any order)" if unordered else ""
        sys.exit(f"ended with {done.returncode} and printed:\n{done.stdout}\nexpected{order}:\n" + "\n".join(expected) +
                 f"\n\non standard error, where nothing should be:\n{done.stderr}")


if __name__ == "__main__":
    main()
