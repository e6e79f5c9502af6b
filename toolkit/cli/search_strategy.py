"""``evipool search translate``, ``recall``: strategies as files."""

from __future__ import annotations

import click

from toolkit.cli.common import emit, format_option

__all__ = ["translate"]


@click.command("translate")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("--to", "target", required=True, metavar="PLATFORM",
              help="pubmed, ovid, embase, cochrane, wos, scopus, ebsco or cnki.")  # fmt: skip
@click.option("--database", metavar="NAME", help="Database there; at Ovid and EBSCOhost it decides the headings.")
@click.option("-o", "--output", type=click.Path(dir_okay=False), metavar="FILE", help="Where to write the draft.")
@format_option("table", "json")
def translate(file: str, target: str, database: str | None, output: str | None, output_format: str) -> int:
    """Draft a strategy FILE for another platform; a person must check it before it is used.

    Only what has a rule is rewritten. What is translated with a loss is named below its line, beside the original;
    what has no rule stays between ⟦ ⟧. The draft is never run: 'search run' and 'search check' refuse it until its
    marks are resolved and its status line is deleted. The exit code is 3 while anything is marked.

    Example: evipool search translate search_strategies/onfh-pubmed.txt --to ovid -o search_strategies/onfh-ovid.txt
    """
    from pathlib import Path

    from toolkit.model.errors import InputError
    from toolkit.records.tables import write_whole
    from toolkit.search.strategy import PLATFORMS, read_strategy
    from toolkit.search.translate import draft_text
    from toolkit.search.translate import translate as make

    low = target.strip().lower()
    key = low if low in PLATFORMS else next((k for k, words in PLATFORMS.items() if any(w in low for w in words)), low)
    strategy = read_strategy(file)
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
        click.echo(f"{output or 'draft'}: {len(made.lines)} lines, {counts}. Check each; nothing was run.",
                   err=output is None)  # fmt: skip
    return 3 if kinds else 0
