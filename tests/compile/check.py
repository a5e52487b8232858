#!/usr/bin/env python3
"""Compiles one program and looks at what the compiler says.

usage: check.py <source> <include directory> <build directory> <compiler> [<compiler> ...]
       check.py --prepare <include directory> <build directory> <compiler> [<compiler> ...]

--prepare compiles the headers once, for all programs: nine tenths of the time goes into the standard library.

A program that begins with lines `// expect: <sentence>` must not compile, and every sentence must be in the compiler's
output (line breaks and the compiler's own quoting aside). Any other program must compile without a warning.
"""
import os
import re
import subprocess
import sys

OPTIONS = ["-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
# A message is of no use if it is buried; the sentence must stand among the first lines.
LINES_TO_READ = 60


HEADERS = "#include \"procyon/detail/wire/call.hpp\"\n#include \"procyon/partial.hpp\"\n"


def precompiled_header(compiler, build):
    """The header to include, its precompiled form, and the options that make a compiler use it."""
    directory = os.path.join(build, os.path.basename(compiler))
    header = os.path.join(directory, "headers.hpp")
    compiled = header + (".pch" if "clang" in os.path.basename(compiler) else ".gch")
    use = ["-include-pch", compiled] if compiled.endswith(".pch") else ["-include", header]
    return header, compiled, use if os.path.exists(compiled) else []


def prepare(include, build, compilers):
    for compiler in compilers:
        header, compiled, _ = precompiled_header(compiler, build)
        os.makedirs(os.path.dirname(header), exist_ok=True)
        with open(header, "w", encoding="utf-8") as file:
            file.write(HEADERS)
        options = [option for option in OPTIONS if option != "-fsyntax-only"]
        subprocess.run([compiler, *options, f"-I{include}", "-x", "c++-header", header, "-o", compiled], check=True)


def expected_sentences(source):
    sentences = []
    with open(source, encoding="utf-8") as file:
        for line in file:
            match = re.match(r"// expect: (.*)", line)
            if not match:
                break
            sentences.append(match.group(1).strip())
    return sentences


def plain(text):
    return re.sub(r"[\"\s]+", " ", text)


def check(compiler, source, include, build):
    sentences = expected_sentences(source)
    use = precompiled_header(compiler, build)[2]
    command = [compiler, *OPTIONS, *use, f"-I{include}", source]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    output = run.stderr + run.stdout
    if not sentences:
        return [] if run.returncode == 0 else [f"{compiler}: does not compile:\n{output}"]
    if run.returncode == 0:
        return [f"{compiler}: compiles, although it should be refused with: {sentences[0]}"]
    beginning = plain("\n".join(output.splitlines()[:LINES_TO_READ]))
    missing = [sentence for sentence in sentences if plain(sentence) not in beginning]
    return [f"{compiler}: does not say: {sentence}\n{output}" for sentence in missing]


def main():
    source, include, build, *compilers = sys.argv[1:]
    if source == "--prepare":
        prepare(include, build, compilers)
        return 0
    problems = [problem for compiler in compilers for problem in check(compiler, source, include, build)]
    print("\n".join(problems) if problems else "as expected")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
