"""What a further analysis of a network is given and gives back: a request, and data with a table in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from toolkit.model.errors import InputError
from toolkit.model.further import NETWORK_FURTHER, Options
from toolkit.plots.numbers import decimals_for, format_interval

if TYPE_CHECKING:
    from toolkit.engine.data import ArmTable, Effects, FloatArray
    from toolkit.engine.results import Estimate, NetworkResult

__all__ = [
    "Part",
    "Request",
    "Rows",
    "arms_of",
    "cell",
    "decimals_of",
    "further_part",
    "matrix_rows",
    "numbers_of",
    "part",
    "texts_of",
]

Rows = Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Effects and their fit, and whatever else further analyses may need; ``model`` is the one that tables show.

    Attributes
    ----------
    arms : the arms behind the effects, None for a table of contrasts
    columns : column -> {study: text} of the further columns that the options name
    outcome : name of the outcome
    others : name -> result of the other outcomes
    """

    effects: Effects
    result: NetworkResult
    model: str
    options: Options
    arms: ArmTable | None = None
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    outcome: str = "outcome"
    others: Mapping[str, NetworkResult] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One further analysis: data for JSON; a titled table with sentences below it for readers."""

    data: Any
    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


def part(data: Any, title: str, header: Sequence[str], rows: Rows, notes: Sequence[str] = ()) -> Part:
    """A part from any sequences."""
    return Part(
        data=data, title=title, header=tuple(header), rows=tuple(tuple(row) for row in rows), notes=tuple(notes)
    )


def further_part(name: str, request: Request) -> Part:
    """The further analysis of this name.

    Raises
    ------
    InputError, NotEstimable
        If the data or the options do not allow it.
    """
    module, _, function = NETWORK_FURTHER[name].target.partition(":")
    found: Part = getattr(import_module(module), function)(request)
    return found


def matrix_rows(matrix: FloatArray, scale: str) -> list[list[float | None]]:
    """A model-scale matrix on the display scale, row by row."""
    from toolkit.engine.tabulate import display

    return [[display(value, scale) for value in row] for row in matrix.tolist()]


def decimals_of(result: NetworkResult) -> int:
    """Decimals of estimates: by the widths of the intervals against the reference."""
    width = 2 * 1.96 * result.common_se
    return decimals_for([float(w) for w in width[0, 1:]], result.scale)


def cell(estimate: Estimate | None, result: NetworkResult) -> str:
    """An estimate with its interval on the display scale."""
    if estimate is None:
        return "not estimable"
    decimals = decimals_of(result)
    return format_interval(estimate.estimate, estimate.ci_low, estimate.ci_high, result.scale, decimals)


def arms_of(request: Request, what: str) -> ArmTable:
    """The arms with events, for methods that model counts as odds ratios."""
    if request.arms is None or request.result.spec.measure != "OR":
        raise InputError(f"{what} needs arms with events and n, and the measure OR.", value=request.result.spec.measure)
    return request.arms


def texts_of(request: Request, column: str) -> dict[str, str]:
    """Text of a further column by study.

    Raises
    ------
    InputError
        If no study has anything in it.
    """
    if column not in request.columns:
        raise InputError("no study has a value of this", column=column)
    return dict(request.columns[column])


def numbers_of(request: Request, column: str) -> dict[str, float | None]:
    """Numbers of a further column by study; None where the cell is empty."""
    texts = texts_of(request, column)
    found: dict[str, float | None] = {}
    for study in request.effects.studies:
        text = texts.get(study, "").strip()
        try:
            found[study] = float(text.replace(",", ".")) if text else None
        except ValueError:
            raise InputError(
                f"Study {study!r}: a covariate must be a number or empty.", column=column, value=text
            ) from None
    return found
