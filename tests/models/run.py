#!/usr/bin/env python3
"""Verifies the models with spin: run.py [MODEL...]

Each model is verified within several bounds, in which nothing may be found, and then with each of its mutations (one essential
step removed), in which something must be found: so the model can fail. Ends with 77 where there is no spin.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
SKIPPED = 77
SECONDS = 300  # for one verification
MEGABYTES = 4000

# model: what the verifier is told; bounds within which all is well; mutation -> the bounds that are enough to find it
OWNER_ALIVE = "DEATHS=0"
MODELS = {
    "owner_word": ([], [OWNER_ALIVE, "DEATHS=2 ROUNDS=1"],
                   {1: OWNER_ALIVE, 2: OWNER_ALIVE, 3: "DEATHS=1 ROUNDS=1", 4: OWNER_ALIVE, 5: "DEATHS=1 ROUNDS=1",
                    6: OWNER_ALIVE}),
    "bias_revocation": ([], ["DEATHS=0 TIMED=true", "DEATHS=1 TIMED=false THIRD_ROUNDS=0", "DEATHS=1 TIMED=true THIRD_ROUNDS=1"],
                    {1: "DEATHS=0 TIMED=true", 2: "DEATHS=0 TIMED=true", 3: "DEATHS=0 TIMED=true", 4: "DEATHS=1 TIMED=true",
                     5: "DEATHS=0 TIMED=true"}),
    "doorbell": ([], ["", "WATCH", "WATCH EDGE"], {1: "", 2: "", 3: "", 4: "", 5: "WATCH EDGE", 6: "WATCH"}),
    "sleep": ([], ["MESSAGES=2", "BATCH=1"], {number: "MESSAGES=2" for number in range(1, 7)}),
    "condition": (["-E"], ["DEATHS=0 TIMED=true", "DEATHS=2 TIMED=false", "DEATHS=2 TIMED=true"],
                  {number: "DEATHS=1 TIMED=true" for number in range(1, 5)}),
    "event": (["-E"], ["DEATHS=0 TIMED=false SECOND_SETS=1", "DEATHS=1 TIMED=true SECOND_SETS=0", "DEATHS=2 TIMED=false SECOND_SETS=0"],
              {number: "DEATHS=0 TIMED=false SECOND_SETS=1" for number in range(1, 8)}),
    "semaphore": (["-E"], ["DEATHS=0 ROUNDS=2 TAKES=false", "DEATHS=1 ROUNDS=1 TAKES=true", "DEATHS=2 ROUNDS=1 TAKES=false",
                           "DEATHS=1 ROUNDS=2 TAKES=true FIRST=2"],
                  {number: "DEATHS=0 ROUNDS=2 TAKES=false" for number in range(2, 6)} |
                  {number: "DEATHS=1 ROUNDS=1 TAKES=false" for number in (1, 6)} | {7: "DEATHS=0 ROUNDS=1 TAKES=true"}),
    "barrier": (["-E"], ["DEATHS=0 TIMED=false OTHER=true ROUNDS=2", "DEATHS=0 TIMED=true OTHER=false ROUNDS=1",
                         "DEATHS=1 TIMED=true OTHER=true ROUNDS=1", "DEATHS=2 TIMED=false OTHER=true ROUNDS=1"],
                {number: "DEATHS=0 TIMED=true OTHER=true ROUNDS=1" for number in (1, 2, 3, 5, 6, 7, 8)} |
                {4: "DEATHS=1 TIMED=false OTHER=true ROUNDS=1"}),
    "queue": ([], ["DEATHS=2 FIRST_PUTS=2 SECOND_PUTS=1 CONSUMERS=1", "DEATHS=2 FIRST_PUTS=2 SECOND_PUTS=0 CONSUMERS=2",
                   "DEATHS=1 FIRST_PUTS=2 SECOND_PUTS=2 CONSUMERS=1", "DEATHS=1 FIRST_PUTS=1 SECOND_PUTS=1 CONSUMERS=2",
                   "DEATHS=1 FIRST_PUTS=2 SECOND_PUTS=2 CONSUMERS=1 RING=2"],
              {number: "DEATHS=2 FIRST_PUTS=2 SECOND_PUTS=1 CONSUMERS=1" for number in (1, 3, 5, 7, 9)} |
              {number: "DEATHS=0 FIRST_PUTS=2 SECOND_PUTS=1 CONSUMERS=1" for number in (2, 4, 6)} |
              {8: "DEATHS=1 FIRST_PUTS=2 SECOND_PUTS=2 CONSUMERS=1"}),
}


def verify(model, definitions, flags):
    """The verifier's report: (what it found or None, states, seconds)."""
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        for file in HERE.glob("*.pml"):
            shutil.copy(file, directory)
        defines = ["-D" + each for each in definitions.split()]
        for command in (["spin", *defines, "-a", model + ".pml"],
                        ["cc", "-O2", "-DSAFETY", "-DCOLLAPSE", f"-DMEMLIM={MEGABYTES}", "-o", "pan", "pan.c"]):
            done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                sys.exit(f"{model} ({definitions}): {' '.join(command)}:\n{done.stdout}{done.stderr}")
        report = subprocess.run(["./pan", *flags, "-m200000", "-n"], cwd=directory, capture_output=True, text=True,
                                timeout=SECONDS, check=False).stdout
    lines = report.splitlines()
    if any("max search depth too small" in line or "out of memory" in line or "memory limit" in line for line in lines):
        sys.exit(f"{model} ({definitions}): the search was not complete:\n{report}")
    errors = next((line for line in lines if "errors:" in line), None)
    if errors is None:
        sys.exit(f"{model} ({definitions}): the verifier says nothing:\n{report}")
    found = next((line for line in lines if line.startswith("pan:1:")), "an error") if "errors: 0" not in errors else None
    states = next((line.split()[0] for line in lines if line.strip().endswith("states, stored")), "?")
    return found, states, time.monotonic() - begin


def run(model):
    flags, bounds, mutations = MODELS[model]
    well = True
    for definitions in bounds:
        found, states, seconds = verify(model, definitions, flags)
        print(f"{model} ({definitions}): {found or 'nothing found'}; {states} states, {seconds:.1f} s", flush=True)
        well = well and found is None
    for number, definitions in mutations.items():
        found, _, seconds = verify(model, f"{definitions} MUTATION={number}", flags)
        print(f"{model}, mutation {number}: {found or 'NOT FOUND'}; {seconds:.1f} s", flush=True)
        well = well and found is not None
    return well


def main():
    if shutil.which("spin") is None or shutil.which("cc") is None:
        print("The models are not verified: this needs spin and cc (Debian: apt-get install spin gcc).")
        sys.exit(SKIPPED)
    models = sys.argv[1:] or MODELS
    sys.exit(0 if all([run(model) for model in models]) else 1)


if __name__ == "__main__":
    main()
