"""``evipool search recall``, ``report``, ``press``, ``note``: what is said about a search."""

from __future__ import annotations

from typing import Any

import click

from toolkit.cli.common import command_line, emit, format_option, open_project, project_options, table
from toolkit.model.wording import counted

__all__ = ["note", "press", "recall", "report"]


@click.command("recall")
@click.argument("seeds", type=click.Path(dir_okay=False))
@click.option("--strategy", required=True, metavar="FILE", help="The strategy tried, or its name in the project.")
@click.option("--replies", metavar="DIR", type=click.Path(exists=True, file_okay=False),
              help="Replay recorded replies instead of contacting PubMed.")  # fmt: skip
@format_option("table", "json")
@click.pass_context
def recall(ctx: click.Context, seeds: str, strategy: str, replies: str | None, output_format: str) -> None:
    """Which known studies a PubMed strategy finds, by which of its lines, and which it misses.

    SEEDS is a text file of PMIDs and DOIs, one a line, or any reference file. Nothing is stored.

    \b
    evipool search recall included.ris --strategy search_strategies/onfh-pubmed.txt
    """
    from dataclasses import asdict
    from pathlib import Path

    from toolkit.cli.search_parts import transport_of
    from toolkit.search.recall import read_seeds, recall_of
    from toolkit.search.strategy import read_strategy

    path = Path(strategy)
    if not path.is_file():
        from toolkit.search.runs import locate_strategy

        with open_project(ctx) as project:
            path = locate_strategy(project, strategy)
    found = recall_of(transport_of(ctx, replies), read_strategy(path), read_seeds(seeds))
    if output_format == "json":
        emit({**asdict(found), "share": found.share})
        return
    held = len(found.found) + len(found.missed)
    share = f" ({found.share:.0%})" if found.share is not None else ""
    click.echo(
        f"{path}: {len(found.found)} of {counted(held, 'known study', 'in PubMed is', 'in PubMed are')} found{share}."
    )
    rows = [(number, len(pmids), ", ".join(pmids[:12])) for number, pmids in found.by_line]
    if rows:
        table(("line", "finds", "PMIDs"), rows, right=(0, 1))
    for pmid in found.missed:
        lines = [str(number) for number, pmids in found.by_line if pmid in pmids]
        by = f"; only by line {', '.join(lines)}" if lines else "; by no line"
        name = found.name_of(pmid)
        click.echo(f"  missed: {pmid}{f'  {name}' if name != pmid else ''}{by}")
    for name in found.absent:
        click.echo(f"  not in PubMed: {name}")
    for name in found.unknown:
        click.echo(f"  without PMID and DOI, so not asked about: {name}")


@click.command("report")
@click.option("-o", "--output", type=click.Path(dir_okay=False), metavar="FILE", help="Where to write it.")
@format_option("markdown", "html", "json", default="markdown")
@project_options
@click.pass_context
def report(ctx: click.Context, output: str | None, output_format: str) -> None:
    """The search as a document: sources and their counts, PRISMA-S, every strategy exactly as run, peer review.

    What the project does not know is marked as the authors' to write; sources whose strategy is not kept are named.

    \b
    evipool search report -o report/search.html
    """
    import json
    from pathlib import Path

    from click.core import ParameterSource

    from toolkit.model.errors import InputError
    from toolkit.prisma.checklists import checklist
    from toolkit.records.tables import write_whole
    from toolkit.search.appendix import search_report
    from toolkit.search.appendix_text import as_html, as_markdown

    if output is not None and ctx.get_parameter_source("output_format") is ParameterSource.DEFAULT:
        kinds = {".md": "markdown", ".txt": "markdown", ".html": "html", ".htm": "html", ".json": "json"}
        if (suffix := Path(output).suffix.lower()) not in kinds:
            raise InputError("not a kind of file this report is written as", value=output, allowed=".md, .html, .json")
        output_format = kinds[suffix]
    with open_project(ctx) as project:
        rows = [(row.number, row.topic, row.answer) for row in checklist(project, "S")]
        made = search_report(project, rows)
    if output_format == "json":
        text = json.dumps(made.as_json(), ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    else:
        text = as_html(made) if output_format == "html" else as_markdown(made)
    if output is None:
        click.echo(text, nl=False)
    else:
        write_whole(Path(output), text.encode("utf-8"))
        click.echo(f"{output}: {counted(len(made.strategies), 'strategy')}, {counted(len(made.sources), 'source')}.")


@click.command("press")
@click.argument("strategy")
@click.option("--form", type=click.Path(dir_okay=False), metavar="FILE", help="Write a form for the peer to fill in.")
@click.option("--sign", type=click.Path(dir_okay=False), metavar="FILE", help="Store a filled form, signed by --as.")
@format_option("table", "json")
@project_options
@click.pass_context
def press(ctx: click.Context, strategy: str, form: str | None, sign: str | None, output_format: str) -> None:
    """Peer review of a STRATEGY by the six elements of PRESS 2015.

    --form writes the form, --sign stores it under the peer's name, and neither shows what is stored. A review holds
    for the very text it was made for: a strategy changed afterwards is said to be so.

    \b
    evipool search press onfh-pubmed.txt --form press.toml
    evipool search press onfh-pubmed.txt --sign press.toml --as 李华
    """
    from pathlib import Path

    from toolkit.model.errors import InputError
    from toolkit.records.tables import write_whole
    from toolkit.search import press as steps
    from toolkit.search.runs import locate_strategy
    from toolkit.search.strategy import read_strategy

    if form and sign:
        raise click.UsageError("--form makes an empty form, --sign takes a filled one: one at a time.")
    with open_project(ctx) as project:
        text = read_strategy(locate_strategy(project, strategy))
        if form:
            if Path(form).exists():
                raise InputError("The file is there already.", file=form)
            write_whole(Path(form), steps.form_text(text).encode("utf-8"))
            click.echo(f'{form}: fill it in, then: evipool search press "{strategy}" --sign "{form}" --as PEER')
            return
        if sign:
            steps.sign(project, text, sign, command=command_line(ctx))
        found = steps.press_reviews(project, text)
    if output_format == "json":
        from dataclasses import asdict

        emit([{**asdict(review), "verdict": review.verdict} for review in found])
        return
    if not found:
        click.echo("Nobody has reviewed this strategy yet.")
    for review in found:
        stale = "" if review.current else " (the strategy was changed afterwards)"
        click.echo(f"{review.strategy}, {review.peer}, {review.at[:10]}: {review.verdict}{stale}")
        rows = [(steps.ELEMENTS[name], steps.ANSWERS[answer], comment) for name, answer, comment in review.elements]
        table(("element", "answer", "comment"), rows)


@click.command("note")
@click.argument("source", required=False)
@click.option("--text", help="What was done, in a sentence.")
@click.option(
    "--count", type=click.IntRange(0), metavar="N", help="Items looked at or received; hits of a search, 0 too."
)
@click.option("--method", type=click.Choice(["search", "hand", "citations", "contacts", "grey", "website", "other"]),
              default="other", show_default=True, help="Kind of searching.")  # fmt: skip
@click.option("--date", "day", metavar="YYYY-MM-DD", help="The day it was done (default: today).")
@format_option("table", "json")
@project_options
@click.pass_context
def note(
    ctx: click.Context, source: str | None, text: str | None, count: int | None, method: str, day: str | None,
    output_format: str,
) -> None:  # fmt: skip
    """Keep what was done at a SOURCE of review.toml without a file: hand searching, contacts, a search without hits.

    Without SOURCE the notes are listed. A note makes no record: what was found there comes in by 'evipool import'.

    \b
    evipool search note "Experts" --method contacts --count 12 --text "Wrote to the authors of 12 trials"
    evipool search note "ISRCTN" --method search --count 0 --text "osteonecrosis AND hip, all fields"
    """
    from dataclasses import asdict

    from toolkit.cli.search_parts import day_of
    from toolkit.search.notes import note_source, source_notes

    with open_project(ctx) as project:
        if source is not None:
            if text is None:
                raise click.UsageError("Missing option '--text': what was done?")
            note_source(
                project, source, text=text, count=count, method=method, day=day_of(day, "--date"),
                command=command_line(ctx),
            )  # fmt: skip
        found = source_notes(project)
    if output_format == "json":
        emit([asdict(one) for one in found])
        return
    rows: list[tuple[Any, ...]] = [(n.source, n.kind, n.method, n.day, n.count, n.text, n.actor) for n in found]
    if rows:
        table(("source", "class", "method", "day", "count", "what was done", "by"), rows, right=(4,))
    else:
        click.echo("No notes yet.")
