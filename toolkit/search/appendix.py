"""The search of a review as a document: sources with counts, PRISMA-S items, strategies exactly as run, peer review."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from toolkit.model.errors import InputError
from toolkit.model.review import Run
from toolkit.project import Project
from toolkit.search.notes import METHODS, SourceNote, source_notes
from toolkit.search.press import PressReview, press_reviews
from toolkit.search.runs import SOURCE, locate_strategy, window_words
from toolkit.search.strategy import parse_strategy, read_strategy
from toolkit.store import views

__all__ = ["SearchReport", "SourceRow", "StrategyText", "search_report"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRow:
    """One source: its class in PRISMA (database, register, other), platform, days searched, and records of each run.

    ``runs`` is (day, how, records, file): the last day counts for "last searched".
    """

    name: str
    kind: str
    platform: str
    runs: tuple[tuple[str, str, int | None, str], ...]

    @property
    def last(self) -> str:
        """The day of the last search, "" for a source that was not searched."""
        return max((day for day, *_ in self.runs), default="")


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyText:
    """A strategy as it was run.

    Attributes
    ----------
    source, day, file : where and when it was run, and from which file
    as_run : whether the text was kept by the run itself
    as_imported : whether it was kept by the import of its export; else, if not ``as_run``, it is the file as it stands
    edited : whether the file reads otherwise now, or is gone
    header : (key, value) of its head
    lines : (number, text, hits or None)
    query : what was sent, and how the database read it, where evipool ran it
    records : what it found
    warnings : the database's remarks that were signed off
    """

    source: str
    day: str
    file: str
    as_run: bool
    as_imported: bool = False
    edited: bool = False
    header: tuple[tuple[str, str], ...]
    lines: tuple[tuple[int | None, str, int | None], ...]
    query: str | None = None
    translation: str | None = None
    records: int | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchReport:
    """Everything that is said about the search; ``items`` are (number, topic, answer or None) of PRISMA-S."""

    title: str
    sources: tuple[SourceRow, ...]
    notes: tuple[SourceNote, ...]
    strategies: tuple[StrategyText, ...]
    missing: tuple[str, ...]
    reviews: tuple[PressReview, ...]
    items: tuple[tuple[str, str, str | None], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


def search_report(project: Project, items: Sequence[tuple[str, str, str | None]] = ()) -> SearchReport:
    """Gather the report.

    Parameters
    ----------
    items : (number, topic, answer) of PRISMA-S from what other steps know (counts, deduplication); the answers that
        the search itself knows are added where none is given, or put after it
    """
    runs = views.runs(project.store)
    notes = source_notes(project)
    searches = [note for note in notes if note.method == "search"]
    strategies = tuple(_strategies(project, runs, searches))
    reviews = press_reviews(project)
    report = SearchReport(
        title=project.config.review.title,
        sources=tuple(_sources(project, runs, searches)),
        notes=notes,
        strategies=strategies,
        missing=tuple(_missing(project, runs, searches)),
        reviews=tuple(_dated(project, review) for review in reviews),
    )
    own = _answers(report)
    joined = tuple(
        (number, topic, " ".join(part for part in (answer, own.get(number)) if part) or None)
        for number, topic, answer in items
    )
    return SearchReport(**{**{f: getattr(report, f) for f in report.__slots__}, "items": joined})


def _sources(project: Project, runs: Sequence[Run], searches: Sequence[SourceNote]) -> list[SourceRow]:
    declared = {s.name.casefold(): s for s in project.config.sources}
    names = [s.name for s in project.config.sources]
    names += [run.source for run in runs if run.source.casefold() not in declared and run.source not in names]
    rows = []
    for name in dict.fromkeys(names):
        own = [run for run in runs if run.source.casefold() == name.casefold()]
        source = declared.get(name.casefold())
        kind = source.column if source else own[0].source_kind
        entries = tuple((run.searched_on, _how(run), _records(run), run.file_name) for run in own)
        entries += tuple((n.day, "searched on its own site", n.count, "") for n in _on(searches, name))
        rows.append(SourceRow(name=name, kind=kind, platform=source.platform if source else "", runs=entries))
    return rows


def _on(searches: Sequence[SourceNote], source: str) -> list[SourceNote]:
    """The noted searches of a source."""
    return [note for note in searches if note.source.casefold() == source.casefold()]


def _how(run: Run) -> str:
    what = "searched by evipool" if run.kind == "search" else "export imported"
    host = urlsplit(str(run.detail.get("service", ""))).hostname or ""
    if host and run.source == SOURCE and not host.endswith("ncbi.nlm.nih.gov"):
        what += f" at {host}"
    what += f", {limited}" if (limited := window_words(run)) else ""
    if accepted := run.detail.get("accepted"):
        what += f"; {', and '.join(accepted)} (accepted by {run.detail.get('accepted_by') or 'nobody named'})"
    return what


def _records(run: Run) -> int | None:
    value = run.detail.get("count", run.detail.get("records"))
    return int(value) if value is not None else None


def _strategies(project: Project, runs: Sequence[Run], searches: Sequence[SourceNote]) -> list[StrategyText]:
    """The last run of each strategy that evipool ran, whole and limited to new records, then those run elsewhere."""
    last: dict[tuple[str, str, bool], Run] = {}
    for run in runs:
        if run.kind == "search" and run.detail.get("strategy_sha256"):
            last[(run.source, run.file_name, bool(window_words(run)))] = run
    found = [_as_run(project, run) for run in last.values()]
    done = {text.source.casefold() for text in found}
    for source in project.config.sources:
        if source.name.casefold() in done or not source.strategy:
            continue
        path = _path(project, source.strategy)
        own = [run for run in runs if run.source.casefold() == source.name.casefold()]
        kept = max((run for run in own if "strategy_text" in run.detail), key=lambda r: r.searched_on, default=None)
        if path is not None or kept is not None:
            noted = _on(searches, source.name)
            day = max((*(run.searched_on for run in own), *(note.day for note in noted)), default="")
            counts = [n for n in (*map(_records, own), *(note.count for note in noted if not own)) if n is not None]
            found.append(_by_hand(source.name, kept, path, day, sum(counts) if counts else None))
    return found


def _as_run(project: Project, run: Run) -> StrategyText:
    text = project.store.blob(run.detail["strategy_sha256"]).decode("utf-8-sig")
    strategy = parse_strategy(text, file=run.file_name, name=Path(run.file_name).stem)
    hits = {number: count for number, count, *_ in run.detail.get("line_counts", ())}
    return StrategyText(
        source=run.source,
        day=run.searched_on,
        file=run.file_name,
        as_run=True,
        header=strategy.header,
        lines=tuple((line.number, line.text, hits.get(line.number, line.hits)) for line in strategy.lines),
        query=run.detail.get("query"),
        translation=run.detail.get("translation"),
        records=_records(run),
        warnings=tuple(run.detail.get("warnings", ())),
    )


def _by_hand(source: str, kept: Run | None, path: Path | None, day: str, records: int | None) -> StrategyText:
    """The strategy as it stood at the last import, else its file as it stands."""
    now = read_strategy(path) if path is not None else None
    strategy = now
    if kept is not None:
        name = str(kept.detail["strategy_file"])
        strategy = parse_strategy(kept.detail["strategy_text"], file=name, name=Path(name).stem)
    assert strategy is not None
    return StrategyText(
        source=source,
        day=day or strategy.get("date", "run") or "",
        file=Path(strategy.file).name,
        as_run=False,
        as_imported=kept is not None,
        edited=kept is not None and (now is None or now.text != strategy.text),
        header=strategy.header,
        lines=tuple((line.number, line.text, line.hits) for line in strategy.lines),
        records=records,
    )


def _path(project: Project, name: str) -> Path | None:
    path = locate_strategy(project, name)
    root = project.path(name)
    return path if path.is_file() else root if root.is_file() else None


def _missing(project: Project, runs: Sequence[Run], searches: Sequence[SourceNote]) -> list[str]:
    """Sources that were searched elsewhere and whose strategy is not kept."""
    searched = {run.source.casefold() for run in runs if run.kind == "search"}
    found = []
    for source in project.config.sources:
        imported = any(run.source.casefold() == source.name.casefold() for run in runs)
        if source.column == "other" or source.name.casefold() in searched:
            continue
        if not imported and not _on(searches, source.name):
            continue
        if not source.strategy:
            found.append(f"{source.name}: no strategy file is named in review.toml")
        elif _path(project, source.strategy) is None:
            found.append(f"{source.name}: the strategy file {source.strategy} is not there")
    return found


def _dated(project: Project, review: PressReview) -> PressReview:
    """The review with the word whether its strategy still reads as reviewed."""
    path = _path(project, review.strategy)
    if path is None:
        return review
    try:
        known = press_reviews(project, read_strategy(path))
    except InputError:
        return review
    return next((r for r in known if (r.strategy, r.peer) == (review.strategy, review.peer)), review)


def _answers(report: SearchReport) -> dict[str, str]:
    """What the search itself knows of PRISMA-S."""
    heads = [(text.source, key, value) for text in report.strategies for key, value in text.header]

    def headed(*keys: str) -> str:
        return "; ".join(f"{source}: {value}" for source, key, value in heads if key in keys and value)

    def noted(*methods: str) -> str:
        return "; ".join(_words(note) for note in report.notes if note.method in methods)

    searches = [note for note in report.notes if note.method == "search"]
    registers = {row.name for row in report.sources if row.kind == "register"}

    def asked(among: bool) -> str:
        return "; ".join(
            f"{n.source}, searched on its own site: {n.text}" for n in searches if (n.source in registers) is among
        )

    found = {
        "1": asked(among=False),
        "3": asked(among=True),
        "13": "; ".join(f"{n.source}: {n.day}" for n in searches),
        "4": noted("hand", "website", "grey"),
        "5": noted("citations"),
        "6": noted("contacts"),
        "7": noted("other"),
        "8": f"The strategies follow below, for {'; '.join(t.source for t in report.strategies)}."
        if report.strategies
        else "",
        "9": headed("limit", "limits", "language"),
        "10": headed("filter", "filters", "citation"),
        "11": headed("prior", "prior work", "adapted from"),
        "14": "; ".join(
            f"{r.strategy}: PRESS 2015 by {r.peer}, {r.at[:10]}, {r.verdict}"
            + (" (the strategy was changed afterwards)" if r.current is False else "")
            for r in report.reviews
        ),
        "15": "; ".join(
            f"{n.source}: {n.count}" + ("" if n.method == "search" else " looked at")
            for n in report.notes
            if n.count is not None
        ),
    }
    return {number: f"{text.rstrip('.')}." for number, text in found.items() if text}


def _words(note: SourceNote) -> str:
    count = f", {note.count} looked at" if note.count is not None else ""
    return f"{note.source} ({METHODS[note.method]}), {note.day}{count}: {note.text}"
