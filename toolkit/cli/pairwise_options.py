"""Options of `evipool pairwise` from the table that it shares with review.toml."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from toolkit.cli.common import Number
from toolkit.model.pairwise_options import FIGURES, OPTIONS, Option, check_option, check_together

__all__ = ["asked_of", "figure_option", "lump_option", "shared_options"]

F = TypeVar("F", bound=Callable[..., Any])


def flag_of(name: str) -> str:
    """``cluster_size`` is ``--cluster-size``."""
    return f"--{name.replace('_', '-')}"


def shared_options(function: F) -> F:
    """Every option of the table, in its order."""
    for name, option in reversed(list(OPTIONS.items())):
        function = _option(name, option)(function)
    return function


def _option(name: str, option: Option) -> Callable[[F], F]:
    shown: dict[str, Any] = {"help": option.help}
    if option.metavar:
        shown["metavar"] = option.metavar
    if option.kind == "flag":
        return click.option(flag_of(name), is_flag=True, **shown)
    if option.kind == "choice" and not option.metavar:
        return click.option(
            flag_of(name), type=click.Choice(option.allowed), default=option.default,
            show_default=option.default is not None, **shown,
        )  # fmt: skip
    if option.kind == "choices":
        return click.option(flag_of(name), type=click.Choice(option.allowed), multiple=True, **shown)
    if option.kind in ("texts", "columns"):
        return click.option(flag_of(name), multiple=True, **shown)
    if option.kind == "numbers":
        return click.option(flag_of(name), callback=_numbers, **shown)
    if option.kind in ("column", "formula"):
        return click.option(flag_of(name), **{"metavar": option.kind.upper(), **shown})
    kind: Any = None
    if option.kind == "number":
        kind = Number(option.low, option.high, min_open=option.open_low, max_open=option.open_high)
    elif option.kind == "count":
        low, high = option.low, option.high
        kind = click.IntRange(None if low is None else int(low), None if high is None else int(high))
    return click.option(
        flag_of(name), type=kind, default=option.default, show_default=option.default is not None, **shown
    )


def _numbers(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[float, ...] | None:
    """``0.5,0,0.75`` as numbers, checked by the table."""
    if value is None:
        return None
    name = param.name or ""
    try:
        numbers = tuple(float(part) for part in value.split(","))
        found: tuple[float, ...] = check_option(name, numbers)
    except ValueError as error:
        text = OPTIONS[name].metavar
        why = "" if str(error).startswith("could not") else f" ({error})"
        raise click.BadParameter(f"{value!r} is not {text}{why}, such as 0.5,0.25", ctx, param) from error
    return found


def asked_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """The options as `toolkit.analysis.pairwise` takes them; half of what belongs together is a wrong call."""
    asked = {name: values[name] for name in OPTIONS}
    try:
        check_together(asked, flag_of)
    except ValueError as error:
        raise click.UsageError(f"{error}.") from error
    if asked["pairs"] and asked["pair_r"] is None:
        raise click.UsageError("--pairs and --pair-r belong together.")
    return asked


def lump_option(function: F) -> F:
    """Treatments that are read as others."""
    return click.option(
        "--lump", metavar="TREATMENT=TREATMENT", multiple=True, callback=_lump,
        help="Read one treatment of the table as another, repeatable; --several-arms says what becomes of a study "
        "that has both.",
    )(function)  # fmt: skip


def _lump(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for text in value:
        one, mark, other = text.partition("=")
        if not mark or not one.strip() or not other.strip():
            raise click.BadParameter(f"{text!r} is not TREATMENT=TREATMENT, such as CD+graft=CD", ctx, param)
        found[one.strip()] = other.strip()
    return found


def figure_option(function: F) -> F:
    """The further figures."""
    kinds = "; ".join(f"{kind} ({text})" for kind, text in FIGURES.items())
    return click.option(
        "--figure", metavar="KIND=FILE", multiple=True, callback=_figures, help=f"A further figure: {kinds}."
    )(function)


def _figures(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> tuple[tuple[str, Path], ...]:
    found = []
    for text in value:
        kind, mark, path = text.partition("=")
        if not mark or kind not in FIGURES or not path:
            raise click.BadParameter(
                f"{text!r} is not KIND=FILE with a kind of {', '.join(FIGURES)}, such as baujat=baujat.svg", ctx, param
            )
        found.append((kind, Path(path)))
    return tuple(found)
