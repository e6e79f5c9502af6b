"""Every command that the program or the documentation tells a user to type is one that there is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tests.conftest import REPO
from toolkit.cli import COMMANDS, cli

# A command stands in quotes or backticks, or alone; a sentence about evipool goes on with a verb and is none.
NAMED = re.compile(rf"evipool ((?:(?:-C|--as) \S+ )*(?:{'|'.join(COMMANDS)})(?![\w:-])[^'`\n|]*)")
HOLE = "X"


def texts_of(path: Path) -> Iterator[tuple[int, str]]:
    """The strings of a module, what is filled in replaced by a word; docstrings of modules and functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            yield (
                node.lineno,
                "".join(str(part.value) if isinstance(part, ast.Constant) else HOLE for part in node.values),
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def fault_of(words: list[str]) -> str | None:
    """What is wrong with a command as it stands in a text, or None."""
    context, command, words = click.Context(cli), cli, list(words)
    while words and words[0] in ("-C", "--as"):
        words = words[2:]
    named: click.Command = command
    while isinstance(named, click.Group) and words and re.fullmatch(r"[a-z][a-z-]*", words[0]):
        found = named.get_command(context, words[0])
        if found is None:
            return f"there is no {words[0]!r} in {named.name!r}"
        named, words = found, words[1:]
    options = {name for one in named.params for name in (*one.opts, *one.secondary_opts)} | {"--help", "--as"}
    unknown = [word for word in words if re.fullmatch(r"--[a-z][a-z0-9-]*", word) and word not in options]
    if unknown:
        return f"{named.name!r} has no {unknown[0]}"
    takes = any(isinstance(one, click.Argument) for one in named.params)
    if words and not takes and not isinstance(named, click.Group) and re.fullmatch(r"\"?[\w./]+\.\w+\"?", words[0]):
        return f"{named.name!r} takes no {words[0]}"
    return None


def faults(where: str, texts: Iterator[tuple[int, str]]) -> list[str]:
    found = []
    for line, text in texts:
        for match in NAMED.finditer(text):
            words = [word.rstrip(".,;:)") for word in match.group(1).split()]
            fault = fault_of([word for word in words if word])
            if fault:
                found.append(f"{where}:{line}: evipool {match.group(1).strip()}: {fault}")
    return found


MODULES = sorted((REPO / "toolkit").rglob("*.py"))
PAGES = [REPO / "README.md", *sorted((REPO / "docs").rglob("*.md"))]


def test_every_command_named_in_a_message_exists() -> None:
    found = [fault for path in MODULES for fault in faults(str(path.relative_to(REPO)), texts_of(path))]
    assert not found, "\n".join(found)


def test_every_command_named_in_a_page_exists() -> None:
    found = []
    for path in PAGES:
        spans = re.finditer(r"`(evipool [^`]+)`", path.read_text(encoding="utf-8"))
        found += faults(str(path.relative_to(REPO)), ((0, " ".join(span.group(1).split())) for span in spans))
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("evipool extract conflicts", "there is no 'conflicts' in 'extract'"),
        ("evipool extract check extraction/results.csv", "'check' takes no extraction/results.csv"),
        ("evipool screen export f.csv --todoo", "'export' has no --todoo"),
        ('evipool screen export "f.csv" --todo --as NAME', None),
        ("evipool -C rev status", None),
    ],
)
def test_a_command_that_is_none_is_found(text: str, fault: str | None) -> None:
    found = faults("x", iter([(1, text)]))
    assert (found[0].partition(": ")[2].partition(": ")[2] if found else None) == fault
