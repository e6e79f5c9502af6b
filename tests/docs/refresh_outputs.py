"""Put what the commands print today into the quotations of the tutorial and the guides.

    python -m tests.docs.refresh_outputs docs/tutorial/index.md

A quoted line that is no longer printed is replaced by the printed line most like it, and both are shown; a line
without a likeness is left for a person. Numbers in the text around are the author's: `test_tutorial.py` names them.
"""

from __future__ import annotations

import re
import sys
import tempfile
from difflib import get_close_matches
from pathlib import Path

from tests.docs.blocks import Session

__all__ = ["main"]


def main(paths: list[str]) -> None:
    """Refresh the pages named."""
    for name in paths:
        page = Path(name)
        text = page.read_text(encoding="utf-8")
        with tempfile.TemporaryDirectory() as scratch:
            for block, said in Session(Path(scratch)).page(page):
                text = text.replace(block.text, _fresh(block.text, said, f"{name}:{block.line}"))
        page.write_text(text, encoding="utf-8", newline="\n")


def _fresh(quoted: str, said: str, where: str) -> str:
    printed = [line.rstrip() for line in said.splitlines()]
    lines, at = [], 0
    for line in quoted.splitlines():
        words = " ".join(line.split())
        if words and words != "...":
            rest = printed[at:]
            same = next((i for i, other in enumerate(rest) if " ".join(other.split()) == words), None)
            if same is None:
                near = _nearest(line, rest)
                print(f"{where}\n  - {line}\n  + {near or '(nothing like it is printed)'}")
                same, line = (rest.index(near), near) if near else (-1, line)
            at += same + 1
        lines.append(line)
    return "\n".join(lines) + "\n"


def _nearest(line: str, printed: list[str]) -> str | None:
    """The first line that differs in its numbers only, else the one most like it."""
    text = re.sub(r"[\d.]+", "0", line).split()
    first = next((other for other in printed if re.sub(r"[\d.]+", "0", other).split() == text), None)
    return first or next(iter(get_close_matches(line, printed, n=1, cutoff=0.5)), None)


if __name__ == "__main__":
    main(sys.argv[1:])
