#!/usr/bin/python3
"""Draws results.json as results.svg: for each row how fast the others are, measured by Procyon's speed.

    bench/picture.py                 # reads and writes beside itself; run does the same after a whole run
"""

import json
import math
import sys
from pathlib import Path
from xml.sax.saxutils import escape

from rows import ROWS

LINE, LEFT, WIDTH, TOP = 24, 330, 720, 96
KINDS = (  # how a contender is drawn: the first whose word its name contains
    ("Procyon", "#0b6e4f", "Procyon"),
    ("CPython", "#c8553d", "CPython"),
    ("Boost", "#3066be", "Boost.Interprocess"),
    ("bare", "#8d99ae", "limit without any safety"),
    ("raw", "#8d99ae", ""),
    ("futex", "#8d99ae", ""),
    ("test-and-set", "#8d99ae", ""),
    ("fetch_add", "#8d99ae", ""),
    ("", "#e0a100", "others: pthread, pipe, socketpair, POSIX mq, TBB, posix_spawn"),
)


def colour(name):
    return next(colour for word, colour, _ in KINDS if word in name)


def drawn_rows(report):
    """[(title, {contender: speed relative to Procyon's})]"""
    drawn = []
    for row in ROWS:
        contenders = report["rows"].get(row.name, {}).get("contenders", {})
        ours = contenders.get(row.ours, {}).get("rate")
        if ours:
            drawn.append((row.title, {name: result["rate"] / ours for name, result in contenders.items() if "rate" in result}))
    return drawn


def axis(rows):
    """Whole powers of ten around everything that is drawn."""
    logs = [math.log10(speed) for _, contenders in rows for speed in contenders.values()]
    return math.floor(min(logs)), math.ceil(max(logs))


def legend():
    parts, x = [], LEFT
    for _, paint, text in KINDS:
        if text:
            parts.append(f'<circle cx="{x}" cy="54" r="5" fill="{paint}"/><text x="{x + 10}" y="58">{escape(text)}</text>')
            x += 34 + 6.4 * len(text)
    return parts


def write(report, path):
    rows = drawn_rows(report)
    if not rows:
        return
    low, high = axis(rows)
    bottom = TOP + LINE * len(rows)

    def place(speed):
        return LEFT + WIDTH * (math.log10(speed) - low) / (high - low)

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 30}" height="{bottom + 20}" '
             'font-family="sans-serif" font-size="12">',
             '<rect width="100%" height="100%" fill="white"/>',
             '<text x="16" y="26" font-size="17" font-weight="bold">Speed of the others, measured by Procyon\'s '
             '(to the right of 1: faster)</text>',
             f'<text x="16" y="58" fill="#555">{escape(report["date"])}, {escape(report["machine"].split(",")[0])}</text>']
    parts += legend()
    for power in range(low, high + 1):
        x = place(10.0**power)
        text = f"{10.0 ** power:,.5f}".rstrip("0").rstrip(".")
        parts.append(f'<line x1="{x}" y1="{TOP - 8}" x2="{x}" y2="{bottom}" stroke="{"#0b6e4f" if power == 0 else "#ddd"}"/>'
                     f'<text x="{x}" y="{TOP - 14}" text-anchor="middle" fill="#555">{text}</text>')
    for number, (title, contenders) in enumerate(rows):
        y = TOP + LINE * number + LINE / 2
        if number % 2 == 0:
            parts.append(f'<rect x="0" y="{y - LINE / 2}" width="{LEFT - 10}" height="{LINE}" fill="#f4f4f4"/>')
        parts.append(f'<text x="{LEFT - 16}" y="{y + 4}" text-anchor="end">{escape(title)}</text>')
        for name, speed in contenders.items():
            parts.append(f'<circle cx="{place(speed):.1f}" cy="{y}" r="5" fill="{colour(name)}" fill-opacity="0.85">'
                         f'<title>{escape(f"{name}: {speed:.3g}")}</title></circle>')
    path.write_text("\n".join(parts + ["</svg>"]) + "\n")


if __name__ == "__main__":
    here = Path(__file__).resolve().parent
    sys.exit(write(json.loads((here / "results.json").read_text()), here / "results.svg"))
