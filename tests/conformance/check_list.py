#!/usr/bin/env python3
"""Whether each test that README.md names is there."""

import re
import sys
from pathlib import Path

here = Path(__file__).resolve().parent
root = here.parent.parent
definition = re.compile(r"^\s*TEST(?:_F|_P)?\((\w+),\s*(\w+)\)", re.MULTILINE)
defined = set()
for directory in ("src", "tests"):
    for source in (root / directory).rglob("*_test.cpp"):
        defined |= {f"{suite}.{test}" for suite, test in definition.findall(source.read_text())}
named = set(re.findall(r"`(\w+\.\w+)`", (here / "README.md").read_text())) - {"Suite.Test", "check_list.py"}
missing = sorted(named - defined)
for name in missing:
    print(f"README.md names {name}, which is not there", file=sys.stderr)
print(f"{len(named)} tests are named")
sys.exit(bool(missing) or not named)
