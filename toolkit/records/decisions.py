"""Screening decisions inside files of Rayyan, ASReview, abstrackr and Covidence, as words and as verdicts.

Rayyan writes ``RAYYAN-INCLUSION: {"Name"=>"Included"}`` into the notes, ASReview a label column or a note
``ASReview_relevant``, abstrackr one column a reviewer (1 relevant, 0 borderline, -1 irrelevant). Covidence exports one
list a file and says in the file neither which nor who: that must be told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from toolkit.model.errors import InputError
from toolkit.records import ris
from toolkit.records.detect import split_with
from toolkit.records.files import OpenedFile
from toolkit.records.tagged import Chunk

__all__ = ["TOOLS", "FileDecision", "read_decisions", "reviewers_in"]

TOOLS: dict[str, dict[str, str | None]] = {
    "Rayyan": {"included": "include", "excluded": "exclude", "maybe": "maybe", "undecided": None},
    "ASReview": {
        "1": "include", "0": "exclude", "-1": None, "1.0": "include", "0.0": "exclude", "-1.0": None,
        "relevant": "include", "irrelevant": "exclude", "not_seen": None,
    },
    "abstrackr": {"1": "include", "0": "maybe", "-1": "exclude"},
    "Covidence": {},
}  # fmt: skip
"""Program -> its words in lower case -> verdict; None means that nobody has decided."""

_LABELS = (
    "asreview_label", "label_included", "included", "final_included", "included_label", "included_final", "label"
)  # fmt: skip
_RAYYAN = re.compile(r"RAYYAN-INCLUSION\s*:\s*\{([^}]*)\}")
_PAIR = re.compile(r"[\"“”]{1,2}([^\"“”]+)[\"“”]{1,2}\s*=>\s*[\"“”]{1,2}([^\"“”]*)[\"“”]{1,2}")
_REASONS = re.compile(r"RAYYAN-EXCLUSION-REASONS\s*:\s*([^|{}\n]*)")
_ASREVIEW_NOTE = re.compile(r"ASReview_(\w+?)(?=[.\s]|$)", re.IGNORECASE)


class FileDecision(NamedTuple):
    """One decision on one record of a file.

    ``ordinal`` is the record's place from 0, ``reviewer`` "" where the file does not name one, ``word`` what stands
    in the file, ``verdict`` its meaning or None for a word that is not known.
    """

    ordinal: int
    tool: str
    reviewer: str
    word: str
    verdict: str | None
    reason: str | None


def read_decisions(opened: OpenedFile) -> tuple[FileDecision, ...]:
    """Every decision in a file, in its order; records on which nobody decided have none.

    Raises
    ------
    InputError
        a word is none of the program's: all unknown ones are named with their records.
    """
    found = tuple(_decisions(opened))
    unknown: dict[str, list[int]] = {}
    for one in found:
        if one.verdict is None:
            unknown.setdefault(f"{one.word} ({one.tool})", []).append(one.ordinal + 1)
    if unknown:
        listed = "; ".join(f"{word} at record {', '.join(map(str, at[:5]))}" for word, at in unknown.items())
        tools = {one.tool for one in found}
        known = "; ".join(f"{tool}: {', '.join(TOOLS[tool])}" for tool in sorted(tools))
        raise InputError(
            "Decisions that are not known stand in the file.", file=opened.name, value=listed, allowed=known
        )
    return found


def reviewers_in(decisions: Iterable[FileDecision]) -> tuple[str, ...]:
    """The reviewers a file names, in the order of their first decision."""
    return tuple(dict.fromkeys(one.reviewer for one in decisions))


def _decisions(opened: OpenedFile) -> Iterator[FileDecision]:
    for ordinal, chunk in enumerate(split_with(opened.format)(opened.data, opened.encoding)):
        if chunk.error:
            continue
        for tool, reviewer, word, reason in _words(opened.format, chunk):
            table = TOOLS[tool]
            folded = word.strip().casefold()
            if folded in table and table[folded] is None:
                continue
            yield FileDecision(ordinal, tool, reviewer, word.strip(), table.get(folded), reason)


def _words(format: str, chunk: Chunk) -> Iterator[tuple[str, str, str, str | None]]:
    """(tool, reviewer, word, reason) of one record."""
    if chunk.cells:
        cells = {name.strip().casefold(): value for name, value in chunk.cells}
        notes = [value for name, value in cells.items() if name in ("notes", "note")]
        if format == "abstrackr_csv":
            yield from _abstrackr(chunk)
        label = next((name for name in _LABELS if cells.get(name)), None)
        if label is not None and format != "abstrackr_csv":
            yield "ASReview", "", cells[label], None
    elif format == "ris":
        notes = [value for tag, value in ris.pairs_of(chunk) if tag in ("N1", "N2", "AB", "C1")]
        for note in notes:
            for match in _ASREVIEW_NOTE.finditer(note):
                if match[1].casefold() != "prior":
                    yield "ASReview", "", match[1], None
    else:
        return
    yield from _rayyan(notes)


def _rayyan(notes: Iterable[str]) -> Iterator[tuple[str, str, str, str | None]]:
    for note in notes:
        for match in _RAYYAN.finditer(note):
            reasons = _REASONS.search(note)
            reason = reasons[1].strip() if reasons else None
            for who, word in _PAIR.findall(match[1]):
                yield "Rayyan", who.strip(), word, reason or None


def _abstrackr(chunk: Chunk) -> Iterator[tuple[str, str, str, str | None]]:
    fixed = {"(internal) id", "(source) id", "pubmed id", "keywords", "abstract", "title", "journal", "authors", "tags",
             "consensus", "labeled_at"}  # fmt: skip
    for name, value in chunk.cells:
        plain = name.strip()
        if plain.casefold() not in fixed and not re.search(r" (?:notes|note) ?\(", plain):
            yield "abstrackr", plain, value, None
