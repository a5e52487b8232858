#!/usr/bin/env python3
"""Runs a program and compares what it prints: check_output.py [--unordered | --whole] EXPECTED PROGRAM [ARGUMENT...]

Each line of the file EXPECTED is a regular expression for one line of standard output; with --whole the file is one
regular expression for all of it. Standard error must stay empty,
and the program must end with 0.
"""

import re
import subprocess
import sys

SECONDS = 50  # less than the test's own limit, so that what was printed until then is shown


def matches(printed, expected, option):
    if option == "--whole":
        return re.fullmatch("\n".join(expected), "".join(line + "\n" for line in printed)) is not None
    if len(printed) != len(expected):
        return False
    if option != "--unordered":
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
    option = arguments.pop(0) if arguments[0].startswith("--") else ""
    path, *command = arguments
    with open(path) as file:
        expected = file.read().splitlines()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired as late:
        sys.exit(f"still running after {SECONDS} s; it printed:\n{late.stdout}\nand on standard error:\n{late.stderr}")
    printed = done.stdout.splitlines()
    if done.returncode != 0 or done.stderr or not matches(printed, expected, option):
        order = " (in any order)" if option == "--unordered" else ""
        sys.exit(f"ended with {done.returncode} and printed:\n{done.stdout}\nexpected{order}:\n" + "\n".join(expected) +
                 f"\n\non standard error, where nothing should be:\n{done.stderr}")


if __name__ == "__main__":
    main()
