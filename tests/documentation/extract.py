#!/usr/bin/env python3
"""Takes the programs out of pages of documentation: extract.py DIRECTORY PAGE...

Writes DIRECTORY/<page>_<number>.cpp, and .expected if a text block follows; prints their names, one in a line. A file that
has not changed is not written, so that it is not compiled again.
"""

import os
import re
import sys

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def write(path, text):
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            if file.read() == text:
                return
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def programs(page):
    """The programs of a page, each with what it prints, or None where the page does not say."""
    with open(page, encoding="utf-8") as file:
        blocks = list(BLOCK.finditer(file.read()))
    for index, block in enumerate(blocks):
        if block[1] != "cpp" or not re.search(r"\bint main\b", block[2]):
            continue
        following = blocks[index + 1] if index + 1 < len(blocks) else None
        yield block[2], following[2] if following is not None and following[1] == "text" else None


def main():
    directory, *pages = sys.argv[1:]
    os.makedirs(directory, exist_ok=True)
    for page in pages:
        stem = os.path.splitext(os.path.basename(page))[0].lower().replace("-", "_")
        for number, (source, expected) in enumerate(programs(page), 1):
            name = os.path.join(directory, f"{stem}_{number}")
            write(name + ".cpp", source)
            if expected is not None:
                write(name + ".expected", expected)
            elif os.path.exists(name + ".expected"):
                os.remove(name + ".expected")
            print(os.path.basename(name))


if __name__ == "__main__":
    main()
