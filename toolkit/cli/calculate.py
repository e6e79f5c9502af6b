"""evipool calculate: one conversion of what a paper prints, with its source and its caution."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from typing import Any

import click

from toolkit.cli.common import emit, format_option
from toolkit.model.calculators import CALCULATORS, Calculator, allowed_of

__all__ = ["calculate"]

_LISTS = ("before", "after", "correlations", "survival1", "survival2", "at_risk1", "at_risk2")
_WHOLE = ("decimals", "items", "parts")
_YES = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
_FLAGS = ("ratio", "normal", "fewer_with_treatment")
_WORDS = ("measure", "skewed", "distribution")


@click.command("calculate")
@click.argument("name", required=False)
@click.argument("numbers", nargs=-1, metavar="KEY=NUMBER...")
@format_option("table", "json")
def calculate(name: str | None, numbers: tuple[str, ...], output_format: str) -> None:
    """Convert what a paper prints into what an analysis takes, with the source of the method and what to be careful of.

    Without NAME all conversions are listed with their numbers. Several values are written with commas.

    \b
    evipool calculate
    evipool calculate mean-of-quantiles n=40 median=12 q1=8 q3=17
    evipool calculate pairs-of-margins events1=6 events2=13 n=30 correlations=0,0.2,0.4
    """
    from importlib import import_module

    from toolkit.model.errors import InputError, NotEstimable

    if name is None:
        _list(output_format)
        return
    if name not in CALCULATORS:
        from difflib import get_close_matches

        near = get_close_matches(name, CALCULATORS, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else None
        raise InputError("No such conversion.", value=name, allowed=", ".join(CALCULATORS), hint=hint)
    one = CALCULATORS[name]
    given = _given(name, one, numbers)
    module, _, function = one.target.partition(":")
    try:
        shown = _plain(name, getattr(import_module(module), function)(**given))
        parts = shown if isinstance(shown, list) else [shown]
        if _is_log(name, given):
            for part in parts:
                part["ratio"] = math.exp(part["y"])
        answered = all(math.isfinite(x) for part in parts for x in part.values() if isinstance(x, float))
    except (ArithmeticError, ValueError):  # a square beyond what a number can be, a root of what is below 0
        answered = False
    if not answered:
        raise NotEstimable(f"{name} has no answer for these numbers: {' '.join(numbers)}")
    if output_format == "json":
        emit({"conversion": name, "given": {k: list(v) if isinstance(v, tuple) else v for k, v in given.items()},
              "found": shown})  # fmt: skip
        return
    for part in parts:
        click.echo("; ".join(f"{key} {_text(value)}" for key, value in part.items() if value not in (None, [])))


def _list(output_format: str) -> None:
    from toolkit.cli.common import table

    if output_format == "json":
        emit({name: asdict(one) for name, one in CALCULATORS.items()})
        return
    rows = [
        [name, one.help, f"{' '.join(one.needs)}{f' [{chr(32).join(one.may)}]' if one.may else ''}"]
        for name, one in CALCULATORS.items()
    ]
    table(["conversion", "what comes out", "numbers [optional]"], rows)


def _given(name: str, one: Calculator, numbers: tuple[str, ...]) -> dict[str, Any]:
    from toolkit.model.errors import InputError

    allowed = (*one.needs, *one.may)
    found: dict[str, Any] = {}
    for text in numbers:
        key, mark, value = text.partition("=")
        if not mark or key not in allowed:
            raise InputError(
                f"{name} takes no such number.", value=text, allowed=", ".join(f"{k}=" for k in allowed),
                hint=f"For example: evipool calculate {name} {one.example}",
            )  # fmt: skip
        if key in found:
            raise InputError(f"{key} was given twice.", value=text)
        several = key in _LISTS or name == "combine-arms"
        found[key] = _value(key, value, several=several)
    lost = [key for key in one.needs if key not in found]
    if lost:
        raise InputError(
            f"{name} needs {', '.join(lost)} too.", hint=f"For example: evipool calculate {name} {one.example}"
        )
    return found


def _value(key: str, text: str, *, several: bool) -> Any:
    from toolkit.model.errors import InputError

    if key in _WORDS:
        return text
    if key in _FLAGS:
        if text.casefold() not in _YES:
            raise InputError(f"{key} is yes or no.", value=text, allowed="yes, no")
        return _YES[text.casefold()]
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError as error:
        raise InputError(f"{key} is a number{'s' if several else ''}.", value=text, allowed="such as 12.5") from error
    if not all(math.isfinite(number) for number in numbers) or (len(numbers) > 1 and not several):
        raise InputError(f"{key} is one finite number.", value=text, hint="The decimal mark is a point here.")
    for number in numbers:
        if (allowed := allowed_of(key, number)) is not None:
            raise InputError(f"{key} cannot be this number.", value=text, allowed=allowed)
    if key in ("before", "after") and (len(numbers) != 2 or numbers[1] <= 0):
        raise InputError(f"{key} is a mean and an SD.", value=text, allowed="MEAN,SD, the SD above 0")
    if several:
        return tuple(numbers)
    return int(numbers[0]) if key in _WHOLE and numbers[0].is_integer() else numbers[0]


# Conversions whose y is a logarithm: all of them, or by their measure. The ratio is what the form of a review takes.
_LOGS = {"or-of-smd", "hr-of-logrank", "hr-of-curves", "pairs", "pairs-of-margins"}
_LOG_MEASURES = {"ROMC", "VRC", "CVRC", "MPRR", "MPORC", "MPPETO"}


def _is_log(name: str, given: Mapping[str, Any]) -> bool:
    return name in _LOGS or bool(given.get("ratio")) or given.get("measure") in _LOG_MEASURES


_PAIRS = {
    "logrank-of-hr": ("O - E", "V"), "effective-counts": ("events", "n"), "split-control": ("events", "n"),
    "table-of-association": ("row 1, column 1", "row 1, column 2", "row 2, column 1", "row 2, column 2"),
}  # fmt: skip
_SINGLE = {"design-effect": "design effect", "grim": "possible"}


def _plain(name: str, found: Any) -> dict[str, Any] | list[dict[str, Any]]:
    if name in _PAIRS:
        return dict(zip(_PAIRS[name], found, strict=True))
    if name in _SINGLE:
        return {_SINGLE[name]: found}
    if isinstance(found, tuple):
        return [_fields(one) for one in found]
    return _fields(found)


def _fields(found: Any) -> dict[str, Any]:
    assert is_dataclass(found) and not isinstance(found, type)
    own: dict[str, Any] = {
        key: list(value) if isinstance(value, tuple) else value for key, value in asdict(found).items()
    }
    if "statistic" in own:
        own["skewed"] = own["statistic"] > own["critical"]
    if "v" in own:
        own["se"] = math.sqrt(own["v"])
    return own


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    return "; ".join(value) if isinstance(value, list) else str(value)
