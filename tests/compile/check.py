#!/usr/bin/env python3
"""Compiles one program and looks at what the compiler says.

usage: check.py <source> <include directory> <compiler> [<compiler> ...]

A program that begins with lines `// expect: <sentence>` must not compile, and every sentence must be in the compiler's
output (line breaks and the compiler's own quoting aside). Any other program must compile without a warning.
"""
import re
import subprocess
import sys

OPTIONS = ["-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
# A message is of no use if it is buried; the sentence must stand among the first lines.
LINES_TO_READ = 60


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


def check(compiler, source, include):
    sentences = expected_sentences(source)
    run = subprocess.run([compiler, *OPTIONS, f"-I{include}", source], capture_output=True, text=True, check=False)
    output = run.stderr + run.stdout
    if not sentences:
        return [] if run.returncode == 0 else [f"{compiler}: does not compile:\n{output}"]
    if run.returncode == 0:
        return [f"{compiler}: compiles, although it should be refused with: {sentences[0]}"]
    beginning = plain("\n".join(output.splitlines()[:LINES_TO_READ]))
    missing = [sentence for sentence in sentences if plain(sentence) not in beginning]
    return [f"{compiler}: does not say: {sentence}\n{output}" for sentence in missing]


def main():
    source, include, *compilers = sys.argv[1:]
    problems = [problem for compiler in compilers for problem in check(compiler, source, include)]
    print("\n".join(problems) if problems else "as expected")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
