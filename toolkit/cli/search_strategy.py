"""``evipool search translate`` and ``citations``: from a strategy, or from known reports, to others."""

from __future__ import annotations

import click

from toolkit.cli.common import command_line, emit, folder_of, format_option, open_project, project_options
from toolkit.model.wording import counted

__all__ = ["citations", "translate"]


@click.command("translate")
@click.argument("file")
@click.option("--to", "target", required=True, metavar="PLATFORM",
              help="pubmed, ovid, embase, cochrane, wos, scopus, ebsco or cnki.")  # fmt: skip
@click.option("--database", metavar="NAME", help="Database there; at Ovid and EBSCOhost it decides the headings.")
@click.option("-o", "--output", type=click.Path(dir_okay=False), metavar="FILE", help="Where to write the draft.")
@format_option("table", "json")
@project_options
@click.pass_context
def translate(
    ctx: click.Context, file: str, target: str, database: str | None, output: str | None, output_format: str
) -> int:
    """Draft a strategy FILE for another platform; a person must check it before it is used.

    FILE is a path, or a name in the search_strategies/ of the project.

    Only what has a rule is rewritten. What is translated with a loss is named below its line, beside the original;
    what has no rule stays between ⟦ ⟧. The draft is never run: 'search run' and 'search check' refuse it until its
    marks are resolved and its status line is deleted. The exit code is 3 while anything is marked.

    \b
    evipool search translate search_strategies/onfh-pubmed.txt --to ovid -o search_strategies/onfh-ovid.txt
    """
    from pathlib import Path

    from toolkit.model.errors import InputError
    from toolkit.records.tables import write_whole
    from toolkit.search.strategy import PLATFORMS, read_strategy, strategy_file
    from toolkit.search.translate import draft_text
    from toolkit.search.translate import translate as make

    low = target.strip().lower()
    key = low if low in PLATFORMS else next((k for k, words in PLATFORMS.items() if any(w in low for w in words)), low)
    strategy = read_strategy(strategy_file(folder_of(ctx), file))
    made = make(strategy, key, database=database)
    text = draft_text(made, strategy, database=database)
    if output is not None:
        if Path(output).exists():
            raise InputError("The file is there already, and drafts overwrite nobody's work.", file=output)
        write_whole(Path(output), text.encode("utf-8"))
    if output_format == "json":
        emit({**made.as_json(), "draft": text})
    elif output is None:
        click.echo(text, nl=False)
    kinds = [mark.kind for mark in made.marks]
    if output_format == "table":
        counts = f"{kinds.count('untranslatable')} untranslatable, {kinds.count('lossy')} lossy"
        click.echo(f"{output or 'draft'}: {counted(len(made.lines), 'line')}, {counts}. Check each; nothing was run.",
                   err=output is None)  # fmt: skip
    return 3 if kinds else 0


@click.command("citations")
@click.option("--forward", "direction", flag_value="forward", help="Works that cite the included reports.")
@click.option("--backward", "direction", flag_value="backward", help="Works that the included reports cite.")
@click.option("--seeds", type=click.Path(dir_okay=False), metavar="FILE",
              help="Start from these (PMIDs, DOIs or any reference file) instead of the included reports.")  # fmt: skip
@click.option("--source", metavar="NAME", help='Source to count under (default: the one of kind "citation").')
@click.option("--date", "day", metavar="YYYY-MM-DD", help="Day of the search (default: today).")
@click.option("--accept-warnings", is_flag=True, help="Close the run although OpenAlex did not deliver all of it.")
@format_option("table", "json")
@project_options
@click.pass_context
def citations(
    ctx: click.Context, direction: str | None, seeds: str | None, source: str | None, day: str | None,
    accept_warnings: bool, output_format: str,
) -> None:  # fmt: skip
    """Search the citations of the included reports in OpenAlex, forward or backward, and store what is new.

    What is found counts under a source of review.toml with kind = "citation", which PRISMA shows among other methods.
    Reports that OpenAlex does not know are named.

    \b
    evipool search citations --backward
    """
    from dataclasses import asdict

    from toolkit.cli.search_parts import day_of, transport_of
    from toolkit.search.citations import chase, included_seeds
    from toolkit.search.recall import read_seeds

    if direction is None:
        raise click.UsageError("Which way? --forward or --backward.")
    with open_project(ctx) as project:
        known = read_seeds(seeds) if seeds is not None else included_seeds(project)
        found = chase(
            project, known, direction, transport=transport_of(ctx, None), source=source, day=day_of(day, "--date"),
            accept_warnings=accept_warnings, command=command_line(ctx),
        )  # fmt: skip
    if output_format == "json":
        emit({"direction": direction, "works": list(found.works), "unknown": list(found.unknown),
              "search": asdict(found.search) if found.search else None})  # fmt: skip
        return
    for name in found.unknown:
        click.echo(f"Note: OpenAlex does not know: {name}", err=True)
    if found.search is None:
        click.echo(f"{counted(len(found.works), 'known report')}, of which OpenAlex records no cited work.")
        return
    done = found.search
    click.echo(
        f"{done.source}, {direction} from {len(found.works)} of {counted(len(known), 'known report')}, searched on "
        f"{done.searched_on}: {counted(done.count, 'record')}, new {len(done.new):,}, "
        f"known already {len(done.known):,}."
    )
    for warning in done.warnings:
        click.echo(f"  signed off: {warning}")
