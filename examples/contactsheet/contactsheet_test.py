#!/usr/bin/env python3
"""Runs contactsheet on the pictures of a Debian package, and on damaged ones: contactsheet_test.py PROGRAM CASE"""

import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

PROGRAM = os.path.abspath(sys.argv[1])
PICTURES = Path("/usr/share/doc/imagemagick-6-common/html/images")  # of imagemagick-6-doc


def check(holds, what, *output):
    if not holds:
        sys.exit("\n".join([f"wrong: {what}", *map(str, output)]))


def run(*arguments):
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=100)
    return done.returncode, done.stdout, done.stderr


def real_pictures():
    check(PICTURES.is_dir(), f"there are no pictures in {PICTURES}: install imagemagick-6-doc")
    return sorted(path for path in PICTURES.rglob("*") if path.suffix in (".png", ".jpg"))


def dimensions(png):
    check(png[:8] == b"\x89PNG\r\n\x1a\n", "the sheet is no PNG")
    return struct.unpack(">II", png[16:24])


def pictures():
    count = len(real_pictures())
    status, output, errors = run("--output", "sheet.png", "--side", "64", PICTURES)
    check(status == 0 and errors == "", "the end", output, errors)
    check(f"{count} pictures beneath" in output and f"\n{count} of them on sheet.png" in output, "the count", output)
    width, height = dimensions(Path("sheet.png").read_bytes())
    columns = next(n for n in range(1, 1000) if n * n >= count)
    check((width, height) == (columns * 70 + 6, -(-count // columns) * 70 + 6), "the size of the sheet", width, height)


def chunk(kind, content, length=None):
    size = len(content) if length is None else length
    return struct.pack(">I", size) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def corrupt():
    good = real_pictures()[:12]
    jpeg = next(path for path in real_pictures() if path.suffix == ".jpg").read_bytes()
    png = next(path for path in real_pictures() if path.suffix == ".png" and path.stat().st_size > 5000).read_bytes()
    os.mkdir("in")
    for path in good:
        shutil.copy(path, "in")
    head = png[:8] + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    bad = {
        "crash.png": (head + chunk(b"tEXt", b"Title", 0x7FFFFFF0), r"\S*WorkerLost: .*(SIGSEGV|SIGBUS).*"),
        "hang.jpg": (jpeg[:2] + b"\xff\xe5\0\0" + jpeg[2:], r"\S*TimeoutError: .*"),
        "cut.png": (png[: len(png) // 2], r"std::runtime_error: not a good PNG: .*"),
        "cut.jpg": (jpeg[: len(jpeg) // 2], r"std::runtime_error: (a damaged|not a good) JPEG: .*"),
        "text.png": (b"this is no picture", r"std::runtime_error: neither a JPEG nor a PNG"),
        "empty.jpg": (b"", r"std::runtime_error: neither a JPEG nor a PNG"),
    }
    for name, (content, _) in bad.items():
        Path("in", name).write_bytes(content)
    status, output, errors = run("--output", "sheet.png", "--timeout", "1", "--processes", "3", "in")
    check(status == 0, "the end", status, output, errors)
    table = dict(re.findall(r"^  in/(\S+)  (.*)$", output, re.MULTILINE))
    check(set(table) == set(bad), "the pictures in the table", output, errors)
    for name, (_, expected) in bad.items():
        check(re.fullmatch(expected, table[name]), f"what became of {name}", table[name])
    check(f"{len(good)} of them on sheet.png" in output, "the good ones", output)
    dimensions(Path("sheet.png").read_bytes())


def options():
    check(run("--help")[0] == 0, "--help")
    check(run("--side", "large")[0] == 2, "a number that is none")
    status, _, errors = run("not/there")
    check(status == 1 and "not/there" in errors, "a directory that is not there", status, errors)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        {"pictures": pictures, "corrupt": corrupt, "options": options}[sys.argv[2]]()
