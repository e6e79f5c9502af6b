"""What a further analysis of `evipool network` is given and gives back: a request, and data with text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolkit.cli.network_text import as_text, print_table
from toolkit.model.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from toolkit.engine.data import ArmTable, Effects, FloatArray
    from toolkit.engine.results import NetworkResult
    from toolkit.engine.tables import Table

__all__ = ["Options", "Part", "Request", "Rows", "arms_of", "matrix_rows", "numbers_of", "part", "texts_of"]

Rows = Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the further analyses need to be told; None where the option was not given."""

    draws: int
    seed: int
    order: tuple[str, ...] | None = None
    covariate: str | None = None
    interaction: str = "common"
    subgroup: str | None = None
    inactive: str | None = None
    separator: str = "+"
    combine: tuple[str, ...] = ()
    baseline_risk: tuple[float, ...] = ()
    margin: float | None = None
    loop_tau2: str = "loop"
    allocation: str = "symmetric"
    contribution_method: str = "random walk"
    with_outcome: tuple[str, ...] = ()
    outcome_name: str = ""
    rob: str | None = None
    modifier: tuple[str, ...] = ()
    design: str | None = None
    trusted: tuple[str, ...] = ("RCT",)
    category_steps: tuple[float, ...] | None = None

    @classmethod
    def of(cls, asked: Mapping[str, Any]) -> Options:
        """From what the command line gives; lists are written with commas there."""
        listed: dict[str, Any] = {
            name: tuple(part.strip() for part in asked[name].split(","))
            for name in ("order", "trusted", "category_steps")
            if asked[name] is not None
        }
        if "category_steps" in listed:
            try:
                listed["category_steps"] = tuple(float(step) for step in listed["category_steps"])
            except ValueError:
                text = "Category steps are numbers per 1,000 with commas between."
                raise InputError(text, value=asked["category_steps"], hint="Such as 10,25,50.") from None
        return cls(**{**asked, **listed})

    @property
    def columns(self) -> tuple[str, ...]:
        """Further columns of the table that are needed."""
        return tuple(
            dict.fromkeys(
                name
                for name in (self.covariate, self.subgroup, self.rob, self.design, *self.modifier)
                if name is not None
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The table as read, its effects and their fit; ``model`` is the one that tables show."""

    table: Table
    effects: Effects
    result: NetworkResult
    model: str
    options: Options


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One further analysis: for JSON and for the terminal."""

    data: Any
    text: str


def part(data: Any, title: str, header: Sequence[str], rows: Rows, notes: Sequence[str] = ()) -> Part:
    """A part whose text is one table with sentences below it."""

    def show(console: Console) -> None:
        print_table(console, title, header, rows)
        for note in notes:
            console.print(note, markup=False)

    return Part(data=data, text=as_text(show))


def matrix_rows(matrix: FloatArray, scale: str) -> list[list[float | None]]:
    """A model-scale matrix on the display scale, row by row."""
    from toolkit.engine.tabulate import display

    return [[display(value, scale) for value in row] for row in matrix.tolist()]


def arms_of(request: Request, what: str) -> ArmTable:
    """The arms with events, for methods that model counts as odds ratios."""
    arms = request.table.arms
    if arms is None or request.result.spec.measure != "OR":
        raise InputError(f"{what} needs arms with events and n, and --measure OR.", value=request.result.spec.measure)
    return arms


def texts_of(request: Request, column: str) -> dict[str, str]:
    """Text of a further column by study."""
    return dict(request.table.extra[column])


def numbers_of(request: Request, column: str) -> dict[str, float | None]:
    """Numbers of a further column by study; None where the cell is empty."""
    found: dict[str, float | None] = {}
    for study in request.effects.studies:
        text = request.table.extra[column].get(study, "").strip()
        try:
            found[study] = float(text.replace(",", ".")) if text else None
        except ValueError:
            raise InputError(
                f"Study {study!r}: a covariate must be a number or empty.", column=column, value=text
            ) from None
    return found
