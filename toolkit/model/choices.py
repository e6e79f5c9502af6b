"""Choices as data: every name a user can pick, where it is computed, and one line of help.

A target is "module:function"; a test proves that each resolves. The command line, the documentation and the
tests walk these tables, and none of them imports the engine to do so.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["INTERVALS", "MEASURES", "NETWORK_TAU2_METHODS", "PREDICTION_INTERVALS", "TAU2_METHODS", "Choice", "Measure"]


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
    "DL2": Choice("toolkit.engine.tau2:tau2_dersimonian_laird_two_step", "DerSimonian-Laird in two steps"),
    "PM": Choice("toolkit.engine.tau2:tau2_paule_mandel", "Paule-Mandel"),
    "PMM": Choice("toolkit.engine.tau2:tau2_paule_mandel_median", "Paule-Mandel, median-unbiased"),
    "ML": Choice("toolkit.engine.tau2:tau2_ml", "maximum likelihood"),
    "EB": Choice("toolkit.engine.tau2:tau2_empirical_bayes", "empirical Bayes (Morris); same root as Paule-Mandel"),
    "HE": Choice("toolkit.engine.tau2:tau2_hedges_olkin", "Hedges-Olkin, unweighted moments"),
    "HS": Choice("toolkit.engine.tau2:tau2_hunter_schmidt", "Hunter-Schmidt; biased low"),
    "HSk": Choice("toolkit.engine.tau2:tau2_hunter_schmidt_corrected", "Hunter-Schmidt, small-sample corrected"),
    "SJ": Choice("toolkit.engine.tau2:tau2_sidik_jonkman", "Sidik-Jonkman; never zero unless the effects are equal"),
}

INTERVALS: dict[str, Choice] = {
    "Wald": Choice("toolkit.engine.intervals:interval_wald", "Wald, normal quantile"),
    "t": Choice("toolkit.engine.intervals:interval_t", "Wald standard error, t quantile with k - 1 df"),
    "HK": Choice("toolkit.engine.intervals:interval_hartung_knapp", "Hartung-Knapp, as published"),
    "HK_adhoc": Choice(
        "toolkit.engine.intervals:interval_hartung_knapp_safeguarded",
        "Hartung-Knapp, its variance factor never below 1",
    ),
}

PREDICTION_INTERVALS: dict[str, Choice] = {
    "t_k1": Choice("toolkit.engine.prediction:prediction_t_k1", "t quantile with k - 1 df"),
    "t_k2": Choice("toolkit.engine.prediction:prediction_t_k2", "t quantile with k - 2 df (Higgins 2009)"),
    "z": Choice("toolkit.engine.prediction:prediction_z", "normal quantile"),
    "HK": Choice("toolkit.engine.prediction:prediction_hk", "Hartung-Knapp standard error, t with k - 1 df"),
    "HK_k2": Choice("toolkit.engine.prediction:prediction_hk_k2", "Hartung-Knapp standard error, t with k - 2 df"),
    "none": Choice("toolkit.engine.prediction:prediction_none", "no prediction interval"),
}

NETWORK_TAU2_METHODS: dict[str, Choice] = {
    "REML": Choice("toolkit.engine.network.tau2:tau2_reml", "restricted maximum likelihood"),
    "ML": Choice("toolkit.engine.network.tau2:tau2_ml", "maximum likelihood"),
    "DL": Choice("toolkit.engine.network.tau2:tau2_dersimonian_laird", "generalised DerSimonian-Laird moments"),
    "fixed": Choice("toolkit.engine.network.tau2:tau2_fixed", "a value given by the user"),
}
