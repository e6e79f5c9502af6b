"""Code blocks of the documentation, and a session that runs them as a reader would, in one process.

What the documentation promises: a block ``sh`` holds commands that work, in the order of the page, in one folder; a
block ``text`` right after it quotes what they print ("..." stands for lines left out). A comment above a block says
more: ``<!-- exit: 3 -->`` (the exit code of its last command), ``<!-- file: NAME -->`` (the block is this file),
``<!-- add to: NAME -->`` (its text is added to this file), ``<!-- not run: WHY -->``.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from toolkit.cli.common import Settings, run

__all__ = ["Block", "Session", "blocks_of", "commands_of", "missing_lines", "numbers", "prose_of"]

_FENCE = re.compile(r"^```(\w*)\s*$")
_MARK = re.compile(r"^<!-- (exit|file|add to|not run): (.+?) -->$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block: its language, text, line in the page and the marks above it."""

    language: str
    text: str
    line: int
    marks: dict[str, str] = field(default_factory=dict)


def blocks_of(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    found: list[Block] = []
    lines = page.read_text(encoding="utf-8").splitlines()
    marks: dict[str, str] = {}
    i = 0
    while i < len(lines):
        mark, fence = _MARK.match(lines[i]), _FENCE.match(lines[i])
        if mark:
            marks[mark[1]] = mark[2]
        elif fence:
            start = i
            i += 1
            while lines[i] != "```":
                i += 1
            text = "\n".join(lines[start + 1 : i]) + "\n"
            found.append(Block(language=fence[1], text=text, line=start + 1, marks=marks))
            marks = {}
        elif lines[i].strip():
            marks = {}
        i += 1
    return found


def prose_of(page: Path) -> Iterator[tuple[int, str]]:
    """Line number and text outside of blocks, code spans, comments and link targets."""
    inside = False
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        if line.startswith("```"):
            inside = not inside
        elif not inside:
            plain = re.sub(r"`[^`]*`|<!--.*?-->|\]\([^)]*\)", " ", line)
            yield number, plain


def commands_of(block: Block) -> list[str]:
    """The commands of a block ``sh``, continuation lines joined, without comments."""
    joined = block.text.replace("\\\n", " ")
    return [" ".join(line.split()) for line in joined.splitlines() if line.strip() and not line.startswith("#")]


@dataclass(slots=True)
class Session:
    """A reader at a terminal: a present folder, and what the commands so far have printed."""

    folder: Path
    settings: Settings | None = None
    printed: list[str] = field(default_factory=list)

    def run(self, command: str) -> tuple[int, str]:
        """Exit code and output of one line; ``cd``, ``evipool`` and a redirection are understood."""
        words = shlex.split(command, comments=True)
        if words[0] == "cd":
            self.folder = (self.folder / words[1]).resolve()
            return (0, "") if self.folder.is_dir() else (1, f"no folder {self.folder}")
        if words[0] == "mkdir":
            (self.folder / words[1]).mkdir(parents=True)
            return 0, ""
        if words[0] != "evipool":
            raise AssertionError(f"a block sh holds evipool, cd and mkdir only, not: {command}")
        target = words[words.index(">") + 1] if ">" in words else None
        args = words[1 : words.index(">")] if target else words[1:]
        out, err = io.StringIO(), io.StringIO()
        with contextlib.chdir(self.folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run(args, self.settings)
            if target:
                Path(target).write_text(out.getvalue(), encoding="utf-8")
        text = err.getvalue() + ("" if target else out.getvalue())
        self.printed.append(text)
        return code, text

    def write(self, name: str, text: str, *, add: bool = False) -> None:
        """Save a file as the reader's editor would."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.read_text(encoding="utf-8") if add else ""
        path.write_text(before + text, encoding="utf-8")

    def do(self, block: Block) -> str:
        """Carry out one block; returns what it printed.

        Raises
        ------
        AssertionError
            if a command ends otherwise than the page says, or the block says nothing about what it is.
        """
        if "not run" in block.marks:
            return ""
        if "file" in block.marks or "add to" in block.marks:
            self.write(block.marks.get("file") or block.marks["add to"], block.text, add="add to" in block.marks)
            return ""
        if block.language == "sh":
            said = ""
            commands = commands_of(block)
            for i, command in enumerate(commands):
                expected = int(block.marks.get("exit", "0")) if i == len(commands) - 1 else 0
                code, text = self.run(command)
                assert code == expected, f"line {block.line}: '{command}' ended with {code}, not {expected}:\n{text}"
                said += text
            return said
        if block.language == "python":
            out = io.StringIO()
            with contextlib.chdir(self.folder), contextlib.redirect_stdout(out):
                exec(compile(block.text, f"block at line {block.line}", "exec"), {"__name__": "__docs__"})
            self.printed.append(out.getvalue())
            return out.getvalue()
        raise AssertionError(f"line {block.line}: a block {block.language!r} needs a mark: file, add to or not run")

    def page(self, page: Path) -> Iterator[tuple[Block, str]]:
        """Carry out a page; yields each quoted output with what was really printed."""
        said = ""
        for block in blocks_of(page):
            if block.language == "text" and not block.marks:
                yield block, said
            else:
                said = self.do(block)
                if os.environ.get("EVIPOOL_SHOW_DOCS"):
                    print(f"--- {page.name} line {block.line}\n{block.text if block.language == 'sh' else ''}{said}")


def _plain(line: str) -> str:
    return " ".join(line.replace(os.sep, "/").split())


def missing_lines(quoted: str, printed: str) -> list[str]:
    """Lines of a quotation that are not in the output, in this order; blanks do not count, "..." leaves lines out."""
    have = [_plain(line) for line in printed.splitlines()]
    missing, at = [], 0
    for line in (_plain(raw) for raw in quoted.splitlines()):
        if not line or line == "...":
            continue
        found = next((i for i in range(at, len(have)) if have[i] == line), None)
        if found is None:
            missing.append(line)
        else:
            at = found + 1
    return missing


def numbers(text: str) -> set[str]:
    """Numbers in a text as they are written, thousands without their comma."""
    return {
        re.sub(r"(?<=\d),(?=\d{3})", "", found).lstrip("-") for found in re.findall(r"-?\d+(?:,\d{3})*(?:\.\d+)?", text)
    }
