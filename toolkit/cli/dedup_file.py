"""``evipool dedup-file``: deduplication for people who want only this."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from toolkit.cli.common import emit, format_option, keep_forms
from toolkit.cli.dedup_common import STRICTNESS, force_option
from toolkit.model.wording import counted


@click.command("dedup-file")
@click.argument("files", nargs=-1, required=True, type=click.Path(dir_okay=False))
@click.option(
    "-o", "--output", required=True, metavar="FILE", help="Where to write (.ris, .nbib, .bib, .csv, .xml or .json)."
)
@click.option("--strictness", type=STRICTNESS, default="balanced", show_default=True, help="How sure a merge must be.")
@click.option("--trace", metavar="FILE", help="Also write which record went where and why (CSV or XLSX).")
@click.option("--questions", metavar="FILE", help="Also write the pairs a person should look at (CSV or XLSX).")
@click.option("--accept-loss", is_flag=True, help="Go on without records that cannot be read.")
@click.option("--prefer", metavar="FILE", multiple=True, help="Take this file's fields first. Repeatable, in order.")
@force_option
@format_option("table", "json")
def dedup_file(
    files: tuple[str, ...],
    output: str,
    strictness: str,
    trace: str | None,
    questions: str | None,
    prefer: tuple[str, ...],
    force: bool,
    accept_loss: bool,
    output_format: str,
) -> None:
    """Join the duplicates of reference FILES (RIS, NBIB, PubMed XML, EndNote, BibTeX, CSV ...) into one file.

    Each report is written once, with the best of every field: the longest abstract, full author names, all DOIs.
    Pairs that are not sure enough stay apart; --questions lists them. The input files are not changed, and
    files that exist are not overwritten without --force.

    \b
    evipool dedup-file pubmed.nbib embase.ris -o joined.ris --trace trace.csv --questions pairs.csv
    """
    from toolkit.dedup.files import QUESTION_COLUMNS, TRACE_COLUMNS, dedup_files
    from toolkit.records.tables import write_form
    from toolkit.records.write import write_file

    targets = [Path(name) for name in (output, trace, questions) if name]
    _refuse_overwriting([Path(file) for file in files], targets)
    for target in targets:
        keep_forms(target, force=force)
    outcome = dedup_files(files, strictness=strictness, prefer=prefer, accept_loss=accept_loss)
    write_file(output, outcome.best)
    if trace:
        write_form(trace, TRACE_COLUMNS, outcome.trace)
    if questions:
        write_form(questions, QUESTION_COLUMNS, outcome.questions)
    removed = outcome.records - len(outcome.best)
    if output_format == "json":
        emit(
            {
                "files": [{"name": name, "records": n} for name, n in outcome.files],
                "records": outcome.records,
                "reports": len(outcome.best),
                "duplicates": removed,
                "questions": len(outcome.questions),
                "unread": outcome.unread,
                "notes": list(outcome.notes),
                "output": output,
            }
        )
        return
    for note in outcome.notes:
        click.echo(f"Note: {note}.", err=True)
    for name, n in outcome.files:
        click.echo(f"{name}: {counted(n, 'record')}")
    if outcome.unread:
        click.echo(f"{counted(outcome.unread, 'record')} could not be read and are not in the output.", err=True)
    click.echo(
        f"{counted(outcome.records, 'record')}, {counted(removed, 'duplicate')} joined, "
        f"{len(outcome.best):,} left -> {output}"
    )
    if outcome.questions:
        where = f"see {questions}" if questions else "list them with --questions FILE.csv"
        one = len(outcome.questions) == 1
        click.echo(
            f"{counted(len(outcome.questions), 'pair')} may be {'a duplicate' if one else 'duplicates'} and "
            f"{'was' if one else 'were'} left apart: {where}."
        )


def _refuse_overwriting(files: Sequence[Path], targets: Sequence[Path]) -> None:
    from toolkit.model.errors import InputError

    for target in targets:
        if target.exists() and any(file.exists() and file.samefile(target) for file in files):
            raise InputError("The new file would replace one that is read; give it another name.", file=target)
    if len({target.resolve() for target in targets}) < len(targets):
        raise InputError("Two of the new files have the same name; give it another name.", file=targets[-1])
