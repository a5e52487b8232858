#!/usr/bin/env python3
"""Checks that no wait of the library reads a clock that can be set: a changed wall clock must change no deadline.

    tests/layers/check_clocks.py [ROOT]

What waits takes an os::Deadline, which is on CLOCK_MONOTONIC. Values of the wall clock may cross (the codec has them),
so the codec's own files are left out. A condition variable that nobody waits for with a time follows no clock. Prints one sentence for each breach; exits with 1 if there is any.
"""

import re
import sys
from pathlib import Path

FORBIDDEN = re.compile(
    r"system_clock|CLOCK_REALTIME|\bgettimeofday\b|\bsem_timedwait\b|\bpthread_\w*timed\w*|"
    r"\btimed_mutex \w+_?;|\bstd::time\(|::time\(")
CONDITION_VARIABLE = re.compile(r"\bcondition_variable\w* (\w+);")


def is_forbidden(code: str, text: str) -> re.Match | None:
    if match := CONDITION_VARIABLE.search(code):
        return match if re.search(rf"\b{match.group(1)}\.wait_(for|until)\(", text) else None
    return FORBIDDEN.search(code)


def breaches(root: Path) -> list[str]:
    found = []
    for top in ("src", "include/procyon"):
        for file in sorted((root / top).rglob("*.[ch]pp")):
            name = str(file.relative_to(root))
            if name.endswith("_test.cpp") or "wire/" in name:
                continue
            text = file.read_text()
            for number, line in enumerate(text.splitlines(), 1):
                if match := is_forbidden(line.split("//")[0], text):
                    found.append(f"{name}:{number}: {match.group().strip()} follows the wall clock, which may be set "
                                 "while somebody waits; use os::Deadline.")
    return found


def main() -> int:
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parents[2])
    found = breaches(root)
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
