"""Record a folder of replies from the emulator, for `evipool search run STRATEGY --replies FOLDER`.

    python -m tests.emulator.record_replies RECORDS.csv STRATEGY.txt OUT --date 2026-03-01 [--earlier DIR ...]

The CSV has the columns pmid, title, authors, journal, year, volume, issue, pages, doi; rows without a PMID are left
out, and none is invented. The search is really run, in a throw-away project in which the earlier folders have been
replayed first, so that a later search records exactly the requests it will make: ids, new records, and the questions
about known ones.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path

from tests.emulator.articles import Article, articles_from_csv
from tests.emulator.server import Emulator
from toolkit.project import Project
from toolkit.search.replies import RecordingOpener, ReplayOpener
from toolkit.search.run import SearchOutcome, run_search
from toolkit.search.transport import NetworkOpener, Settings, Transport

ABOUT = (
    "Replies of the project's own emulator of the E-utilities (tests/emulator), not of PubMed: bibliographic facts "
    "from {source}, PMIDs as found there, which record is held on which day is ours. Recorded for the strategy "
    "{strategy} as of {day}."
)


def record_replies(
    records: str | Path | Sequence[Article],
    strategy: str | Path,
    out_dir: str | Path,
    date: date,
    *,
    earlier: Iterable[str | Path | tuple[str | Path, str | Path]] = (),
    pmids: Iterable[str] | None = None,
    created: Mapping[str, date] | None = None,
    about: str | None = None,
) -> SearchOutcome:
    """Record the replies to one search in a folder; returns what the search brought.

    Parameters
    ----------
    records : CSV of records, or articles
    strategy : strategy file
    out_dir : folder to be made; it must not hold replies yet
    date : day of the search, put into the Date header of every reply (12:00 UTC), so that the run takes it from there
    earlier : reply folders of the searches run before, oldest first, each alone (same strategy) or with its strategy
    pmids : the records that PubMed holds on that day; None is all that have a PMID
    created : PMID -> day on which PubMed learnt of it (for [crdt]; goes into no record)
    about : what is recorded from what, for index.json
    """
    out = Path(out_dir)
    if (out / "index.json").exists():
        raise FileExistsError(f"{out} holds replies already; remove the folder to record it anew")
    articles = (
        articles_from_csv(records, pmids=pmids, created=created) if isinstance(records, str | Path) else list(records)
    )
    noon = datetime.combine(date, time(12), UTC)
    source = Path(records).name if isinstance(records, str | Path) else "given articles"
    text = about or ABOUT.format(source=source, strategy=Path(strategy).name, day=date.isoformat())
    with tempfile.TemporaryDirectory() as folder, Emulator(articles, today=noon) as emulator:
        (Path(folder) / "review.toml").write_text('[review]\ntitle = "recording"\n', encoding="utf-8")
        with Project.open(folder) as project:
            for entry in earlier:
                plan, replies = entry if isinstance(entry, tuple) else (strategy, entry)
                replay = Transport(settings=Settings(), opener=ReplayOpener(replies))
                run_search(project, plan, transport=replay, accept_warnings=True)
            settings = Settings(base_url=emulator.url, email="recorder@example.org")
            recording = RecordingOpener(NetworkOpener(), out, about=text)
            transport = Transport(settings=settings, opener=recording, sleep=lambda _seconds: None)
            return run_search(project, strategy, transport=transport, accept_warnings=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line of this module."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.emulator.record_replies", description=__doc__.splitlines()[0]
    )
    parser.add_argument("records", type=Path)
    parser.add_argument("strategy", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--date", required=True, type=date.fromisoformat)
    parser.add_argument("--earlier", type=Path, nargs="*", default=(), help="reply folders of earlier searches")
    parser.add_argument("--pmids", type=Path, help="file with the PMIDs held on that day, one a line")
    given = parser.parse_args(arguments)
    pmids = given.pmids.read_text(encoding="utf-8").split() if given.pmids else None
    outcome = record_replies(given.records, given.strategy, given.out, given.date, earlier=given.earlier, pmids=pmids)
    print(f"{outcome.count} ids, {len(outcome.new)} new records, {len(outcome.known)} known: {given.out}")
    for warning in outcome.warnings:
        print(f"warning: {warning}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
