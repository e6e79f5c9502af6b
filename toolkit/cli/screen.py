"""``evipool screen``: title-abstract and full-text decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from toolkit.cli.common import (
    Group,
    Number,
    command_line,
    emit,
    form_option,
    format_option,
    keep_forms,
    open_project,
    project_options,
    table,
)
from toolkit.model.wording import counted

if TYPE_CHECKING:
    from toolkit.project import Project
    from toolkit.screening.agreement import Agreement
    from toolkit.screening.run import VoteOutcome

STAGE = click.Choice(["title-abstract", "full-text"])
stage_option = click.option("--stage", type=STAGE, required=True, help="Which stage of screening.")
stage_filter = click.option("--stage", type=STAGE, help="Only this stage.")


@click.group(cls=Group)
def screen() -> None:
    """Title-abstract and full-text decisions, conflicts, agreement.

    Each reviewer fills in a form of their own ('screen export', 'screen import') or votes one by one
    ('screen decide'); nobody's form shows another's votes. Where two differ, 'screen conflicts' lists the report
    and 'screen resolve' settles it; the votes stay.
    """


@screen.command("export")
@click.argument("file", type=click.Path(dir_okay=False))
@stage_option
@click.option("--for", "reviewer", metavar="NAME", help="Whose form it is (default: --as).")
@click.option("--todo", is_flag=True, help="Only reports that still lack this reviewer's vote.")
@format_option("csv", "xlsx", "ris", default="csv", help_text="Kind of file, where the ending of FILE does not say.")
@click.option("--force", is_flag=True, help="Overwrite FILE.")
@project_options
@click.pass_context
def export(
    ctx: click.Context, file: str, stage: str, reviewer: str | None, todo: bool, output_format: str, force: bool
) -> None:
    """Write a screening form to FILE: report, title, abstract, authors ... and columns for verdict, reason, note.

    FILE ending in .xlsx or .ris is written as such. Fill in include, exclude or maybe, and bring the form back with
    'screen import FILE'. An existing verdict of the same reviewer is shown; another's never.
    """
    from pathlib import Path

    from toolkit.records.tables import write_form
    from toolkit.screening.forms import FORM_COLUMNS
    from toolkit.screening.run import form_rows

    path = Path(file)
    keep_forms(path, force=force)
    suffix = path.suffix.lower().lstrip(".")
    kind = suffix if suffix in ("csv", "xlsx", "ris") else output_format
    with open_project(ctx) as project:
        person = reviewer or project.reviewer(required=False)
        if reviewer is not None:
            _known(project, reviewer)
        rows = form_rows(project, stage, reviewer=person, todo=todo)
        if kind == "ris":
            from toolkit.screening.run import write_ris

            write_ris(project, path, [row["report"] or "" for row in rows])
        else:
            write_form(path, FORM_COLUMNS, rows)
        whose = f" for {person}" if person else ""
        click.echo(f"{counted(len(rows), 'report')} at {stage}{whose} -> {path}")
        if not rows:
            click.echo("Nothing is eligible at this stage yet: see 'evipool status'.")
        elif kind != "ris":
            click.echo(f'When it is filled in: evipool screen import "{path}" --stage {stage} --as {person or "NAME"}')


@screen.command("import")
@click.argument("file", type=click.Path(dir_okay=False))
@stage_option
@project_options
@click.pass_context
def import_(ctx: click.Context, file: str, stage: str) -> None:
    """Read the verdicts of a filled form (CSV or XLSX) as the reviewer named by --as.

    Only verdicts that differ from those standing are stored; an empty cell says nothing. The reports are found by
    the columns report, doi, pmid or title; yes/no and 1/0 are understood and named in the output.
    """
    from toolkit.screening.run import import_votes

    with open_project(ctx) as project:
        outcome = import_votes(project, file, stage=stage, command=command_line(ctx))
        _say(outcome, project, stage)


@screen.command("decide")
@click.argument("report")
@click.argument("verdict", type=click.Choice(["include", "exclude", "maybe"]))
@stage_option
@click.option("--reason", help="Exclusion reason of review.toml, in words or by its number.")
@click.option("--note", help="A remark kept with the vote.")
@project_options
@click.pass_context
def decide(ctx: click.Context, report: str, verdict: str, stage: str, reason: str | None, note: str | None) -> None:
    """Vote on one REPORT: the start of its id (8 characters do), doi:..., pmid:... or its exact title."""
    from toolkit.screening.run import decide as cast

    with open_project(ctx) as project:
        outcome = cast(project, report, verdict, stage=stage, reason=reason, note=note, command=command_line(ctx))
        _say(outcome, project, stage)


@screen.command("conflicts")
@stage_filter
@format_option()
@form_option
@project_options
@click.pass_context
def conflicts(ctx: click.Context, stage: str | None, output_format: str, output: str | None) -> None:
    """Reports on which reviewers disagree, once all votes are in.

    What --output or --format csv write is a form for 'screen resolve --file': fill in verdict (and reason).
    """
    from toolkit.cli.common import csv_text, wrote_form
    from toolkit.screening.run import conflicts as find
    from toolkit.store.keys import ReportKeys

    with open_project(ctx) as project:
        found = find(project, stage)
        keys = ReportKeys(project.store)
        if output_format == "json" and output is None:
            emit(
                [
                    {
                        "report": c.report,
                        "stage": c.stage,
                        "title": c.title,
                        "votes": [
                            {"reviewer": v.actor, "verdict": v.verdict, "reason": v.reason, "note": v.note, "at": v.at}
                            for v in c.votes
                        ],
                    }
                    for c in found
                ]
            )
            return
        rows = [[c.report, c.stage, c.title, "; ".join(_vote_words(v) for v in c.votes)] for c in found]
        header, form = (
            ["report", "stage", "title", "votes", "verdict", "reason", "note"],
            [[*r, "", "", ""] for r in rows],
        )
        stages = {c.stage for c in found}
        of_stage = stages.pop() if len(stages) == 1 else stage or "STAGE"
        if output is not None:
            wrote_form(output, header, form, f'evipool screen resolve --file "{{file}}" --stage {of_stage} --as NAME')
            return
        if output_format == "csv":
            click.echo(csv_text(header, form), nl=False)
            return
        if not found:
            click.echo("No conflicts.")
            return
        table(["report", "stage", "title", "votes"], [[keys.short(str(row[0])), *row[1:]] for row in rows])
        first = found[0]
        click.echo(
            f"Settle one: evipool screen resolve {keys.short(first.report)} include --stage {first.stage} --as NAME"
        )
        if len(found) > 1:
            click.echo(f"Settle all by a form: evipool screen conflicts --stage {of_stage} --output conflicts.csv")


@screen.command("resolve")
@click.argument("report", required=False)
@click.argument("verdict", required=False, type=click.Choice(["include", "exclude"]))
@stage_option
@click.option("--file", "file", type=click.Path(dir_okay=False), help="A filled form instead: report, verdict, reason.")
@click.option("--reason", help="Exclusion reason of review.toml, in words or by its number.")
@click.option("--note", help="A remark kept with the decision.")
@project_options
@click.pass_context
def resolve(
    ctx: click.Context,
    report: str | None,
    verdict: str | None,
    stage: str,
    file: str | None,
    reason: str | None,
    note: str | None,
) -> None:
    """Settle the conflict on REPORT, or those of a form; the votes stay as they were given.

    A vote that arrives later and differs opens the conflict again.
    """
    from toolkit.screening import run

    if (file is None) == (report is None) or (report is not None and verdict is None):
        raise click.UsageError("Give REPORT and include or exclude, or --file FILE.")
    with open_project(ctx) as project:
        if file is not None:
            outcome = run.resolve_file(project, file, stage=stage, command=command_line(ctx))
        else:
            outcome = run.resolve(
                project,
                report or "",
                verdict or "",
                stage=stage,
                reason=reason,
                note=note,
                command=command_line(ctx),
            )
        left = len(run.conflicts(project, stage))
        click.echo(
            f"{outcome.new + outcome.changed} settled, {outcome.unchanged} as before; {counted(left, 'conflict')} left."
        )


@screen.command("remove")
@click.argument("reports", nargs=-1, required=True)
@click.option(
    "--by", type=click.Choice(["other", "automation"]), default="other", show_default=True, help="The PRISMA box."
)
@click.option("--reason", help="Why, in words.")
@click.option("--back", is_flag=True, help="Bring them back instead.")
@project_options
@click.pass_context
def remove(ctx: click.Context, reports: tuple[str, ...], by: str, reason: str | None, back: bool) -> None:
    """Take REPORTS out before screening (PRISMA: marked ineligible by automation tools, or for other reasons)."""
    from toolkit.screening.run import remove as take_out

    with open_project(ctx) as project:
        count = take_out(project, reports, by=by, reason=reason, back=back, command=command_line(ctx))
        click.echo(f"{counted(count, 'report')} {'brought back' if back else 'removed before screening'}.")


@screen.command("agreement")
@stage_filter
@click.option("--level", type=Number(0.5, 0.999), default=0.95, show_default=True, help="Confidence level.")
@format_option()
@project_options
@click.pass_context
def agreement(ctx: click.Context, stage: str | None, level: float, output_format: str) -> None:
    """Agreement of each pair of reviewers on the votes they gave first, before any conflict was resolved.

    Cohen's kappa collapses where almost everything is excluded: read it beside the observed agreement, PABAK, the
    prevalence and bias indices, and Gwet's AC1. "maybe" counts as include.
    """
    from dataclasses import asdict

    from toolkit.cli.common import csv_text
    from toolkit.screening.run import agreement as measure

    with open_project(ctx) as project:
        found = [(s, a) for s in ("title-abstract", "full-text") if stage in (None, s)
                 for a in measure(project, s, level=level)]  # fmt: skip
    rows = [{"stage": s, "n": a.n, **asdict(a)} for s, a in found]
    if output_format == "json":
        emit(rows)
    elif output_format == "csv":
        click.echo(csv_text(list(rows[0]) if rows else ["stage", "first", "second"], rows), nl=False)
    elif not rows:
        click.echo("No two reviewers have judged the same report yet.")
    else:
        for name, one in found:
            _show_agreement(name, one)


def _show_agreement(stage: str, a: Agreement) -> None:
    percent = f"{100 * a.level:g} %"
    maybe = f' ({a.maybe} with a "maybe", read as include)' if a.maybe else ""
    click.echo(f"{stage}: {a.first} and {a.second}, {counted(a.n, 'report')} judged by both{maybe}")
    table(
        [f"{a.first} \\ {a.second}", "include", "exclude"],
        [["include", a.n11, a.n10], ["exclude", a.n01, a.n00]],
        right=(1, 2),
    )
    table(
        ["measure", "value", f"{percent} interval"],
        [
            ["observed agreement", _number(a.observed), ""],
            ["Cohen's kappa", _number(a.kappa), _range(a.kappa_low, a.kappa_high)],
            ["PABAK", _number(a.pabak), ""],
            ["Gwet's AC1", _number(a.ac1), _range(a.ac1_low, a.ac1_high)],
            ["prevalence index", _number(a.prevalence_index), ""],
            ["bias index", _number(a.bias_index), ""],
            ["agreement on include", _number(a.positive), ""],
            ["agreement on exclude", _number(a.negative), ""],
        ],
        right=(1,),
    )


@screen.command("progress")
@stage_filter
@format_option()
@project_options
@click.pass_context
def progress(ctx: click.Context, stage: str | None, output_format: str) -> None:
    """Reports by standing at each stage, and how many votes each reviewer still owes."""
    from dataclasses import asdict

    from toolkit.cli.common import csv_text
    from toolkit.screening.progress import progress as count

    with open_project(ctx) as project:
        found = count(project, stage)
    if output_format == "json":
        emit([asdict(p) for p in found])
        return
    header = ["stage", "eligible", "included", "excluded", "conflicts", "waiting", "unseen"]
    rows: list[list[Any]] = [[getattr(p, name) for name in header] for p in found]
    if output_format == "csv":
        click.echo(csv_text(header, rows), nl=False)
        return
    table(header, rows, right=tuple(range(1, 7)))
    people = [[p.stage, person, given, p.waits_for.get(person, 0)] for p in found for person, given in p.votes.items()]
    if people:
        table(["stage", "reviewer", "votes given", "still to give"], people, right=(2, 3))


def _say(outcome: VoteOutcome, project: Project, stage: str) -> None:
    from toolkit.screening.progress import progress as count

    for note in outcome.notes:
        click.echo(f"Note: {note}.", err=True)
    click.echo(f"{counted(outcome.new, 'new vote')}, {outcome.changed} changed, {outcome.unchanged} as before.")
    (now,) = count(project, stage)
    left = now.waits_for.get(project.actor, 0)
    click.echo(f"{stage}: {counted(left, 'report')} left for {project.actor}; {counted(now.conflicts, 'conflict')}.")


def _known(project: Project, name: str) -> None:
    from toolkit.model.errors import InputError

    names = [r.name for r in project.config.reviewers]
    if name not in names:
        raise InputError("this reviewer is not in review.toml", value=name, allowed=", ".join(names) or None)


def _vote_words(vote: Any) -> str:
    return f"{vote.actor}: {vote.verdict}" + (f" ({vote.reason})" if vote.reason else "")


def _number(value: float | None) -> str:
    return "not defined" if value is None else f"{value:.3f}"


def _range(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{low:.3f} to {high:.3f}"
