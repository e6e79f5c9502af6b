"""evipool export, revman and freeze: files for other programs, files of other programs, citable versions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from toolkit.cli.common import Group, emit, format_option, open_project, project_options, table
from toolkit.model.wording import counted

__all__ = ["export", "freeze", "revman"]

_DIR = click.Path(path_type=Path, file_okay=False)
_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group(cls=Group)
def export() -> None:
    """Write the review for other programs: data layouts, check scripts, references, tables, events.

    The data layouts hold the arms that entered an analysis, as they stand in results/; run 'evipool analyse' first.
    Name an analysis, or leave it out and every analysis that the layout can hold is written.
    """


@export.command()
@click.argument("analyses", nargs=-1, metavar="[ANALYSIS]...")
@click.argument("folder", metavar="DIR", type=_DIR)
@project_options
@click.pass_context
def scripts(ctx: click.Context, analyses: tuple[str, ...], folder: Path) -> None:
    """R and Stata scripts that fit an analysis again and compare with our numbers.

    Each analysis gets a folder with its data and its scripts. metafor.R needs R and the package metafor and ends with
    an error where a number differs by more than the tolerance it states. meta.R and netmeta.R are only parsed in our
    checks, stata.do is not run at all; each says so in its first line.
    """
    from toolkit.exchange.scripts import write_scripts

    with open_project(ctx) as project:
        outcomes = write_scripts(project, analyses, folder)
    for outcome in outcomes:
        for path in outcome.files:
            click.echo(str(path))
        for name, reason in outcome.left_out:
            click.echo(f"not written for {outcome.analysis}: {name} ({reason})", err=True)


def _layout(name: str, text: str) -> Callable[..., None]:
    @export.command(name=name, help=text)
    @click.argument("analyses", nargs=-1, metavar="[ANALYSIS]...")
    @click.argument("folder", metavar="DIR", type=_DIR)
    @project_options
    @click.pass_context
    def command(ctx: click.Context, analyses: tuple[str, ...], folder: Path) -> None:
        from toolkit.exchange.files import export_layout

        with open_project(ctx) as project:
            for path in export_layout(project, name, analyses, folder):
                click.echo(str(path))

    return command


_layout(
    "revman",
    "RevMan: study data of pairwise analyses, in the columns that RevMan Web offers for download.\n\n"
    "No RevMan was at hand to try the file; the columns are those of published data packages.",
)
_layout("netmeta", "R package netmeta: one row an arm (studlab, treat, event, n or n, mean, sd) for pairwise().")
_layout("gemtc", "R package gemtc: data.ab (responders, sampleSize or mean, std.dev) and the table of treatments.")
_layout("cinema", "CINeMA: one row an arm. The columns rob and indirectness are left for you to fill in.")
_layout("stata", "Stata: one row a study for meta esize, or one row an arm for network setup.")


@export.command()
@click.argument("file", type=_FILE)
@click.option(
    "--reports", "which", type=click.Choice(["all", "taken-forward", "included"]), default="included",
    show_default=True, help="Every report, those that went on to full text, or those of included studies.",
)  # fmt: skip
@project_options
@click.pass_context
def ris(ctx: click.Context, file: Path, which: str) -> None:
    """References as RIS, one entry a report after duplicates are joined."""
    from toolkit.exchange.files import export_ris

    with open_project(ctx) as project:
        count = export_ris(project, which, file)
    click.echo(f"{file}: {counted(count, 'reference')}")


@export.command(name="csv")
@click.argument("folder", metavar="DIR", type=_DIR)
@project_options
@click.pass_context
def csv_(ctx: click.Context, folder: Path) -> None:
    """The review as CSV files: reports with their decisions, links to studies, studies, results."""
    from toolkit.exchange.files import export_tables

    with open_project(ctx) as project:
        for path in export_tables(project, folder):
            click.echo(str(path))


@export.command()
@click.argument("file", type=_FILE)
@project_options
@click.pass_context
def events(ctx: click.Context, file: Path) -> None:
    """Every event: who decided what, when, and what it superseded; .jsonl, .json, .csv or .xlsx.

    JSON lines hold the same event as the same line in every copy of a project, so two copies' files are joined by
    keeping each line once. The table has one row an event, what it superseded as ids, its payload as JSON.
    """
    from toolkit.exchange.files import export_events

    with open_project(ctx) as project:
        count = export_events(project, file)
    click.echo(f"{file}: {counted(count, 'event')}")


@click.command()
@click.argument("file", type=_FILE)
@click.argument("folder", metavar="[DIR]", required=False, type=_DIR)
@format_option("table", "json")
def revman(file: Path, folder: Path | None, output_format: str) -> None:
    """Read a RevMan file (.rm5, or the study data of RevMan Web) and list its analyses.

    With DIR one CSV is written for each analysis, one row an arm, which 'evipool pairwise' reads. No file made by
    RevMan itself was at hand to try this on: compare a few numbers with the source. The layouts of netmeta, gemtc and
    Stata need no conversion: 'evipool pairwise' and 'evipool network' read them as they are.
    """
    from toolkit.exchange.revman import read_revman

    analyses, notes = read_revman(file)
    if output_format == "json":
        emit([{"number": a.number, "name": a.name, "comparison": a.comparison, "kind": a.kind,
               "groups": [a.experimental, a.control], "studies": len(a.rows)} for a in analyses])  # fmt: skip
    else:
        rows = [[a.number, a.name, a.kind, " / ".join(a.group_names), len(a.rows)] for a in analyses]
        table(["analysis", "outcome", "data", "groups", "studies"], rows, right=(4,))
    for note in notes:
        click.echo(f"Note: {note}", err=True)
    if folder is not None:
        _write_analyses(folder, analyses)


def _write_analyses(folder: Path, analyses: object) -> None:
    from toolkit.exchange.revman import RevmanAnalysis
    from toolkit.model.errors import InputError
    from toolkit.records.tables import write_form

    assert isinstance(analyses, tuple)
    targets: dict[Path, list[dict[str, object]]] = {}
    for found in analyses:
        assert isinstance(found, RevmanAnalysis)
        path, copy = folder / f"{found.number}.csv", 2
        while path in targets:  # the same number under two names
            path, copy = folder / f"{found.number} ({copy}).csv", copy + 1
        targets[path] = found.arm_rows()
    there = next((path for path, rows in targets.items() if rows and path.exists()), None)
    if there is not None:
        raise InputError("there is such a file already", file=there, hint="Name another folder, or move it away.")
    folder.mkdir(parents=True, exist_ok=True)
    for path, rows in targets.items():
        if rows:
            write_form(path, list(rows[0]), rows)
            click.echo(str(path))


@click.command()
@click.argument("label", required=False)
@click.option("--to", "target", type=_FILE, help="Another ZIP file to write (default: frozen/LABEL.zip).")
@click.option("--verify", type=_FILE, metavar="FILE", help="Check a frozen version against its own manifest.")
@project_options
@click.pass_context
def freeze(ctx: click.Context, label: str | None, target: Path | None, verify: Path | None) -> int:
    """Make a citable version: one ZIP file with everything the review rests on, and a manifest of hashes.

    It holds settings, strategies, the searches with the hashes of every reply, every decision, the data, the current
    results and the report. The same state gives the same bytes; cite the sha256 that is printed. Without LABEL the
    version that was closed last is frozen, or the present state under the name of its history.
    """
    from toolkit.exchange.freeze import freeze as run_freeze
    from toolkit.exchange.freeze import verify_frozen

    if verify is not None:
        faults = verify_frozen(verify)
        click.echo("\n".join(faults) if faults else f"{verify}: every file is what the manifest says")
        return 2 if faults else 0
    with open_project(ctx) as project:
        frozen = run_freeze(project, label, target)
    for warning in frozen.warnings:
        click.echo(f"Note: {warning}", err=True)
    click.echo(f"{frozen.path}: version {frozen.label}, {counted(frozen.files, 'file')}\nsha256 {frozen.sha256}")
    return 0
