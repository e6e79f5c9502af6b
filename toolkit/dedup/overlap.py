"""Where records came from: per source how many, how many nobody else found, and what sources share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from toolkit.project import Project
from toolkit.store import views

__all__ = ["Overlap", "SourceCount", "count_overlap", "overlap"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCount:
    """One source.

    Attributes
    ----------
    records : as delivered
    reports : after duplicates within the source are joined
    unique : of these, reports that no other source delivered
    """

    source: str
    records: int
    reports: int
    unique: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """How the sources of a library overlap, in reports.

    Attributes
    ----------
    sources : in order of first delivery
    shared : (k, k) reports that two sources both delivered; on the diagonal those of one source
    combinations : (sources, reports that exactly these delivered), most reports first
    records, reports : of the library
    within, between : records removed because the same source, or only another one, delivered the report before
    by_tool, by_person : the same records by who joined them
    """

    sources: tuple[SourceCount, ...]
    shared: tuple[tuple[int, ...], ...]
    combinations: tuple[tuple[tuple[str, ...], int], ...]
    records: int
    reports: int
    within: int
    between: int
    by_tool: int
    by_person: int


def count_overlap(rows: Iterable[tuple[str, str, str, str]]) -> Overlap:
    """Counts from (record, report, source, "tool" or "person" where it was removed as a duplicate, else "").

    Examples
    --------
    >>> rows = [("a", "a", "PubMed", ""), ("b", "a", "Embase", "tool"), ("c", "c", "Embase", "")]
    >>> found = count_overlap(rows)
    >>> found.shared, found.combinations
    (((1, 1), (1, 2)), ((('Embase',), 1), (('PubMed', 'Embase'), 1)))
    """
    rows = list(rows)
    names = list(dict.fromkeys(source for _, _, source, _ in rows))
    records = Counter(source for _, _, source, _ in rows)
    found: dict[str, set[str]] = {}
    for _, report, source, _ in rows:
        found.setdefault(report, set()).add(source)
    combinations = Counter(tuple(name for name in names if name in some) for some in found.values())
    shared = tuple(
        tuple(sum(n for some, n in combinations.items() if a in some and b in some) for b in names) for a in names
    )
    within = sum(records[name] - shared[k][k] for k, name in enumerate(names))
    removed = Counter(how for _, _, _, how in rows)
    return Overlap(
        sources=tuple(
            SourceCount(source=name, records=records[name], reports=shared[k][k], unique=combinations[(name,)])
            for k, name in enumerate(names)
        ),
        shared=shared,
        combinations=tuple(sorted(combinations.items(), key=lambda pair: (-pair[1], len(pair[0]), pair[0]))),
        records=len(rows),
        reports=len(found),
        within=within,
        between=len(rows) - len(found) - within,
        by_tool=removed["tool"],
        by_person=removed["person"],
    )


def overlap(project: Project, *, as_of: str | None = None) -> Overlap:
    """How the sources of a project overlap, now or at the end of a past day."""
    store = project.store
    runs = views.record_runs(store, as_of=as_of)
    now = views.assignments(store, as_of=as_of)
    removed = views.removed_by(store, as_of=as_of)
    return count_overlap((rid, now[rid], run.source, removed.get(rid, "")) for rid, run in runs.items())
