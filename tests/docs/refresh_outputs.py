"""Put what the commands print today into the quotations of the tutorial and the guides.

    python -m tests.docs.refresh_outputs docs/tutorial/index.md

A quoted line that is no longer printed is replaced by the printed line most like it, and both are shown; a line
without a likeness is left for a person. Numbers in the text around are the author's: `test_tutorial.py` names them.
"""

from __future__ import annotations

import sys
import tempfile
from difflib import get_close_matches
from pathlib import Path

from tests.docs.blocks import Session, missing_lines

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
    stale = set(missing_lines(quoted, said))
    lines = []
    for line in quoted.splitlines():
        if " ".join(line.split()) in stale:
            near = get_close_matches(line, printed, n=1, cutoff=0.5)
            print(f"{where}\n  - {line}\n  + {near[0] if near else '(nothing like it is printed)'}")
            line = near[0] if near else line
        lines.append(line)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main(sys.argv[1:])
