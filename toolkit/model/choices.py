"""Choices as data: every name a user can pick, where it is computed, and one line of help.

A target is "module:function"; a test proves that each resolves. The command line, the documentation and the
tests walk these tables, and none of them imports the engine to do so.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["INTERVALS", "MEASURES", "PREDICTION_INTERVALS", "TAU2_METHODS", "Choice", "Measure"]


@dataclass(frozen=True, slots=True)
class Choice:
    """A named option: its function as "module:function" and what it is, in one line."""

    target: str
    help: str


@dataclass(frozen=True, slots=True)
class Measure:
    """An effect measure: its function, model scale, the arm columns it needs, and its names in words."""

    target: str
    help: str
    scale: str
    needs: tuple[str, ...]
    null: float = 0.0


MEASURES: dict[str, Measure] = {
    "OR": Measure("toolkit.engine.effects:odds_ratio", "odds ratio", "log", ("events", "n")),
    "RR": Measure("toolkit.engine.effects:risk_ratio", "risk ratio", "log", ("events", "n")),
    "RD": Measure("toolkit.engine.effects:risk_difference", "risk difference", "identity", ("events", "n")),
    "MD": Measure("toolkit.engine.effects:mean_difference", "mean difference", "identity", ("n", "mean", "sd")),
    "SMD": Measure(
        "toolkit.engine.effects:standardised_mean_difference",
        "standardised mean difference (Hedges' g, exact J)",
        "identity",
        ("n", "mean", "sd"),
    ),
    "GEN": Measure("toolkit.engine.effects:generic", "effects and standard errors as given", "identity", ()),
}

TAU2_METHODS: dict[str, Choice] = {
    "REML": Choice("toolkit.engine.tau2:tau2_reml", "restricted maximum likelihood"),
    "DL": Choice("toolkit.engine.tau2:tau2_dersimonian_laird", "DerSimonian-Laird moments"),
}

INTERVALS: dict[str, Choice] = {}

PREDICTION_INTERVALS: dict[str, Choice] = {}
