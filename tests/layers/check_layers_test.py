#!/usr/bin/env python3
"""The checker itself: what it must find and what it must let pass."""

import tempfile
import unittest
from pathlib import Path

from check_layers import Sources


def breaches(files: dict[str, str]) -> list[str]:
    with tempfile.TemporaryDirectory() as directory:
        for name, text in files.items():
            path = Path(directory, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return Sources(Path(directory)).breaches()


class CheckLayers(unittest.TestCase):
    def test_earlier_and_own_layers_pass(self):
        self.assertEqual([], breaches({
            "src/arena/a.cpp": '#include "arena/a.hpp"\n#include "os/futex.hpp"\n#include <vector>\n',
            "include/procyon/detail/sync/s.hpp": '#include "procyon/detail/arena/a.hpp"\n',
        }))

    def test_a_later_layer_is_found(self):
        self.assertEqual(1, len(breaches({"src/os/f.cpp": '#include "pool/pool.hpp"\n'})))
        self.assertEqual(1, len(breaches({"src/os/f.cpp": '# include "procyon/detail/wire/codec.hpp"\n'})))
        self.assertEqual(1, len(breaches({"include/procyon/detail/os/f.hpp": '#include "arena/a.hpp"\n'})))

    def test_a_later_layer_behind_a_public_header_is_found(self):
        files = {
            "include/procyon/queue.hpp": '#include "procyon/detail/channel/ring.hpp"\n#include <procyon/all.hpp>\n',
            "include/procyon/all.hpp": "#include <procyon/queue.hpp>\n",
            "src/sync/l.cpp": '#include "procyon/all.hpp"\n',
            "src/pool/p.cpp": '#include "procyon/all.hpp"\n',
        }
        found = breaches(files)
        self.assertEqual(1, len(found))
        self.assertIn("src/sync/l.cpp", found[0])

    def test_an_internal_header_in_an_example_is_found(self):
        self.assertEqual(1, len(breaches({
            "examples/e.cpp": '#include <procyon/procyon.hpp>\n#include "procyon/detail/os/deadline.hpp"\n',
        })))


if __name__ == "__main__":
    unittest.main()
