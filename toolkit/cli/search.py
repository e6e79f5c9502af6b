"""evipool search: run, check, compare and list database searches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from toolkit.cli.common import Group, command_line, folder_of, format_option, open_project, project_options
from toolkit.cli.search_parts import day_of, transport_of
from toolkit.cli.search_report import note, press, recall, report
from toolkit.cli.search_strategy import citations, translate
from toolkit.model.wording import counted

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from toolkit.model.review import Run
    from toolkit.search.lint import Finding
    from toolkit.search.run import SearchOutcome


@click.group(cls=Group)
def search() -> None:
    """Run, check and compare database searches.

    A strategy is a text file in search_strategies/. PubMed, Europe PMC, OpenAlex, Crossref and ClinicalTrials.gov are
    searched from here; other databases on their own sites, and their exports are brought in with 'evipool import'.
    """


for _command in (translate, recall, citations, report, press, note):
    search.add_command(_command)


@search.command("run")
@click.argument("strategy")
@click.option("--date", "day", metavar="YYYY-MM-DD", help="Day of the search (default: the day PubMed answers).")
@click.option("--replies", metavar="DIR", type=click.Path(exists=True, file_okay=False),
              help="Replay recorded replies instead of contacting PubMed; the run says so.")  # fmt: skip
@click.option("--accept-warnings", is_flag=True,
              help="Sign off what PubMed did otherwise than written, or could not deliver.")  # fmt: skip
@click.option("--from", "first", metavar="YYYY-MM-DD", help="Only records that PubMed created since this day.")
@click.option("--to", "last", metavar="YYYY-MM-DD", help="Only records that PubMed created up to this day.")
@click.option("--window-field", type=click.Choice(["crdt", "edat", "mhda", "any"]), default="crdt", show_default=True,
              help="Date of --from and --to: created, entered, MeSH added, any of them.")  # fmt: skip
@click.option("--since-last", is_flag=True, help="Only what is new in any of these dates since the last run.")
@click.option("--overlap", type=click.IntRange(min=0), default=7, show_default=True,
              help="Days that --since-last reaches back before the last run.")  # fmt: skip
@click.option("--line-counts", is_flag=True, help="Ask for the number of hits of every line too.")
@format_option("table", "json")
@project_options
@click.pass_context
def run(
    ctx: click.Context,
    strategy: str,
    day: str | None,
    replies: str | None,
    accept_warnings: bool,
    first: str | None,
    last: str | None,
    window_field: str,
    since_last: bool,
    overlap: int,
    line_counts: bool,
    output_format: str,
) -> None:
    """Search with STRATEGY (a file, or a name in search_strategies/) and store what is new.

    The header of the file says where: PubMed, Europe PMC, OpenAlex, Crossref or ClinicalTrials.gov. Running it again,
    also after an interruption, goes on where it stopped and adds nothing twice.

    \b
    evipool search run onfh-pubmed.txt
    """
    from toolkit.search.run import Window, run_search, window_since_last

    if since_last and (first or last):
        raise click.UsageError("--since-last sets the window itself: leave out --from and --to")
    window = Window(first=day_of(first, "--from"), last=day_of(last, "--to"), field=window_field)
    with open_project(ctx) as project, _Bar(quiet=output_format == "json") as bar:
        if since_last:
            window = window_since_last(project, strategy, overlap_days=overlap)
        outcome = run_search(
            project,
            strategy,
            transport=transport_of(ctx, replies),
            date=day_of(day, "--date"),
            accept_warnings=accept_warnings,
            window=window,
            line_counts=line_counts,
            progress=bar.update,
            command=command_line(ctx),
        )
    if output_format == "json":
        from toolkit.cli.common import emit

        emit(_as_json(outcome))
    else:
        _show(outcome)


@search.command("check")
@click.argument("files", nargs=-1, required=True)
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@format_option("table", "json")
@project_options
@click.pass_context
def check(ctx: click.Context, files: tuple[str, ...], strict: bool, output_format: str) -> int:
    """Look for what would break a strategy or change its meaning: brackets, quotes, operators, line references.

    FILES are paths, or names in the search_strategies/ of the project; a path needs no project. Each finding names
    file, line and column. The exit code is 2 if a strategy has errors.
    """
    from dataclasses import asdict

    from toolkit.search.lint import check_strategy
    from toolkit.search.strategy import query_of, read_strategy, strategy_file

    found: list[Finding] = []
    shown: list[dict[str, Any]] = []
    for file in files:
        strategy = read_strategy(strategy_file(folder_of(ctx), file))
        findings = check_strategy(strategy)
        found += findings
        broken = any(finding.severity == "error" for finding in findings)
        query = None if broken else query_of(strategy)
        shown.append({"file": file, "platform": strategy.platform, "lines": len(strategy.lines), "query": query,
                      "findings": [asdict(finding) for finding in findings]})  # fmt: skip
        if output_format == "table":
            for finding in findings:
                click.echo(str(finding))
            verdict = "not fit to run" if broken else "no errors"
            click.echo(
                f"{file}: {strategy.platform}, {counted(len(strategy.lines), 'line')}, "
                f"{counted(len(findings), 'finding')}, {verdict}"
            )
    if output_format == "json":
        from toolkit.cli.common import emit

        emit(shown)
    bad = any(finding.severity == "error" or strict for finding in found)
    return 2 if bad else 0


@search.command("diff")
@click.argument("run1")
@click.argument("run2")
@format_option("table", "json")
@project_options
@click.pass_context
def diff(ctx: click.Context, run1: str, run2: str, output_format: str) -> None:
    """Compare two runs: what was gained and lost, query, translation and count.

    Runs are named as 'search list' shows them. Two searches of one source are compared by its ids, imported exports by
    the reports they hold, so deduplicate first.

    \b
    evipool search diff previous last
    """
    from toolkit.search.compare import compare_runs
    from toolkit.search.run import find_run
    from toolkit.store.keys import ReportKeys

    with open_project(ctx) as project:
        found = compare_runs(project, find_run(project, run1), find_run(project, run2))
        short: Callable[[str], str] = ReportKeys(project.store).short if found.unit == "report" else str
        gained, lost = [short(one) for one in found.gained], [short(one) for one in found.lost]
    if output_format == "json":
        from toolkit.cli.common import emit

        emit(found.as_json())
        return
    click.echo(f"{found.first_id[:8]} ({found.first_day}): {counted(found.first_count, 'record')}")
    click.echo(f"{found.second_id[:8]} ({found.second_day}): {counted(found.second_count, 'record')}")
    what = "reports " if found.unit == "report" else ""
    click.echo(f"{what}gained {len(found.gained)}: {_some(gained)}")
    click.echo(f"{what}lost {len(found.lost)}: {_some(lost)}")
    click.echo(f"in both {found.shared}")
    for what, before, after in found.differences:
        click.echo(f"{what} differs:\n  before: {before}\n  after:  {after}")
    if found.lost and any(what == "window" for what, *_ in found.differences):
        click.echo("The runs were limited otherwise, so what is lost may only lie outside of the second.")


@search.command("list")
@format_option("table", "json")
@project_options
@click.pass_context
def list_(ctx: click.Context, output_format: str) -> None:
    """The searches and imported exports of this review, unfinished ones too."""
    from toolkit.cli.common import emit, table
    from toolkit.store import views

    with open_project(ctx) as project:
        runs = views.runs(project.store, include_open=True)
    if output_format == "json":
        emit([_run_as_json(run) for run in runs])
        return
    if not runs:
        click.echo("Nothing has been searched or imported yet: 'evipool search run STRATEGY', 'evipool import FILE'.")
        return
    rows = [
        (
            run.id[:8],
            run.source,
            run.searched_on,
            run.file_name,
            run.detail.get("count", run.detail.get("records", "")),
            run.detail.get("new", ""),
            _state(run) + (", replayed" if run.detail.get("replayed") else ""),
        )
        for run in runs
    ]
    table(("run", "source", "searched on", "strategy or export", "hits", "new", "state"), rows, right=(4, 5))


def _state(run: Run) -> str:
    if run.completed_at is not None:
        return "complete"
    return "taken back (undo): counts nowhere" if run.taken_back else "open: run it again to finish"


@search.command("discard")
@click.argument("run")
@project_options
@click.pass_context
def discard(ctx: click.Context, run: str) -> None:
    """Give up an unfinished run; what it fetched is kept but counts nowhere."""
    from toolkit.search.run import discard_run

    with open_project(ctx) as project:
        click.echo(f"Discarded the unfinished run {discard_run(project, run, command=command_line(ctx))[:8]}.")


class _Bar:
    """Progress on a terminal, nothing elsewhere; rich is loaded only when there is something to show."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._progress: Progress | None = None
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def update(self, what: str, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` ids or records are there."""
        import sys

        if self._quiet or not sys.stderr.isatty():
            return
        if self._progress is None:
            from rich.progress import Progress as NewProgress

            from toolkit.cli.common import console

            self._progress = NewProgress(console=console(stderr=True), transient=True)
            self._progress.start()
        if what not in self._tasks:
            self._tasks[what] = self._progress.add_task(what, total=total)
        self._progress.update(self._tasks[what], completed=done, total=total)


def _as_json(outcome: SearchOutcome) -> dict[str, Any]:
    from dataclasses import fields

    plain = {f.name: getattr(outcome, f.name) for f in fields(outcome) if f.name != "changes"}
    return {**plain, "changes": outcome.changes.as_payload()}


def _run_as_json(run: Run) -> dict[str, Any]:
    complete = run.completed_at is not None
    about = {
        "run": run.id,
        "source": run.source,
        "strategy": run.file_name,
        "searched_on": run.searched_on,
        "complete": complete,
        "taken_back": run.taken_back,
    }
    return {**run.detail, **about}


def _show(outcome: SearchOutcome) -> None:
    origin = " (recorded replies, PubMed was not asked)" if outcome.replayed else ""
    click.echo(f"{outcome.source}, searched on {outcome.searched_on}{origin}: {counted(outcome.count, 'record')}.")
    click.echo(f"  new {len(outcome.new):,}, known already {len(outcome.known):,}, run {outcome.run_id[:8]}")
    if outcome.repeated:
        click.echo("  This very search was complete already; nothing was added.")
    if outcome.resumed:
        click.echo("  An unfinished run was carried on.")
    if outcome.translation is not None:
        click.echo(f"  {outcome.source} read the query as: {outcome.translation}")
    for warning in outcome.warnings:
        click.echo(f"  signed off: {warning}")
    if outcome.missing:
        click.echo(f"  listed but not delivered, signed off: {_some(outcome.missing)}")
    changes = outcome.changes
    for what, pmids in (
        ("no more in the result", outcome.dropped if outcome.source != "PubMed" else ()),
        ("RETRACTED since it was fetched", changes.retracted),
        ("corrected since it was fetched", changes.corrected),
        ("changed in PubMed since the previous run", changes.changed),
        ("no more in the result, withdrawn from PubMed", changes.withdrawn),
        ("no more in the result, still in PubMed", changes.reindexed),
    ):
        if pmids:
            click.echo(f"  {what} ({len(pmids)}): {_some(pmids)}")
    for pmid, what in changes.details[:20]:
        click.echo(f"    {pmid}: {what}")


def _some(pmids: Sequence[str]) -> str:
    rest = f" and {len(pmids) - 20} more" if len(pmids) > 20 else ""
    return (", ".join(pmids[:20]) or "none") + rest
