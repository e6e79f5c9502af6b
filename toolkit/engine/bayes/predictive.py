"""Priors of tau2 made from thousands of Cochrane meta-analyses, by kind of outcome and comparison.

The cells agree in two transcriptions of the papers' tables (the R packages bayesmeta and rnmamod) and with the models
behind them, in which the effects of outcome, comparison and field add up. Four cells of Rhodes et al. do not: they are
None, and not offered.

References
----------
Turner, Jackson, Wei, Thompson, Higgins 2015, Stat Med 34:984-998, table IV. doi:10.1002/sim.6381
Rhodes, Turner, Higgins 2015, J Clin Epidemiol 68:52-60, table 3 and appendix tables. doi:10.1016/j.jclinepi.2014.08.012
"""

from __future__ import annotations

from toolkit.model.errors import InputError

__all__ = ["RHODES_2015", "RHODES_COMPARISONS", "TURNER_2015", "TURNER_COMPARISONS", "predictive_prior"]

Cell = tuple[float, float]

TURNER_COMPARISONS = (
    "pharm-placebo", "pharm-pharm", "nonpharm-placebo", "nonpharm-pharm", "nonpharm-nonpharm",
)  # fmt: skip
"""Drug against placebo or control, drug against drug, other treatments against placebo, drug, or each other."""

# Mean and SD of the normal distribution of log tau2 of log odds ratios.
TURNER_2015: dict[str, tuple[Cell, Cell, Cell, Cell, Cell]] = {
    "mortality": ((-3.95, 1.34), (-4.18, 1.41), (-4.17, 1.55), (-2.92, 1.02), (-3.50, 1.26)),
    "obstetric": ((-3.52, 1.74), (-3.75, 1.79), (-3.74, 1.91), (-2.49, 1.50), (-3.08, 1.68)),
    "cause-specific": ((-3.71, 1.74), (-3.95, 1.79), (-3.93, 1.91), (-2.68, 1.51), (-3.27, 1.68)),
    "resource-use": ((-2.34, 1.74), (-2.58, 1.79), (-2.56, 1.91), (-1.31, 1.50), (-1.90, 1.68)),
    "surgical": ((-2.14, 1.74), (-2.37, 1.79), (-2.36, 1.91), (-1.11, 1.50), (-1.69, 1.68)),
    "withdrawals": ((-2.99, 1.74), (-3.23, 1.79), (-3.21, 1.91), (-1.96, 1.51), (-2.55, 1.68)),
    "structure": ((-2.71, 1.74), (-2.94, 1.79), (-2.93, 1.92), (-1.67, 1.51), (-2.26, 1.68)),
    "physical-health": ((-2.29, 1.53), (-2.53, 1.58), (-2.51, 1.72), (-1.26, 1.25), (-1.85, 1.46)),
    "adverse-events": ((-1.87, 1.52), (-2.10, 1.58), (-2.10, 1.71), (-0.84, 1.24), (-1.43, 1.45)),
    "infection": ((-2.49, 1.52), (-2.73, 1.58), (-2.71, 1.71), (-1.46, 1.24), (-2.05, 1.45)),
    "symptoms": ((-2.06, 1.51), (-2.29, 1.58), (-2.28, 1.71), (-1.03, 1.24), (-1.61, 1.45)),
    "pain": ((-1.83, 1.52), (-2.06, 1.58), (-2.05, 1.71), (-0.80, 1.25), (-1.38, 1.45)),
    "quality-of-life": ((-2.54, 1.54), (-2.78, 1.60), (-2.77, 1.73), (-1.51, 1.27), (-2.10, 1.47)),
    "mental-health": ((-2.12, 1.53), (-2.35, 1.60), (-2.34, 1.72), (-1.09, 1.27), (-1.67, 1.47)),
    "biomarker": ((-1.77, 1.52), (-2.00, 1.58), (-1.99, 1.71), (-0.74, 1.24), (-1.33, 1.45)),
    "subjective": ((-2.70, 1.52), (-2.93, 1.58), (-2.92, 1.71), (-1.67, 1.25), (-2.26, 1.45)),
}
_TURNER_ANY: Cell = (-2.56, 1.74)

RHODES_COMPARISONS = ("pharm-placebo", "pharm-pharm", "nonpharm")

# Location and scale of the t distribution (5 df) of log tau2 of standardised mean differences, by field.
RHODES_2015: dict[str, dict[str, tuple[Cell | None, Cell, Cell | None]]] = {
    "other": {
        "obstetric": ((-4.13, 2.34), (-4.40, 2.31), (-3.99, 2.11)),
        "resource-use": ((-2.55, 2.73), (-2.83, 2.70), (-2.41, 2.57)),
        "structure": ((-2.43, 2.50), (-2.70, 2.46), (-2.29, 2.32)),
        "physical-health": ((-3.16, 2.50), (-3.44, 2.44), (-3.02, 2.27)),
        "symptoms": ((-3.00, 2.50), (-3.27, 2.47), (-2.86, 2.33)),
        "mental-health": ((-2.99, 2.16), (-3.27, 2.14), None),
        "biomarker": ((-3.41, 2.83), (-3.68, 2.78), (-3.27, 2.66)),
        "subjective": ((-2.76, 2.58), (-3.03, 2.59), (-2.62, 2.41)),
    },
    "respiratory": {
        "obstetric": ((-6.03, 2.36), (-6.31, 2.31), None),
        "resource-use": ((-4.46, 2.74), (-4.73, 2.70), (-4.32, 2.57)),
        "structure": ((-4.33, 2.51), (-4.61, 2.46), (-4.19, 2.33)),
        "physical-health": ((-5.07, 2.51), (-5.34, 2.45), (-4.93, 2.28)),
        "symptoms": ((-4.90, 2.50), (-5.18, 2.47), (-4.76, 2.33)),
        "mental-health": ((-4.90, 2.17), (-5.17, 2.14), (-4.76, 1.94)),
        "biomarker": ((-5.31, 2.83), (-5.59, 2.78), (-5.17, 2.66)),
        "subjective": ((-4.66, 2.59), (-4.94, 2.59), (-4.52, 2.41)),
    },
    "cancer": {
        "obstetric": ((-1.57, 2.45), (-1.85, 2.41), (-1.43, 2.24)),
        "resource-use": (None, (-0.27, 2.79), (0.15, 2.68)),
        "structure": (None, (-0.14, 2.56), (0.27, 2.45)),
        "physical-health": ((-0.60, 2.61), (-0.88, 2.55), (-0.46, 2.40)),
        "symptoms": ((-0.44, 2.60), (-0.71, 2.57), (-0.30, 2.46)),
        "mental-health": ((-0.43, 2.28), (-0.71, 2.25), (-0.29, 2.08)),
        "biomarker": ((-0.85, 2.93), (-1.13, 2.87), (-0.71, 2.78)),
        "subjective": ((-0.20, 2.68), (-0.48, 2.68), (-0.06, 2.53)),
    },
}
_RHODES_ANY: Cell = (-3.44, 2.59)
# Outcomes that Rhodes et al. keep together.
_TOGETHER = {
    "adverse-events": "physical-health",
    "pain": "physical-health",
    "quality-of-life": "physical-health",
    "infection": "symptoms",
}

MEASURES = {"turner2015": ("OR", "PETO", "GEN"), "rhodes2015": ("SMD", "SMD_RM", "SMD1", "SMDH", "GEN")}
"""Measures that each table is of; a generic effect is taken at its word."""


def predictive_prior(table: str, words: tuple[str, ...]) -> tuple[str, Cell]:
    """Kind and parameters of a prior by table ("turner2015", "rhodes2015"), outcome, comparison and, for SMDs, field.

    Examples
    --------
    >>> predictive_prior("turner2015", ("mortality", "pharm-placebo"))
    ('log-normal', (-3.95, 1.34))
    >>> predictive_prior("rhodes2015", ("pain", "nonpharm"))
    ('log-t', (-3.02, 2.27))
    """
    kind = "log-normal" if table == "turner2015" else "log-t"
    if words == ("any",):
        return kind, _TURNER_ANY if table == "turner2015" else _RHODES_ANY
    if table == "turner2015":
        outcome, comparison = _two(table, words, list(TURNER_2015), TURNER_COMPARISONS)
        return kind, TURNER_2015[outcome][TURNER_COMPARISONS.index(comparison)]
    field = words[2] if len(words) == 3 else "other"
    if field not in RHODES_2015:
        raise InputError("Unknown medical field of a prior.", value=field, allowed=", ".join(RHODES_2015))
    words = (_TOGETHER.get(words[0], words[0]), *words[1:2])
    outcome, comparison = _two(table, words, list(RHODES_2015[field]), RHODES_COMPARISONS)
    found = RHODES_2015[field][outcome][RHODES_COMPARISONS.index(comparison)]
    if found is None:
        raise InputError(
            "This cell of the table is not offered, because its printed values contradict the rest of the table.",
            value=f"{outcome}, {comparison}, {field}", hint="rhodes2015:any, or log-t:LOCATION,SCALE from the paper.",
        )  # fmt: skip
    return kind, found


def _two(table: str, words: tuple[str, ...], outcomes: list[str], comparisons: tuple[str, ...]) -> tuple[str, str]:
    if len(words) != 2 or words[0] not in outcomes or words[1] not in comparisons:
        more = "[,respiratory or cancer]" if table == "rhodes2015" else ""
        raise InputError(
            "This prior takes a kind of outcome and a kind of comparison.", value=f"{table}:{','.join(words)}",
            allowed=f"{table}:any, or {table}:OUTCOME,COMPARISON{more} with an outcome of {', '.join(outcomes)} and a "
            f"comparison of {', '.join(comparisons)}",
        )  # fmt: skip
    return words[0], words[1]
