#!/usr/bin/env python3
"""Draws a pool's trace: timeline.py TRACE.json PICTURE.svg

A row for each worker, a bar for each chunk of tasks (red: its process was lost in it), a mark for each death, and below
how many workers were busy.
"""

import json
import sys
from html import escape

WIDTH, LEFT, ROW, GAP, CHART = 1200, 90, 22, 6, 60


def read(path):
    with open(path) as file:
        events = json.load(file)["traceEvents"]
    rows = {event["tid"]: event["args"]["name"] for event in events if event["name"] == "thread_name"}
    return rows, [event for event in events if event["ph"] == "X"], [event for event in events if event["ph"] == "i"]


def busy_steps(bars):
    """[(time, how many are busy from then on)]"""
    changes = sorted([(bar["ts"], 1) for bar in bars] + [(bar["ts"] + bar["dur"], -1) for bar in bars])
    steps, busy = [(0, 0)], 0
    for time, change in changes:
        busy += change
        steps.append((time, busy))
    return steps


def label(microseconds):
    return f"{microseconds / 1e6:g} s" if microseconds >= 1e6 else f"{microseconds / 1e3:g} ms"


def tick_every(end):
    step = 10.0
    while end / step > 12:
        step *= 2 if str(step)[0] in "15" else 2.5
    return step


def draw(rows, bars, deaths):
    end = max([bar["ts"] + bar["dur"] for bar in bars] + [death["ts"] for death in deaths] + [1])
    x = lambda time: LEFT + time / end * (WIDTH - LEFT - 20)
    top = {tid: 30 + index * (ROW + GAP) for index, tid in enumerate(sorted(rows))}
    chart = 30 + len(rows) * (ROW + GAP) + 10
    svg = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{chart + CHART + 30}" font-family="sans-serif" font-size="12">',
           '<style>.task{fill:#4878a8}.task:nth-child(odd){fill:#6f9fcf}.lost{fill:#c0392b}.death{fill:none;stroke:#c0392b;stroke-width:2}'
           '.busy{fill:#cfe0f0;stroke:#4878a8}.grid{stroke:#ddd}</style>', f'<rect width="{WIDTH}" height="{chart + CHART + 30}" fill="white"/>']
    step = tick_every(end)
    for tick in range(int(end / step) + 1):
        at = x(tick * step)
        svg.append(f'<line class="grid" x1="{at:.1f}" x2="{at:.1f}" y1="20" y2="{chart + CHART}"/><text x="{at:.1f}" y="{chart + CHART + 18}" text-anchor="middle">{label(tick * step)}</text>')
    for tid, name in rows.items():
        svg.append(f'<text x="4" y="{top[tid] + 15}">{escape(name)}</text>')
    for bar in bars:
        kind = "lost" if bar["cat"] == "lost" else "task"
        svg.append(f'<rect class="{kind}" x="{x(bar["ts"]):.2f}" y="{top[bar["tid"]]}" width="{max(bar["dur"] / end * (WIDTH - LEFT - 20), 0.3):.2f}" height="{ROW}">'
                   f'<title>{escape(bar["name"])}: {label(bar["dur"])}</title></rect>')
    for death in deaths:
        at, y = x(death["ts"]), top[death["tid"]]
        svg.append(f'<path class="death" d="M{at - 4:.1f} {y - 3}l8 8m0 -8l-8 8"><title>{escape(death["name"])}</title></path>')
    path, scale = f"M{LEFT} {chart + CHART}", CHART / max(len(rows), 1)
    for time, busy in busy_steps(bars):
        path += f"H{x(time):.2f}V{chart + CHART - busy * scale:.1f}"
    svg.append(f'<path class="busy" d="{path}V{chart + CHART}Z"/><text x="4" y="{chart + CHART / 2}">busy</text></svg>')
    return "\n".join(svg) + "\n"


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    picture = draw(*read(sys.argv[1]))
    with open(sys.argv[2], "w") as file:
        file.write(picture)
