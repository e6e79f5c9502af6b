"""``evipool dedup``: join records of one report, and everything a person can say about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from toolkit.cli.common import (
    Group,
    command_line,
    emit,
    format_option,
    keep_forms,
    open_project,
    project_options,
    table,
)
from toolkit.cli.dedup_common import STRICTNESS, force_option, line_of, note_option
from toolkit.cli.dedup_links import link, links, overlap, unlink
from toolkit.model.wording import counted

if TYPE_CHECKING:
    from toolkit.dedup.judge import Explanation
    from toolkit.dedup.run import DedupOutcome, Question
    from toolkit.model.records import ParsedRecord
    from toolkit.project import Project

SHOWN = ("title", "authors", "year", "journal", "volume", "issue", "pages", "doi", "pmid", "abstract")


@click.group(cls=Group, invoke_without_command=True)
@click.option("--strictness", type=STRICTNESS, help="How sure a merge must be; else as review.toml says (balanced).")
@click.option("--dry-run", is_flag=True, help="Say what each strictness would join and ask; write nothing.")
@click.option("--recompare", is_flag=True, help="Compare all records again, not only new ones; joined ones stay.")
@format_option("table", "json")
@project_options
@click.pass_context
def dedup(ctx: click.Context, strictness: str | None, dry_run: bool, recompare: bool, output_format: str) -> None:
    """Join records of one report, with the evidence kept.

    Records never compared before are compared with all records. Sure pairs are joined, doubtful ones wait for a person
    ('dedup review'), and nothing a person joined or took apart is touched. Running it twice changes nothing.

    "strict" joins only what is beyond doubt and asks more; "sensitive" joins more and may join too much: --dry-run
    tells how much. Reports that belong together, such as a preprint and its article, are proposed as links
    ('dedup links') and never joined.
    """
    if ctx.invoked_subcommand is not None:
        return
    from toolkit.dedup.run import dedup as run_dedup

    with open_project(ctx) as project:
        outcome = run_dedup(
            project, strictness=strictness, dry_run=dry_run, recompare=recompare, command=command_line(ctx)
        )
    if output_format == "json":
        emit(_as_json(outcome))
    else:
        _say(outcome)


@dedup.command("review")
@click.option("--list", "list_only", is_flag=True, help="Only list the pairs.")
@format_option("table", "json")
@project_options
@click.pass_context
def review(ctx: click.Context, list_only: bool, output_format: str) -> None:
    """Judge doubtful pairs one by one: d duplicate, n not a duplicate, s skip, q quit.

    Every answer is kept at once; what was answered is not asked again. Without a terminal, use --list and answer with
    'dedup merge' and 'dedup apart'.
    """
    from toolkit.dedup.run import questions

    with open_project(ctx) as project:
        waiting = questions(project)
        if output_format == "json":
            emit([_question_json(q) for q in waiting])
        elif not waiting:
            click.echo("No pair waits for a person.")
        elif list_only:
            _list(project, waiting)
        else:
            project.reviewer()
            _ask_all(project, waiting, command_line(ctx))


@dedup.command("merge")
@click.argument("records", nargs=-1, required=True)
@note_option
@project_options
@click.pass_context
def merge(ctx: click.Context, records: tuple[str, ...], note: str | None) -> None:
    """Join the reports of RECORDS (the start of an id, doi:..., pmid:..., or the source's own id).

    Decisions made on either report are kept; where they contradict, screening shows a conflict.
    """
    from toolkit.dedup.judge import merge as join

    with open_project(ctx) as project:
        done = join(project, records, note=note, command=command_line(ctx))
    if done.reports == 1:
        click.echo(f"They are one report already ({done.report}): nothing was changed.")
    else:
        click.echo(f"One report now, of {counted(done.records, 'record')}: {done.report}")


@dedup.command("split")
@click.argument("records", nargs=-1, required=True)
@click.option("--alone", is_flag=True, help="Take only RECORDS out; copies of them stay.")
@note_option
@project_options
@click.pass_context
def split(ctx: click.Context, records: tuple[str, ...], alone: bool, note: str | None) -> None:
    """Take RECORDS out of their report, each into one of its own; they are never joined again by a rule.

    Copies go along: records that the rules join to one that is taken out, and to none that stays.
    """
    from toolkit.dedup.judge import split as take_out

    with open_project(ctx) as project:
        done = take_out(project, records, alone=alone, note=note, command=command_line(ctx))
    click.echo("Taken apart" + (f"; the rest is report {done.rest}" if done.rest else ": each is a report of its own."))
    for copy, record in done.along.items():
        click.echo(f"  {copy} went along with {record[:8]}, of which it is a copy (--alone leaves it).")
    for copy, record in done.staying.items():
        click.echo(f"  {copy} stays, though the rules join it to {record[:8]}. If it belongs there:")
        click.echo(f"    evipool dedup split --alone {copy[:8]}, then evipool dedup merge {record[:8]} {copy[:8]}")


@dedup.command("apart")
@click.argument("first")
@click.argument("second")
@note_option
@project_options
@click.pass_context
def apart(ctx: click.Context, first: str, second: str, note: str | None) -> None:
    """Remember that two records are not duplicates, so that nobody is asked again."""
    from toolkit.dedup.judge import keep_apart

    with open_project(ctx) as project:
        keep_apart(project, first, second, note=note, command=command_line(ctx))
    click.echo("Noted: not duplicates.")


@dedup.command("explain")
@click.argument("first")
@click.argument("second")
@format_option("table", "json")
@project_options
@click.pass_context
def explain(ctx: click.Context, first: str, second: str, output_format: str) -> None:
    """Why two records are one report or two: field by field, the weights, the rule, and who said what."""
    from toolkit.dedup.judge import explain as why

    with open_project(ctx) as project:
        found = why(project, first, second)
        if output_format == "json":
            emit(_explanation_json(found))
            return
        _side_by_side(project, found.first, found.second)
        _explain(found)


@dedup.command("export")
@click.argument("file", type=click.Path(dir_okay=False))
@force_option
@project_options
@click.pass_context
def export(ctx: click.Context, file: str, force: bool) -> None:
    """Write FILE: every record with its report, who joined it and why (.csv, .xlsx), or one best record per report
    (.ris, .nbib, .bib)."""
    from pathlib import Path

    from toolkit.dedup.export import EXPORT_COLUMNS, best_records, export_rows
    from toolkit.records.tables import write_form
    from toolkit.records.write import write_file

    keep_forms(Path(file), force=force)
    with open_project(ctx) as project:
        if Path(file).suffix.lower() in (".csv", ".xlsx", ""):
            rows = export_rows(project)
            write_form(file, EXPORT_COLUMNS, rows)
            what = counted(len(rows), "record")
        else:
            best = best_records(project)
            write_file(file, best)
            what = counted(len(best), "report")
    click.echo(f"{what} -> {file}")


@dedup.command("score")
@click.argument("labelled", type=click.Path())
@click.option("--strictness", type=STRICTNESS, default="balanced", show_default=True, help="How sure a merge must be.")
@format_option("table", "json")
def score(labelled: str, strictness: str, output_format: str) -> None:
    """Measure deduplication on a LABELLED set: a CSV with a cluster_id column, or a folder with records.csv and
    clusters.csv. Needs no project."""
    from toolkit.dedup.export import read_labelled
    from toolkit.dedup.pipeline import find_duplicates
    from toolkit.dedup.scoring import score_matches

    columns, labels = read_labelled(labelled)
    found = score_matches(find_duplicates(columns, strictness=strictness), labels)
    facts: dict[str, Any] = {
        "records": found.records,
        "duplicates": found.duplicates,
        "right merges": found.right,
        "wrong merges": found.wrong,
        "missed merges": found.missed,
        "precision": round(found.precision, 4),
        "recall": round(found.recall, 4),
        "F1": round(found.f1, 4),
        "pairs asked": found.review,
        "of these true": found.review_true,
        "recall after review": round(found.recall_after_review, 4),
    }
    if output_format == "json":
        emit({name.replace(" ", "_"): value for name, value in facts.items()})
    else:
        table(("", "value"), list(facts.items()), right=(1,))


def _as_json(outcome: DedupOutcome) -> dict[str, Any]:
    names = ("compared", "merged", "asked", "linked", "waiting", "records", "reports", "dry_run")
    told = [
        {"strictness": f.strictness, "joined": f.joined, "expected_wrong": round(f.wrong, 2), "asked": f.asked}
        for f in outcome.forecast
    ]
    return {**{name: getattr(outcome, name) for name in names}, "by_rule": dict(outcome.by_rule), "forecast": told}


def _say(outcome: DedupOutcome) -> None:
    would = "would be " if outcome.dry_run else ""
    if not outcome.compared:
        click.echo(
            f"Nothing new: {counted(outcome.records, 'record', 'is', 'are')} {counted(outcome.reports, 'report')}."
        )
    else:
        click.echo(
            f"{counted(outcome.compared, 'record')} compared, {outcome.merged:,} {would}joined to another record."
        )
        for rule, n in outcome.by_rule.items():
            click.echo(f"  {n:>7,}  {rule}")
        verbs = ("would be", "would be") if outcome.dry_run else ("is", "are")
        click.echo(f"{counted(outcome.records, 'record', *verbs)} {counted(outcome.reports, 'report')}.")
    if outcome.forecast:
        rows = [(f.strictness, f"{f.joined:,}", f"{f.wrong:.1f}", f"{f.asked:,}") for f in outcome.forecast]
        table(("strictness", "would join", "wrong by the score's odds", "would ask"), rows, right=(1, 2, 3))
    if outcome.linked:
        click.echo(f"{counted(outcome.linked, 'pair')} of reports {would}linked, not joined: evipool dedup links")
    if outcome.waiting:
        waits = counted(outcome.waiting, "pair", "waits", "wait")
        click.echo(f"{waits} for a person: evipool dedup review --as NAME")


def _question_json(q: Question) -> dict[str, Any]:
    return {"first": q.first, "second": q.second, "score": q.score, "rule": q.rule, "fields": dict(q.fields)}


def _list(project: Project, waiting: list[Question]) -> None:
    from toolkit.store import views

    stored = views.records(project.store, {rid for q in waiting for rid in (q.first, q.second)})
    rows = []
    for q in waiting:
        a, b = stored[q.first].fields, stored[q.second].fields
        rows.append((f"{q.score:.1f}", q.rule, f"{q.first[:8]}\n{q.second[:8]}", f"{_brief(a)}\n{_brief(b)}"))
    table(("score", "why asked", "records", "title, first author, year, journal"), rows, right=(0,))
    click.echo("Answer with: evipool dedup review | dedup merge A B | dedup apart A B")


def _brief(record: ParsedRecord) -> str:
    return line_of(
        record.title or "(no title)", record.authors[0] if record.authors else None, record.year, record.journal
    )


def _ask_all(project: Project, waiting: list[Question], command: str) -> None:
    from toolkit.dedup.judge import keep_apart, merge
    from toolkit.store import views

    done = 0
    for number, q in enumerate(waiting, start=1):
        now = views.assignments(project.store)
        if now[q.first] == now[q.second]:
            continue
        click.echo(f"\nPair {number} of {len(waiting)}: score {q.score:.1f}, asked because of: {q.rule}")
        _side_by_side(project, q.first, q.second)
        answer = click.prompt(
            "[d]uplicate, [n]ot a duplicate, [s]kip, [q]uit",
            type=click.Choice(["d", "n", "s", "q"]), show_choices=False,
        )  # fmt: skip
        if answer == "q":
            break
        if answer == "d":
            merge(project, [q.first, q.second], command=command)
        elif answer == "n":
            keep_apart(project, q.first, q.second, command=command)
        done += answer != "s"
    click.echo(f"{counted(done, 'pair')} judged; {counted(len(waiting) - done, 'pair', 'waits', 'wait')}.")


def _side_by_side(project: Project, first: str, second: str) -> None:
    from toolkit.store import views

    stored = views.records(project.store, [first, second])
    runs = views.record_runs(project.store)
    a, b = stored[first].fields, stored[second].fields
    rows: list[tuple[str, str, str, str]] = [("source", "", runs[first].source, runs[second].source)]
    for name in SHOWN:
        left, right = _text(getattr(a, name)), _text(getattr(b, name))
        if left or right:
            rows.append((name, "≠" if left and right and left != right else "", left, right))
    table(("", "", first[:8], second[:8]), rows)


def _text(value: object) -> str:
    if isinstance(value, tuple):
        value = "; ".join(value)
    text = "" if value is None else str(value)
    return text if len(text) <= 240 else text[:239] + "…"


def _explain(found: Explanation) -> None:
    state = "one report" if found.is_joined else "two reports"
    click.echo(f"They are {state} now; by the rules alone: {found.verdict}.")
    why, limits = found.evidence, found.thresholds
    if why.rule == "score":
        click.echo("No rule decides: the score does, the sum of the weights below.")
    else:
        joins = " It joins whatever the score." if found.verdict == "merged" else ""
        click.echo(f"Rule: {why.rule} ({why.says}).{joins}")
    rows = [("every pair", "starts at", f"{why.constant:+.2f}")]
    rows += [(field, level, f"{weight:+.2f}") for field, level, weight in why.weights]
    table(("field", "level", "adds"), [*rows, ("score", "", f"{why.total:.2f}")], right=(2,))
    click.echo(f"By the score alone ({found.strictness}): joined from {limits.merge:g}, asked from {limits.ask:g}.")
    for event in found.history:
        what = "apart" if event.kind == "apart" else f"-> report {str(event.value)[:8]}"
        taken_back = " (taken back)" if event.void else ""
        note = f' "{event.payload["note"]}"' if event.payload.get("note") else ""
        click.echo(f"{event.at[:16]}  {event.actor}: {event.subject[:8]} {what}{taken_back}{note}")


def _explanation_json(found: Explanation) -> dict[str, Any]:
    return {
        "first": found.first,
        "second": found.second,
        "is_joined": found.is_joined,
        "verdict": found.verdict,
        "rule": found.evidence.rule,
        "says": found.evidence.says,
        "score": round(found.evidence.total, 4),
        "decided_by_score": found.evidence.rule == "score",
        "joined_from": found.thresholds.merge,
        "asked_from": found.thresholds.ask,
        "fields": found.evidence.fields,
        "constant": found.evidence.constant,
        "weights": [{"field": f, "level": lv, "adds": w} for f, lv, w in found.evidence.weights],
        "history": [
            {
                "at": e.at,
                "actor": e.actor,
                "kind": e.kind,
                "subject": e.subject,
                "value": e.value,
                "void": e.void,
                "note": e.payload.get("note"),
            }
            for e in found.history
        ],
    }


for _command in (links, link, unlink, overlap):
    dedup.add_command(_command)
