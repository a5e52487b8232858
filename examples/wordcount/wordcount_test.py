#!/usr/bin/env python3
"""Runs wordcount on a small tree of which everything is known: wordcount_test.py PROGRAM CASE"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

PROGRAM = os.path.abspath(sys.argv[1])
__file__ = os.path.abspath(__file__)
POISONS = ["crash", "leave", "hang", "throw"]
FILES = 400


def poison_of(path):
    """As count_file_or_poison() chooses: none, or what the file does."""
    value = 14695981039346656037
    for byte in path.encode():
        value = (value ^ byte) * 1099511628211 % 2**64
    return POISONS[value // 100 % 4] if value % 100 == 0 else None


def path_with(poison):
    """A file name that is poisoned so, as there need not be one of each among a few hundred."""
    return next(path for i in range(10**6) if poison_of(path := f"tree/{poison}-{i}.txt") == poison)


def make_tree():
    """{path: content}, written to ./tree: text, an empty file, one without a last newline, two binary ones."""
    files = {f"tree/{i % 7}/file-{i}.txt": f"common word_{i % 13} and x{i}\n" * (i % 50 + 1) for i in range(FILES)}
    files["tree/empty"] = ""
    files["tree/case"] = "Word word WORD\tw0rd,wo-rd; na\u00efve"
    files["tree/binary"] = "word \0 word"
    files["tree/a/b/c/d/binary"] = "\0" * 100_000
    files["tree/large"] = "many words in one file\n" * 50_000
    files |= {path_with(poison): "poisoned\n" for poison in POISONS}
    for path, content in files.items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(content)
    os.symlink("large", "tree/link")  # not followed
    return files


def run(*arguments):
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=100)
    return done.returncode, done.stdout, done.stderr


def check(holds, what, *output):
    if not holds:
        sys.exit("\n".join([f"wrong: {what}", *map(str, output)]))


def check_counts(files, *options, poisoned=()):
    """The output, once every count in it has been found right."""
    status, output, errors = run("tree", "--top", "1000000", *options)
    check(status == 0, "the exit status", status, output, errors)
    text = [content for path, content in files.items() if path not in poisoned and "\0" not in content[:4096]]
    words = Counter(word for content in text for word in re.findall(r"[A-Za-z0-9_]+", content))
    printed = re.findall(r"^ *([\d,]+)  (\w+)$", output, re.MULTILINE)
    expected = sorted(((word, count) for word, count in words.items()), key=lambda pair: (-pair[1], pair[0]))
    check([(word, int(count.replace(",", ""))) for count, word in printed] == expected, "the words", output, errors)
    summary = f"{sum(words.values()):,} words, {len(words):,} different, in {len(text)} files; 2 binary files skipped\n"
    check(summary in output, f"no {summary!r}", output)
    return output, errors


def plain(files):
    output, errors = check_counts(files)
    check("Both counted the same words." in output, "the comparison with one process", output)
    check(re.search(r"^speed-up +[\d.]+x$", output, re.MULTILINE), "the speed-up", output)
    check("could not be counted" not in output, "files that could not be counted", output)
    check(errors == "", "something on standard error", errors)


def many_processes(files):
    check_counts(files, "--processes", "9", "--no-baseline")


def poison(files):
    bad = {path: poison_of(path) for path in files if poison_of(path)}
    check(set(bad.values()) == set(POISONS), "the test's own tree has not one of each poison")
    output, _ = check_counts(files, "--poison", "--timeout", "1", poisoned=bad)
    table = dict(re.findall(r"^  (tree/\S+) +(.*)$", output, re.MULTILINE))
    check(set(table) == set(bad), "the files in the table", output, bad)
    expected = {
        "crash": r"\S*WorkerLost: .*SIGSEGV.*",
        "leave": r"\S*WorkerLost: .*\b3\b.*",
        "hang": r"\S*TimeoutError: .*",
        "throw": r"std::runtime_error: poison",
    }
    for path, what in bad.items():
        check(re.fullmatch(expected[what], table[path]), f"what became of {path}, which should {what}", table[path])
    check(f"{len(bad)} files could not be counted:" in output, "the number of bad files", output)
    check("Both counted the same words in the files that could be counted." in output, "the comparison", output)


def timeline(files):
    """The trace names every file once, and the picture made of it has a bar for every chunk and a mark for every death."""
    bad = {path: poison_of(path) for path in files if poison_of(path)}
    output, _ = check_counts(files, "--poison", "--timeout", "0.5", "--trace", "trace.json", poisoned=bad)
    with open("trace.json") as file:
        events = json.load(file)["traceEvents"]
    chunks = [event for event in events if event["ph"] == "X"]
    check(sum(event["args"]["items"] for event in chunks) == len(files), "the files in the trace", chunks)
    deaths = [event for event in events if event["ph"] == "i"]
    killers = sum(what != "throw" for what in bad.values())
    check(len(deaths) == killers, "a death for each file that takes its process down", deaths, bad)
    check(re.search(rf"^total +{len(files)} ", output, re.MULTILINE), "the table of workers", output)
    script = Path(__file__).parent / "timeline.py"
    subprocess.run([sys.executable, script, "trace.json", "timeline.svg"], check=True)
    picture = ElementTree.parse("timeline.svg").getroot()
    marks = Counter(element.get("class") for element in picture.iter())
    check(marks["task"] + marks["lost"] == len(chunks), "the bars", marks)
    check(marks["death"] == killers, "the marks of deaths", marks)


def retries(files):
    """A file that takes its process down is tried again, and the table says how often; no other file is counted twice."""
    bad = {path: poison_of(path) for path in files if poison_of(path)}
    output, _ = check_counts(files, "--poison", "--timeout", "1", "--retries", "2", poisoned=bad)
    table = dict(re.findall(r"^  (tree/\S+) +(.*)$", output, re.MULTILINE))
    for path, what in bad.items():
        check(("(run 3 times)" in table[path]) == (what in ("crash", "leave")), f"how often {path} was tried", table[path])


def options(_):
    check(run("--help")[0] == 0, "--help")
    check(run("--top", "many")[0] == 2, "a number that is none")
    check(run("--retries", "-1")[0] == 2, "fewer than no retries")
    check(run("tree", "tree")[0] == 2, "two directories")
    status, _, errors = run("not/there")
    check(status == 1 and "not/there" in errors, "a directory that is not there", status, errors)
    status, output, _ = run("tree/a/b", "--top", "3")
    check(status == 0 and "0 words, 0 different, in 0 files; 1 binary files skipped" in output, "no words at all", output)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        {"plain": plain, "poison": poison, "many_processes": many_processes, "timeline": timeline, "retries": retries, "options": options}[sys.argv[2]](make_tree())
