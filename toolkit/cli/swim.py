"""evipool swim: synthesis without meta-analysis of a table of directions; no project needed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from toolkit.cli.common import Number, console, emit, format_option, table
from toolkit.cli.pairwise import table_options
from toolkit.model.wording import counted
from toolkit.plots.numbers import format_p

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from toolkit.engine.directions import Counted

__all__ = ["swim"]


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--level", type=Number(0, 1, min_open=True, max_open=True), default=0.95, show_default=True,
              help="Confidence level, a proportion.")  # fmt: skip
@click.option("--directions", type=click.Path(path_type=Path, dir_okay=False),
              help="Effect-direction plot (.svg, .png, .pdf).")  # fmt: skip
@click.option("--albatross", type=click.Path(path_type=Path, dir_okay=False),
              help="Albatross plot: participants against p (.svg, .png, .pdf).")  # fmt: skip
@click.option("--outcome", metavar="NAME", help="The outcome of the albatross plot (default: all).")
@click.option("--contours", type=click.Choice(["SMD", "OR", "RR", "RD"]), default="SMD", show_default=True,
              help="Measure of its contours.")  # fmt: skip
@click.option("--effect", type=Number(), multiple=True,
              help="Contour of this effect (a ratio for OR, RR), repeatable (default: by the studies).")  # fmt: skip
@click.option("--risk", type=Number(0, 1, min_open=True, max_open=True),
              help="Risk of the reference, for contours of OR, RR and RD.")  # fmt: skip
@table_options
@format_option("table", "json")
def swim(
    file: Path, level: float, directions: Path | None, albatross: Path | None, outcome: str | None, contours: str,
    effect: tuple[float, ...], risk: float | None, columns: dict[str, str], sheet: str | None, delimiter: str | None,
    decimal: str | None, encoding: str | None, output_format: str,
) -> None:  # fmt: skip
    """Synthesis without meta-analysis of FILE (CSV or XLSX): for results that cannot be pooled.

    FILE has one row a result: study, direction (benefit, harm, none; or +, -, 0), and if known outcome, p (two-sided),
    n, quality. Directions are counted for each outcome and tested (sign test, exact), p values combined (Fisher).

    \b
    evipool swim directions.csv --directions directions.svg --albatross albatross.svg
    """
    from math import log

    from toolkit.engine.directions import count_directions
    from toolkit.engine.directions_table import read_findings
    from toolkit.engine.tabulate import plain
    from toolkit.model.errors import InputError

    findings, notes = read_findings(
        file, columns=columns, sheet=sheet, delimiter=delimiter, decimal=decimal, encoding=encoding
    )
    rows = count_directions(findings, level=level)
    if output_format == "json":
        emit({"outcomes": plain(rows), "findings": plain(findings), "read_notes": list(notes)})
    else:
        _show(rows, notes)
    if directions is not None:
        from toolkit.plots.directions import draw_directions

        _save(draw_directions(findings, level=level), directions)
    if albatross is not None:
        from toolkit.plots.directions import draw_albatross

        names = list(dict.fromkeys(one.outcome for one in findings))
        if outcome is not None and outcome not in names:
            raise InputError("There is no such outcome.", file=file, value=outcome, allowed=", ".join(names))
        own = [one for one in findings if outcome is None or one.outcome == outcome]
        ratios = contours in ("OR", "RR")
        if ratios and any(e <= 0 for e in effect):
            raise InputError("A ratio is above 0.", value=", ".join(f"{e:g}" for e in effect))
        effects = [log(e) if ratios else e for e in effect]
        _save(draw_albatross(own, measure=contours, effects=effects, risk=risk), albatross)


def _show(rows: tuple[Counted, ...], notes: tuple[str, ...]) -> None:
    lines = []
    for one in rows:
        share = ""
        if one.share is not None and one.ci_low is not None and one.ci_high is not None:
            share = f"{100 * one.share:.0f} % ({100 * one.ci_low:.0f} to {100 * one.ci_high:.0f})"
        lines.append([one.outcome or "All results", one.up, one.down, one.neither, share, format_p(one.p)])
    table(["Outcome", "Benefit", "Harm", "Neither", "Share of benefit", "Sign test, exact"], lines, right=[1, 2, 3])
    out = console()
    for one in rows:
        if one.combined:
            out.print(
                f"{one.outcome or 'All results'}: {counted(one.combined, 'p value')} combined (Fisher), chi² = "
                f"{one.chi2:.2f} on {one.df} df; benefit in at least one study {format_p(one.p_up)}, harm in at least "
                f"one {format_p(one.p_down)}",
                markup=False,
            )
    out.print(
        "Directions and p values say nothing of the size of an effect, nor how many studies have one.", markup=False
    )
    for note in notes:
        out.print(f"File: {note}", markup=False)


def _save(figure: Figure, path: Path) -> None:
    from toolkit.plots.style import save_figure

    for warning in save_figure(figure, path):
        click.echo(f"Warning: {warning.text}", err=True)
    click.echo(f"Wrote {path}", err=True)
