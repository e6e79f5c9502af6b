"""evipool update: what is next, as far as a machine can go."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from toolkit.cli.common import Day, command_line, emit, format_option, open_project, project_options, table
from toolkit.model.wording import agreeing, counted

if TYPE_CHECKING:
    from toolkit.project import Project
    from toolkit.search.run import SearchOutcome
    from toolkit.update import UpdateOutcome

__all__ = ["update"]

LOCK = ".update.lock"


@click.command()
@click.option("--plan", "plan_only", is_flag=True, help="Only say which steps are due, why, and what waits.")
@click.option("--search/--no-search", "searching", default=None, help="Search now, or do not (default: when due).")
@click.option("--date", "day", type=Day(), help="Day of the search, if not today.")
@click.option(
    "--replies", type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Replay recorded PubMed replies from this folder (marked so in the log).",
)  # fmt: skip
@click.option("--accept-warnings", is_flag=True, help="Sign off PubMed's warnings about the query.")
@click.option("--non-interactive", "quiet", is_flag=True, help="For a scheduler: no progress, nothing asked.")
@click.option(
    "--summary",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write what was done and what waits as JSON, also when it fails.",
)
@format_option("table", "json")
@project_options
@click.pass_context
def update(
    ctx: click.Context,
    plan_only: bool,
    searching: bool | None,
    day: datetime | None,
    replies: Path | None,
    accept_warnings: bool,
    quiet: bool,
    summary: Path | None,
    output_format: str,
) -> int:
    """Rerun the searches and carry new studies to the estimates.

    A review moves in rounds. When a round is finished (nothing waits for a person) its state is closed as a version
    and the searches run again; new records then wait for screening and the command ends with exit code 3. When
    people are done, the same command brings duplicates, analyses and the report up to date, closes the round, and the
    report says what changed since the version before. Killed at any moment, the next call goes on from there.

    One update runs at a time; a second one ends with exit code 1 and has done nothing. In a scheduler, use
    --non-interactive --summary FILE: the file says what was done, what waits for whom, and what went wrong.

    Exit codes: 1 a search failed (everything else was done), 2 an analysis is refused, 3 people's work waits.
    """
    from toolkit.store.lock import only_one
    from toolkit.update import update as run_update

    with open_project(ctx) as project:
        if plan_only:
            return _show_plan(project, output_format)

        def search(project: Project, strategy: Path) -> SearchOutcome:
            from toolkit.cli.search_parts import transport_of
            from toolkit.search.run import run_search

            return run_search(
                project,
                strategy,
                transport=transport_of(ctx, None if replies is None else str(replies)),
                date=day.date() if day else None,
                accept_warnings=accept_warnings,
                command=command_line(ctx),
            )

        def say(text: str) -> None:
            if not quiet:
                click.echo(f"... {text}", err=True)

        with _told(summary) as told, only_one(project.path(LOCK), "update"):
            outcome = run_update(project, search=search, searching=searching, progress=say, command=command_line(ctx))
            told |= {**_as_json(outcome), "exit_code": _exit_code(outcome)}
        if output_format == "json":
            emit(_as_json(outcome))
        else:
            _show(outcome)
    return _exit_code(outcome)


@contextmanager
def _told(path: Path | None) -> Iterator[dict[str, Any]]:
    """What is filled in is written to ``path`` at the end, an error too; nothing without a path."""
    from toolkit import __version__
    from toolkit.records.tables import write_whole
    from toolkit.store import utc_now

    told: dict[str, Any] = {"started": utc_now(), "evipool_version": __version__, "exit_code": 1, "error": None}
    try:
        yield told
    except BaseException as error:
        told |= {"error": str(error) or type(error).__name__, "exit_code": getattr(error, "exit_code", 1)}
        raise
    finally:
        told["finished"] = utc_now()
        if path is not None:
            write_whole(path, json.dumps(told, ensure_ascii=False, indent=1).encode("utf-8"))


def _exit_code(outcome: UpdateOutcome) -> int:
    """What failed outside comes first, then what is wrong in the settings or data, then what waits for people."""
    codes = {error.exit_code for _, error in outcome.failures}
    codes |= {2} if any(a.status == "refused" for a in outcome.analyses) else set()
    codes |= {3} if outcome.waiting else set()
    return min(codes, default=0)


def _show_plan(project: Project, output_format: str) -> int:
    from toolkit.update import plan as plan_steps

    steps = plan_steps(project)
    if output_format == "json":
        emit([{"name": s.name, "status": s.status, "why": s.why, "command": s.command} for s in steps])
    else:
        table(["step", "status", "why", "command"], [[s.name, s.status, s.why, s.command] for s in steps])
    found = {s.status for s in steps}
    return 2 if "refused" in found else 3 if "waiting" in found else 0


def _as_json(outcome: UpdateOutcome) -> dict[str, Any]:
    return {
        "searches": [
            {
                "source": s.source,
                "run": s.run_id,
                "date": s.searched_on,
                "count": s.count,
                "new": len(s.new),
                "known": len(s.known),
            }
            for s in outcome.searches
        ],
        "failures": [{"source": source, "problem": str(error)} for source, error in outcome.failures],
        "merged": outcome.merged,
        "analyses": [{"analysis": a.analysis.id, "status": a.status, "problem": a.problem} for a in outcome.analyses],
        "waiting": [asdict(w) for w in outcome.waiting],
        "closed_versions": list(outcome.closed),
        "news": [asdict(one) for one in outcome.news],
        "foreseen": [{**asdict(one), "words": one.words} for one in outcome.foreseen],
        "report": {"path": str(outcome.report.path), "written": outcome.report.written},
    }


def _show(outcome: UpdateOutcome) -> None:
    for s in outcome.searches:
        click.echo(
            f"{s.source} searched ({s.searched_on}): {counted(s.count, 'record')}, {len(s.new)} new, "
            f"{len(s.known)} known before" + (f", {len(s.dropped)} no longer found" if s.dropped else "")
        )
    if outcome.merged:
        click.echo(f"{counted(outcome.merged, 'duplicate')} joined")
    for status, words in (("fitted", "computed anew"), ("kept", "unchanged"), ("refused", "not run")):
        names = [a.analysis.id for a in outcome.analyses if a.status == status]
        if names:
            click.echo(f"Analyses {words}: {', '.join(names)}")
    for a in outcome.analyses:
        if a.problem is not None:
            click.echo(f"  {a.analysis.id}: {a.problem}")
    for label in outcome.closed:
        click.echo(f"Version {label} of the review is closed.")
    for one in outcome.news:
        if one.weighs:
            click.echo(f"News of {one.about}: {one.text}" + (f" [{one.source}]" if one.source else ""))
    lighter = sum(not one.weighs for one in outcome.news)
    if lighter:
        click.echo(
            f"{counted(lighter, 'lesser piece')} of news {'is' if lighter == 1 else 'are'} in the report."
            if lighter > 1
            else "One piece of news is in the report."
        )
    fresh = "" if outcome.report.written else " (nothing changed since it was written)"
    click.echo(f"Report: {outcome.report.path}{fresh}")
    for found in outcome.foreseen:
        click.echo(f"Before extraction, {found.analysis}: {found.words}.")
    if outcome.waiting:
        click.echo("Waiting for people:")
        for w in outcome.waiting:
            click.echo(f"  {w.n} {agreeing(w.n, w.what)}{f' ({w.person})' if w.person else ''}: {w.command}")
    for source, error in outcome.failures:
        click.echo(f"{source} was not searched: {error}", err=True)
