"""Checkers of effects from statistics, tetrachoric correlations, single transformations and reconstructed tables."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from scipy.stats import multivariate_normal, norm

from tests.engine.pairwise.golden import (
    CLOSED,
    FURTHER,
    LAST,
    R_IS_OFF,
    SCORES,
    Check,
    Checker,
    Source,
    metafor_zero_cells,
)
from tests.engine.pairwise.golden_sensitivity import columns
from toolkit.engine.conversions import (
    ConvertedEffect,
    log_or_of_smd,
    partial_correlation,
    reliability,
    smd_of_d,
    smd_of_log_or,
    smd_of_t,
    table_of_association,
)
from toolkit.engine.conversions.statistics import delta_method
from toolkit.engine.data import Effects
from toolkit.engine.scales import BACK, back, inverse_freeman_tukey


def effect_checks(found: list[ConvertedEffect], expect: dict[str, Any], rtol: float = CLOSED) -> Iterator[Check]:
    yield from columns("yi", [one.y for one in found], expect["yi"], rtol, 1e-14)
    yield from columns("vi", [one.v for one in found], expect["vi"], rtol, 0.0)


def check_statistics(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    """From t or d of two groups, from t of a regression, from alpha."""
    measure, get = case["measure"], source.column
    if measure == "SMD" and "ti=tval" in case["call"]:
        found = [smd_of_t(*row) for row in zip(get("tval"), get("n1i"), get("n2i"), strict=True)]
    elif measure == "SMD":
        found = [smd_of_d(*row) for row in zip((0.5, -0.2, 0.8, 0, 1.1), get("n1i"), get("n2i"), strict=True)]
    elif measure.endswith("COR"):
        found = [partial_correlation(measure, t, n + 30, 2, 0.4) for t, n in zip(get("tval"), get("ni"), strict=True)]
    else:
        alphas, items = (0.8, 0.7, 0.9, 0.65, 0.5), (5, 10, 20, 8, 4)
        found = [reliability(measure, a, m, n) for a, m, n in zip(alphas, items, get("ni"), strict=True)]
    yield from effect_checks(found, case["expect"])


def tetrachorics(source: Source, case: dict[str, Any]) -> Effects:
    return source.effects(case, metafor_zero_cells({}))


def check_tetrachoric(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    """Tables without a zero cell; of the others R returns where its search ended, ours says that there is none."""
    effects = tetrachorics(source, case)
    rows = [int(name) for name in effects.studies]
    for what, ours in (("yi", effects.y), ("vi", effects.v)):
        theirs = [case["expect"][what][i] for i in rows]
        yield from columns(f"near {what}", ours.tolist(), theirs, 1e-4, 1e-14)
    assert {row.study for row in effects.excluded} == {"1", "4"}


def tetrachoric_gaps(source: Source, case: dict[str, Any]) -> tuple[float, float]:
    """How far the bivariate normal probability at the correlation is from the cell's share, ours and R's."""
    effects = tetrachorics(source, case)
    a, n1, c, n2 = source.counts(case)

    def largest(values: list[float]) -> float:
        gaps = []
        for name, y in zip(effects.studies, values, strict=True):
            i, r = int(name), math.tanh(y) if case["measure"] == "ZTET" else y
            n = n1[i] + n2[i]
            cut = norm.ppf([n1[i] / n, (a[i] + c[i]) / n])
            law = multivariate_normal(cov=[[1, r], [r, 1]], abseps=1e-12, releps=1e-12, maxpts=10**6)
            gaps.append(abs(float(law.cdf(cut)) - a[i] / n))
        return max(gaps)

    theirs = [case["expect"]["yi"][int(name)] for name in effects.studies]
    return largest(effects.y.tolist()), largest(theirs)


R_IS_OFF.update(
    dict.fromkeys(
        ("escalc_all_measures/009", "escalc_all_measures/010"),
        "the search for the tetrachoric correlation ended 1e-5 away; a bivariate normal probability decides",
    )
)
SCORES["escalc"] = tetrachoric_gaps


def check_table(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    rows = ((100, 50, 40, 2.0, None), (60, 25, 35, None, 0.3), (80, 40, 30, 0.5, None))
    for i, (n, n1, n2, ratio, phi) in enumerate(rows):
        cells = table_of_association(n, n1, n2, odds_ratio=ratio, phi=phi)
        for key, ours in zip(("ai", "bi", "ci", "di"), cells, strict=True):
            yield Check(f"{key}[{i}]", float(ours), case["expect"][key][i], 0)


def check_delta(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    rows = ((0.2, 0.01), (0.5, 0.002), (0.8, 0.004))
    yield from effect_checks([delta_method(y, v, BACK["fisher_z"]) for y, v in rows], case["expect"])


def check_transformations(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    """Those of the list that R could compute; its call of transf.pft has one usable value."""
    shown = {
        "logit": [math.log(p / (1 - p)) for p in (0.1, 0.5, 0.99)],
        "ilogit": [back(x, "logit") for x in (-2, 0, 3)],
        "ztor": [back(x, "fisher_z") for x in (-1, 0, 0.5)],
        "rtoz": [math.atanh(x) for x in (-0.5, 0, 0.9)],
        "ipft": [inverse_freeman_tukey(x, 10) for x in (0.1, 0.8, 1.5)],
        "lnortod": [smd_of_log_or(x, 1).y for x in (0.2, 0.5)],
        "dtolnor": [log_or_of_smd(x, 1).y for x in (0.2, 0.5)],
    }
    for name, ours in shown.items():
        yield from columns(name, [float(x or 0.0) for x in ours], case["expect"][name], 1e-12, 1e-15)


def _conversion(case: dict[str, Any]) -> Checker | None:
    if case["kind"] != "escalc" or "expect" not in case:
        return None
    if case["measure"] in ("RTET", "ZTET"):
        return check_tetrachoric
    given = "ti=tval" in case["call"] or "di=c(" in case["call"]
    return check_statistics if given or case["measure"] in ("ARAW", "AHW", "ABT") else None


LAST.append(_conversion)
FURTHER["conv.2x2"] = lambda case: check_table
FURTHER["conv.delta"] = lambda case: check_delta
FURTHER["transf"] = lambda case: check_transformations
