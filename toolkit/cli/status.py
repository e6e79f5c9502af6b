"""``evipool status``: where the review stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from toolkit.cli.common import console, emit, format_option, open_project, project_options
from toolkit.model.wording import agreeing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.overview import Overview

_SHOWN = 6


@click.command()
@format_option("table", "json")
@project_options
@click.pass_context
def status(ctx: click.Context, output_format: str) -> None:
    """Where the review stands, what waits for whom, and what to type next."""
    from toolkit.overview import overview

    with open_project(ctx) as project:
        found = overview(project)
    if output_format == "json":
        emit(found.as_json())
    else:
        _show(found)


def _show(found: Overview) -> None:
    from rich.markup import escape
    from rich.table import Table

    out = console()
    for line in found.urgent:
        out.print(f"[bold red]! {escape(line)}[/bold red]")
    out.print(f"[bold]{escape(found.title)}[/bold]")
    grid = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for section in found.sections:
        grid.add_row(section.name, escape(_lines(section.facts) or "none"))
    out.print(grid)
    if found.waiting:
        out.print("\n[bold]Waiting for people[/bold]")
        waits = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        for one in found.waiting:
            waits.add_row(escape(one.person or "anybody"), str(one.n), escape(agreeing(one.n, one.what)))
        out.print(waits)
    out.print("\n[bold]Next[/bold]")
    if found.is_idle:
        click.echo("  Nothing waits for anybody. Whenever you like:")
    for command in found.next[:_SHOWN]:
        click.echo(f"  {command}")
    if len(found.next) > _SHOWN:
        click.echo(f"  ... and {len(found.next) - _SHOWN} more: evipool status --format json")


def _lines(facts: Sequence[tuple[str, Any]]) -> str:
    """Facts one after another; one that has facts of its own, such as a source, stands on its own line."""
    lines: list[list[str]] = [[]]
    for name, value in facts:
        if isinstance(value, dict):
            lines += [[_words(name, value)], []]
        else:
            lines[-1].append(_words(name, value))
    return "\n".join("; ".join(line) for line in lines if line)


def _words(name: str, value: Any) -> str:
    if isinstance(value, dict):
        inner = ", ".join(
            f"{v:,} {agreeing(v, k)}" if isinstance(v, int) else f"{k} {v}" if v else f"never {k.removeprefix('last ')}"
            for k, v in value.items()
        )
        return f"{name}: {inner or 'none'}"
    if value is None:
        return f"{name}: none"
    return f"{value:,} {agreeing(value, name)}" if isinstance(value, int) else f"{name}: {value}"
