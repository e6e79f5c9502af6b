"""Agreement of two reviewers on include or exclude: counts, kappa, and what keeps kappa honest."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Agreement", "agreement_of_table", "pairwise_agreement"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Agreement of two reviewers on the reports that both judged; probabilities are 0-1, None if not defined.

    Attributes
    ----------
    first, second : the reviewers
    n11, n10, n01, n00 : both include; only the first includes; only the second includes; both exclude
    maybe : how many of these reports at least one of them marked "maybe" (read as include: it goes on)
    observed, expected : proportion of equal judgements, and what the two margins alone would give
    kappa, kappa_se, kappa_low, kappa_high : Cohen's kappa, its large-sample standard error and interval
    pabak : prevalence- and bias-adjusted kappa, 2 * observed - 1
    prevalence_index, bias_index : |n11 - n00| / n and |n10 - n01| / n
    ac1, ac1_se, ac1_low, ac1_high : Gwet's AC1, its standard error and interval
    positive, negative : specific agreement on include and on exclude
    level : confidence level of the intervals
    """

    first: str
    second: str
    n11: int
    n10: int
    n01: int
    n00: int
    maybe: int
    observed: float | None
    expected: float | None
    kappa: float | None
    kappa_se: float | None
    kappa_low: float | None
    kappa_high: float | None
    pabak: float | None
    prevalence_index: float | None
    bias_index: float | None
    ac1: float | None
    ac1_se: float | None
    ac1_low: float | None
    ac1_high: float | None
    positive: float | None
    negative: float | None
    level: float = 0.95

    @property
    def n(self) -> int:
        """How many reports both judged."""
        return self.n11 + self.n10 + self.n01 + self.n00


def agreement_of_table(
    n11: int,
    n10: int,
    n01: int,
    n00: int,
    *,
    first: str = "",
    second: str = "",
    maybe: int = 0,
    level: float = 0.95,
) -> Agreement:
    """Agreement from the four counts of a two by two table.

    Parameters
    ----------
    n11, n10, n01, n00 : counts >= 0, rows the first reviewer (include, exclude), columns the second
    level : confidence level, normal approximation; intervals are cut at -1 and 1

    Notes
    -----
    kappa = (Po - Pe) / (1 - Pe) with Pe from the two margins; it collapses when almost everything is excluded, which
    PABAK, the two indices and AC1 show. kappa is None when both reviewers used one and the same category throughout.

    References
    ----------
    Cohen 1960, Educ Psychol Meas 20:37-46. doi:10.1177/001316446002000104
    Fleiss, Cohen, Everitt 1969, Psychol Bull 72:323-327 (standard error). doi:10.1037/h0028106
    Byrt, Bishop, Carlin 1993, J Clin Epidemiol 46:423-429 (indices, PABAK). doi:10.1016/0895-4356(93)90018-V
    Gwet 2008, Br J Math Stat Psychol 61:29-48 (AC1 and its variance). doi:10.1348/000711006X126600
    Cicchetti, Feinstein 1990, J Clin Epidemiol 43:551-558 (specific agreement). doi:10.1016/0895-4356(90)90159-M

    Examples
    --------
    >>> table = agreement_of_table(80, 10, 5, 5)
    >>> round(table.kappa, 2), table.pabak
    (0.32, 0.7)
    """
    if min(n11, n10, n01, n00) < 0:
        raise ValueError("counts of a table cannot be negative")
    n = n11 + n10 + n01 + n00
    p = ((n11 / n, n10 / n), (n01 / n, n00 / n)) if n else None
    observed = (n11 + n00) / n if n else None
    expected, kappa, kappa_se = _kappa(p, n) if p is not None else (None, None, None)
    ac1, ac1_se = _ac1(p, n) if p is not None else (None, None)
    kappa_low, kappa_high = _interval(kappa, kappa_se, level)
    ac1_low, ac1_high = _interval(ac1, ac1_se, level)
    return Agreement(
        first=first, second=second, n11=n11, n10=n10, n01=n01, n00=n00, maybe=maybe, observed=observed,
        expected=expected, kappa=kappa, kappa_se=kappa_se, kappa_low=kappa_low, kappa_high=kappa_high,
        pabak=(2 * (n11 + n00) - n) / n if n else None,
        prevalence_index=abs(n11 - n00) / n if n else None,
        bias_index=abs(n10 - n01) / n if n else None,
        ac1=ac1, ac1_se=ac1_se, ac1_low=ac1_low, ac1_high=ac1_high,
        positive=2 * n11 / (2 * n11 + n10 + n01) if n11 + n10 + n01 else None,
        negative=2 * n00 / (2 * n00 + n10 + n01) if n00 + n10 + n01 else None,
        level=level,
    )  # fmt: skip


def pairwise_agreement(first_votes: Mapping[str, Mapping[str, str]], *, level: float = 0.95) -> tuple[Agreement, ...]:
    """Agreement of each pair of reviewers who share a report, in the order of their names.

    A pooled kappa of changing pairs can be negative where every pair agrees, so pairs are never pooled.

    Parameters
    ----------
    first_votes : report -> reviewer -> "include", "exclude" or "maybe" (read as include)
    """
    people = sorted({person for given in first_votes.values() for person in given})
    found = []
    for first, second in combinations(people, 2):
        cells = {(a, b): 0 for a in (True, False) for b in (True, False)}
        maybe = 0
        for given in first_votes.values():
            if first in given and second in given:
                cells[given[first] != "exclude", given[second] != "exclude"] += 1
                maybe += "maybe" in (given[first], given[second])
        if any(cells.values()):
            counts = (cells[True, True], cells[True, False], cells[False, True], cells[False, False])
            found.append(agreement_of_table(*counts, first=first, second=second, maybe=maybe, level=level))
    return tuple(found)


_Table = tuple[tuple[float, float], tuple[float, float]]


def _kappa(p: _Table, n: int) -> tuple[float, float | None, float | None]:
    rows = (sum(p[0]), sum(p[1]))
    columns = (p[0][0] + p[1][0], p[0][1] + p[1][1])
    observed = p[0][0] + p[1][1]
    expected = rows[0] * columns[0] + rows[1] * columns[1]
    if math.isclose(expected, 1.0, abs_tol=1e-15):
        return expected, None, None
    kappa = (observed - expected) / (1 - expected)
    # Fleiss, Cohen, Everitt 1969: large-sample variance under no hypothesis about kappa.
    agree = sum(p[i][i] * (1 - (rows[i] + columns[i]) * (1 - kappa)) ** 2 for i in (0, 1))
    differ = (1 - kappa) ** 2 * sum(p[i][1 - i] * (columns[i] + rows[1 - i]) ** 2 for i in (0, 1))
    variance = (agree + differ - (kappa - expected * (1 - kappa)) ** 2) / (n * (1 - expected) ** 2)
    return expected, kappa, math.sqrt(max(variance, 0.0))


def _ac1(p: _Table, n: int) -> tuple[float, float | None]:
    q = (2 * p[0][0] + p[0][1] + p[1][0]) / 2
    share = (q, 1 - q)
    observed = p[0][0] + p[1][1]
    expected = 2 * q * (1 - q)
    ac1 = (observed - expected) / (1 - expected)
    if n < 2:
        return ac1, None
    # Gwet 2008: the variance over reports of the linearised contributions, without a finite population.
    total = 0.0
    for i in (0, 1):
        for j in (0, 1):
            own = (float(i == j) - expected) / (1 - expected)
            chance = 1 - (share[i] + share[j]) / 2
            total += p[i][j] * (own - 2 * (1 - ac1) * (chance - expected) / (1 - expected) - ac1) ** 2
    return ac1, math.sqrt(total / (n - 1))


def _interval(value: float | None, se: float | None, level: float) -> tuple[float | None, float | None]:
    if value is None or se is None:
        return None, None
    half = NormalDist().inv_cdf(0.5 + level / 2) * se
    return max(value - half, -1.0), min(value + half, 1.0)
