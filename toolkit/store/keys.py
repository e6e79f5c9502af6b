"""How people name a report: the start of its id, a DOI, a PMID, its exact title, or the id its source gave it."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from functools import cached_property

from sqlalchemy import func, select

from toolkit.model.errors import InputError
from toolkit.store import schema, views
from toolkit.store.store import Store

__all__ = ["SHORTEST", "ReportKeys", "short_ids"]

# Eight hexadecimal digits tell apart a few thousand reports; more are shown where two reports share them.
SHORTEST = 8
_FEWEST = 4
_FEW = 5  # so many ids are shortened one by one; for more all are
_NAMES = (
    "the start of a report id (4 characters or more), doi:..., pmid:..., the exact title, or the id its source gave it"
)
_DOI = re.compile(r"^(?:doi:\s*|https?://(?:dx\.)?doi\.org/)?(10\.\d{4,9}/\S+)$", re.IGNORECASE)
_PMID = re.compile(r"^pmid:?\s*(\d{1,9})$", re.IGNORECASE)


class ReportKeys:
    """The names by which the reports of a review can be called.

    Parameters
    ----------
    store : the review's store, read when a name is first looked up
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._asked = 0

    @cached_property
    def _report_of(self) -> Mapping[str, str]:
        joined = views.assignments(self._store)
        return {**{report: report for report in joined.values()}, **joined}

    @cached_property
    def _sorted(self) -> list[str]:
        return sorted(self._report_of)

    @cached_property
    def _short(self) -> Mapping[str, str]:
        return short_ids(self._report_of)

    @cached_property
    def _fields(self) -> tuple[dict[str, set[str]], dict[str, set[str]], dict[str, set[str]]]:
        """DOI, PMID and folded title -> reports."""
        dois: dict[str, set[str]] = {}
        pmids: dict[str, set[str]] = {}
        titles: dict[str, set[str]] = {}
        columns = schema.parsed.c
        with self._store.reading() as connection:
            for row in connection.execute(select(columns.record_id, columns.doi, columns.pmid, columns.title)):
                report = self._report_of.get(row.record_id)
                if report is None:
                    continue
                for table, value in ((dois, row.doi), (pmids, row.pmid), (titles, row.title)):
                    if value:
                        table.setdefault(_fold(value), set()).add(report)
        return dois, pmids, titles

    @cached_property
    def _external(self) -> dict[str, set[str]]:
        """The source's own id of a record -> reports."""
        found: dict[str, set[str]] = {}
        columns = schema.record.c
        with self._store.reading() as connection:
            for row in connection.execute(select(columns.id, columns.external_id).where(columns.external_id != "")):
                report = self._report_of.get(row.id)
                if report is not None:
                    found.setdefault(_fold(row.external_id), set()).add(report)
        return found

    def __contains__(self, report: str) -> bool:
        return self._report_of.get(report) == report

    def short(self, report: str) -> str:
        """The start of the id that names this report alone, eight characters or more."""
        self._asked += 1
        if self._asked > _FEW:
            return self._short.get(report, report)
        if report not in self._report_of:
            return report
        start = report[:SHORTEST]  # ids that begin otherwise are told apart by so much
        return short_ids(key for key in self._report_of if key.startswith(start))[report]

    def find(self, key: str, *, file: object = None, row: int | None = None, column: str | None = None) -> str:
        """The report that ``key`` names; the id of a record names the report it belongs to.

        Raises
        ------
        InputError
            if nothing, or more than one report, is called so; ``file``, ``row`` and ``column`` say where it stood.
        """
        text = key.strip()
        found = self._candidates(text)
        if len(found) == 1:
            return found.pop()
        near = ", ".join(sorted(self.short(report) for report in found)[:6])
        raise InputError(
            f"{len(found)} reports are called so" if found else "no report is called so",
            file=file,
            row=row,
            column=column,
            value=key,
            allowed=None if found else _NAMES,
            hint=f"Say which by its id: {near}." if found else None,
        )

    def records(self, key: str) -> list[str]:
        """Records that are called so, in order of arrival: by id, its start, doi:, pmid:, PMID or the source's own id.

        A whole id outweighs all else.
        """
        text = key.strip()
        joined = views.assignments(self._store)
        if text.lower() in joined:
            return [text.lower()]
        if text in joined or not text:
            return [text] if text else []
        parsed, record = schema.parsed.c, schema.record.c
        found: set[str] = set()
        queries = []
        if match := _DOI.match(text):
            queries.append(select(parsed.record_id).where(func.lower(parsed.doi) == _fold(match.group(1))))
        elif match := _PMID.match(text):
            queries.append(select(parsed.record_id).where(parsed.pmid == match.group(1)))
        else:
            if len(text) >= _FEWEST:
                found.update(rid for rid in self._starting_with(text.lower()) if rid in joined)
            if text.isdigit():
                queries.append(select(parsed.record_id).where(parsed.pmid == text))
            queries.append(select(record.id).where(record.external_id == text))
        with self._store.reading() as connection:
            for query in queries:
                found.update(connection.execute(query).scalars())
        return [rid for rid in joined if rid in found] if found else []

    def _candidates(self, text: str) -> set[str]:
        if not text:
            return set()
        low = text.lower()
        if low in self._report_of:
            return {self._report_of[low]}
        if text in self._report_of:
            return {self._report_of[text]}
        if match := _DOI.match(text):
            return set(self._fields[0].get(_fold(match.group(1)), ()))
        if match := _PMID.match(text):
            return set(self._fields[1].get(match.group(1), ()))
        found: set[str] = set()
        if len(low) >= _FEWEST:
            found |= {self._report_of[i] for i in self._starting_with(low)}
        if text.isdigit():
            found |= self._fields[1].get(text, set())
        folded = _fold(text)
        return found or set(self._fields[2].get(folded, ())) or set(self._external.get(folded, ()))

    def _starting_with(self, prefix: str) -> list[str]:
        ids = []
        for i in range(bisect_left(self._sorted, prefix), len(self._sorted)):
            if not self._sorted[i].startswith(prefix):
                break
            ids.append(self._sorted[i])
        return ids


def short_ids(ids: Iterable[str], shortest: int = SHORTEST) -> dict[str, str]:
    """Id -> its shortest start of at least ``shortest`` characters that no other id shares.

    Examples
    --------
    >>> short_ids(["abcdef-1", "abcdef-2", "xyz"], shortest=3)
    {'abcdef-1': 'abcdef-1', 'abcdef-2': 'abcdef-2', 'xyz': 'xyz'}
    """
    ordered = sorted(set(ids))
    found = {}
    for i, own in enumerate(ordered):
        shared = 0
        for other in (ordered[i - 1] if i else "", ordered[i + 1] if i + 1 < len(ordered) else ""):
            same = 0
            for a, b in zip(own, other, strict=False):
                if a != b:
                    break
                same += 1
            shared = max(shared, same)
        found[own] = own[: max(shortest, shared + 1)]
    return found


def _fold(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip(".")
