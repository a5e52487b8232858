#!/usr/bin/env python3
"""Runs a program of the documentation and compares what it prints: run.py PROGRAM EXPECTED

EXPECTED need not exist: then the program must only end well. Both outputs are meant; see README.md for what may differ.
"""

import os
import re
import subprocess
import sys

SECONDS = 50  # less than the test's own limit, so that what was printed until then is shown


def pattern(text):
    """A regular expression for what a page says that a program prints."""
    result = re.escape(text).replace(r"\.\.\.", ".*")
    return re.sub(r"\b(pid|parent)(=|\\ )\d+", r"\1\2\\d+", result)


def main():
    program, expected_file = sys.argv[1:]
    done = subprocess.run([program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=SECONDS,
                          check=False)
    if done.returncode != 0:
        sys.exit(f"ended with {done.returncode} and printed:\n{done.stdout}")
    if not os.path.exists(expected_file):
        return
    with open(expected_file, encoding="utf-8") as file:
        expected = file.read()
    if not re.fullmatch(pattern(expected), done.stdout):
        sys.exit(f"printed:\n{done.stdout}\nwhere the page says:\n{expected}")


if __name__ == "__main__":
    main()
