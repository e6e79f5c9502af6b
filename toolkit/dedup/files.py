"""Deduplicating reference files without a project: several exports in, one file of best records out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.dedup.columns import RecordColumns
from toolkit.dedup.decide import says_of, shown_score
from toolkit.dedup.pipeline import Matches, evidence_of, find_duplicates
from toolkit.dedup.rules import MERGE
from toolkit.model.errors import InputError
from toolkit.model.records import ParsedRecord
from toolkit.records.files import read_file
from toolkit.records.merge import best_record

__all__ = ["QUESTION_COLUMNS", "TRACE_COLUMNS", "FilesOutcome", "dedup_files"]

TRACE_COLUMNS = ("report", "file", "position", "title", "joined_with", "rule", "why", "score")
QUESTION_COLUMNS = (
    "score", "rule", "differs", "file_a", "position_a", "title_a", "authors_a", "year_a", "journal_a", "doi_a",
    "file_b", "position_b", "title_b", "authors_b", "year_b", "journal_b", "doi_b",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesOutcome:
    """Records of several files, joined.

    Attributes
    ----------
    files : name and number of records of each file
    best : one record per report, in order of first appearance
    trace : per input record (`TRACE_COLUMNS`) which report it went to and why
    questions : pairs that may be one report (`QUESTION_COLUMNS`), strongest first; not joined
    unread : records that could not be read, over all files
    notes : what was assumed or odd about the files
    """

    files: tuple[tuple[str, int], ...]
    best: tuple[ParsedRecord, ...]
    trace: tuple[tuple[Any, ...], ...]
    questions: tuple[tuple[Any, ...], ...]
    unread: int
    notes: tuple[str, ...] = ()

    @property
    def records(self) -> int:
        """How many records were read."""
        return len(self.trace)


def dedup_files(
    paths: Sequence[str | Path],
    *,
    strictness: str = "balanced",
    prefer: Sequence[str] = (),
    progress: Callable[[str], None] | None = None,
    accept_loss: bool = False,
) -> FilesOutcome:
    """Read the files, join records of one report, and take the best of each field.

    Parameters
    ----------
    paths : the files
    strictness : "strict", "balanced" or "sensitive"
    prefer : of ``paths``, files whose fields are taken first, the first of them before the others
    progress : called with the name of each step
    accept_loss : go on without what cannot be read, or was cut off

    Raises
    ------
    InputError
        for a file that cannot be read whole or holds no records, an unknown strictness, and a preferred file not among
        them.
    """
    rank = _ranks(paths, prefer)
    say = progress or (lambda _: None)
    origin: list[tuple[str, int]] = []
    records: list[ParsedRecord] = []
    files = []
    unread = 0
    notes: list[str] = []
    ranks: list[int] = []
    for path in paths:
        say(f"read {Path(path).name}")
        content = read_file(path)
        if not content.parsed:
            raise InputError("no record could be read", file=path)
        if content.loss and not accept_loss:
            raise InputError(
                f"nothing was written: {content.loss}",
                file=path,
                hint="Export the file again; or go on without them by --accept-loss.",
            )
        said = (*content.notes, *((content.stated_otherwise,) if content.stated_otherwise else ()))
        notes += [f"{content.name}: {note}" for note in said]
        files.append((content.name, len(content.parsed)))
        unread += len(content.unread)
        origin += [(content.name, position) for position in range(1, len(content.parsed) + 1)]
        records += content.parsed
        ranks += [rank.get(Path(path).resolve(), len(prefer))] * len(content.parsed)
    # Ids that sort in order of appearance: the first record of a report names it.
    ids = [f"{k:09d}" for k in range(len(records))]
    columns = RecordColumns.from_records(records, ids=ids, sources=[name for name, _ in origin])
    matches = find_duplicates(columns, strictness=strictness, progress=progress)
    members: dict[int, list[int]] = {}
    for k, cluster in enumerate(matches.clusters.tolist()):
        members.setdefault(cluster, []).append(k)
    return FilesOutcome(
        files=tuple(files),
        best=tuple(_best(some, records, ranks, len(prefer)) for some in members.values()),
        trace=_trace(matches, origin, records),
        questions=_questions(matches, origin, records),
        unread=unread,
        notes=tuple(notes),
    )


def _ranks(paths: Sequence[str | Path], prefer: Sequence[str]) -> dict[Path, int]:
    known = {Path(path).resolve() for path in paths}
    for name in prefer:
        if Path(name).resolve() not in known:
            raise InputError(
                "the preferred file is not among those to join", value=name, allowed=", ".join(map(str, paths))
            )
    return {Path(name).resolve(): k for k, name in enumerate(prefer)}


def _best(some: list[int], records: Sequence[ParsedRecord], ranks: Sequence[int], unranked: int) -> ParsedRecord:
    ordered = sorted(some, key=ranks.__getitem__)
    return best_record([records[k] for k in ordered], preferred=sum(ranks[k] < unranked for k in some))


def _trace(
    matches: Matches, origin: Sequence[tuple[str, int]], records: Sequence[ParsedRecord]
) -> tuple[tuple[Any, ...], ...]:
    """Which report each record went to, and the strongest pair that put it there."""
    number = {cluster: k for k, cluster in enumerate(dict.fromkeys(matches.clusters.tolist()), start=1)}
    d = matches.decisions
    merged = np.flatnonzero((d.band == MERGE) & (matches.clusters[d.left] == matches.clusters[d.right]))
    best: dict[int, int] = {}
    for row in merged[np.argsort(-d.score[merged], kind="stable")].tolist():
        best.setdefault(int(d.left[row]), row)
        best.setdefault(int(d.right[row]), row)
    rows = []
    for k, (file, position) in enumerate(origin):
        why: tuple[Any, ...] = (None, None, None, None)
        if k in best:
            row = best[k]
            other = int(d.right[row]) if int(d.left[row]) == k else int(d.left[row])
            rule = d.rule_of(row)
            why = (f"{origin[other][0]} {origin[other][1]}", rule, says_of(rule), shown_score(float(d.score[row])))
        rows.append((number[int(matches.clusters[k])], file, position, records[k].title, *why))
    return tuple(rows)


def _questions(
    matches: Matches, origin: Sequence[tuple[str, int]], records: Sequence[ParsedRecord]
) -> tuple[tuple[Any, ...], ...]:
    rows = []
    for row in matches.review.tolist():
        evidence = evidence_of(matches, row)
        differs = ", ".join(f"{field}: {level}" for field, level in evidence.fields.items() if level != "same")
        sides: list[Any] = []
        for k in (int(matches.decisions.left[row]), int(matches.decisions.right[row])):
            r = records[k]
            sides += [*origin[k], r.title, "; ".join(r.authors), r.year, r.journal, r.doi]
        rows.append((round(evidence.score, 2), evidence.rule, differs, *sides))
    return tuple(rows)
