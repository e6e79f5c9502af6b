"""``evipool convert``: reference files from one format into another."""

from __future__ import annotations

import click

from toolkit.cli.common import emit, format_option
from toolkit.model.wording import counted

_SHOWN = 12  # tags of the source on one line; JSON has them all


@click.command("convert")
@click.argument("source", type=click.Path(dir_okay=False))
@click.argument("target", type=click.Path(dir_okay=False))
@click.option("--from", "source_format", metavar="FORMAT", help="Kind of SOURCE, if the detection is wrong.")
@click.option("--to", "target_format", metavar="FORMAT",
              help="ris, nbib, bibtex, csv, endnote_xml or csl_json (default: by the ending of TARGET).")  # fmt: skip
@click.option("--accept-loss", is_flag=True, help="Go on without records that cannot be read.")
@click.option("--force", is_flag=True, help="Write over TARGET.")
@format_option("table", "json")
def convert(
    source: str,
    target: str,
    source_format: str | None,
    target_format: str | None,
    accept_loss: bool,
    force: bool,
    output_format: str,
) -> None:
    """Read the reference file SOURCE, whatever it is, and write its records to TARGET.

    TARGET may end in .ris, .nbib, .bib, .csv, .xml (EndNote) or .json (CSL). What the new format has no place for is
    named with its count. Records that cannot be read stop the conversion, and nothing is written.

    \b
    evipool convert savedrecs.txt references.ris
    evipool convert cnki.enw references.json
    """
    from dataclasses import asdict

    from toolkit.records.convert import convert_file

    done = convert_file(
        source, target, source_format=source_format, target_as=target_format, accept_loss=accept_loss, force=force
    )  # fmt: skip
    if output_format == "json":
        emit({"source": source, "target": target, **asdict(done)})
        return
    for note in done.notes:
        click.echo(f"Note: {note}.", err=True)
    click.echo(f"{source} ({done.source_format}): {counted(done.records, 'record')} -> {target} ({done.target_format})")
    if done.unread:
        click.echo(f"  {counted(len(done.unread), 'record')} could not be read and are not in it.")
    if done.lost:
        click.echo("  No place in this format for: " + ", ".join(f"{name} ({n:,})" for name, n in done.lost) + ".")
    if done.tags:
        shown = ", ".join(f"{tag} ({n:,})" for tag, n in done.tags[:_SHOWN])
        more = len(done.tags) - _SHOWN
        click.echo(f"  Tags of the source alone, not written: {shown}{f' and {more:,} more' if more > 0 else ''}.")
