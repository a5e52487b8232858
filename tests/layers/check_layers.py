#!/usr/bin/env python3
"""Checks that a layer includes only layers that stand earlier in the list.

    tests/layers/check_layers.py [ROOT]

A layer is src/<layer> and include/procyon/detail/<layer>. A public header, include/procyon/*.hpp, belongs to no
layer: it stands as high as the highest thing that it includes. Examples include public headers only. Prints one sentence for each breach; exits with 1 if
there is any.
"""

import re
import sys
from pathlib import Path

LAYERS = ["os", "arena", "sync", "wire", "channel", "process", "pool", "manager"]

INCLUDE = re.compile(r'^\s*#\s*include\s*["<]([^">]+)[">]', re.MULTILINE)


def layer_of(path: str) -> str | None:
    """The layer that a path relative to the root, or an included name, belongs to by where it lies."""
    for prefix in ("src/", "include/procyon/detail/", "procyon/detail/", ""):
        if path.startswith(prefix):
            layer, slash, _ = path[len(prefix):].partition("/")
            return layer if slash and layer in LAYERS else None
    return None


class Sources:
    def __init__(self, root: Path):
        self.includes = {}
        for top in ("src", "include/procyon", "examples"):
            for file in sorted((root / top).rglob("*.[ch]pp")):
                self.includes[str(file.relative_to(root))] = INCLUDE.findall(file.read_text())

    def height(self, included: str, visiting: frozenset[str] = frozenset()) -> int:
        """How high in the list an included name stands; -1 for what is not ours."""
        layer = layer_of(included)
        if layer:
            return LAYERS.index(layer)
        public = "include/" + included
        if public not in self.includes or public in visiting:
            return -1
        return max((self.height(name, visiting | {public}) for name in self.includes[public]), default=-1)

    def breaches(self) -> list[str]:
        found = []
        for file, names in self.includes.items():
            if file.startswith("examples/"):
                found += [f'{file}: includes "{name}", which is internal; an example uses public headers only.'
                          for name in names if layer_of(name)]
                continue
            layer = layer_of(file)
            if not layer:
                continue
            for name in names:
                height = self.height(name)
                if height > LAYERS.index(layer):
                    found.append(f'{file}: includes "{name}", which needs the layer {LAYERS[height]}; '
                                 f"{layer} stands before it.")
        return found


def main() -> int:
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[2])
    sources = Sources(root)
    breaches = sources.breaches()
    print("\n".join(breaches) or f"layers: {len(sources.includes)} files include only what stands earlier")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
