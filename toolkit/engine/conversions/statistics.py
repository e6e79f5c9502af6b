"""Effects from test statistics and coefficients: t or d to g, partial correlations, reliability, tables of margins."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from toolkit.engine.conversions.effects import ConvertedEffect
from toolkit.engine.effects.continuous import hedges_correction
from toolkit.model.errors import InputError

__all__ = ["delta_method", "partial_correlation", "reliability", "smd_of_d", "smd_of_t", "table_of_association"]

PARTIAL = {
    "PCOR": "partial correlation",
    "ZPCOR": "Fisher's z of a partial correlation",
    "SPCOR": "semi-partial correlation",
    "ZSPCOR": "Fisher's z of a semi-partial correlation",
}
RELIABILITY = {
    "ARAW": "Cronbach's alpha",
    "AHW": "1 - (1 - alpha)^(1/3), Hakstian and Whalen's transformation",
    "ABT": "-log(1 - alpha), Bonett's transformation",
}


def smd_of_d(d: float, n1: float, n2: float) -> ConvertedEffect:
    """Hedges' g and its variance from Cohen's d: ``g = J d``, ``v = 1/n1 + 1/n2 + g^2 / (2 (n1 + n2))``.

    Examples
    --------
    >>> round(smd_of_d(0.5, 20, 22).y, 4)
    0.4906
    """
    df = n1 + n2 - 2
    if df <= 1:
        raise InputError("A standardised difference takes more than three units.", value=f"{n1:g} and {n2:g}")
    g = d * float(hedges_correction(np.array([df]))[0])
    return ConvertedEffect(y=g, v=1 / n1 + 1 / n2 + g**2 / (2 * (n1 + n2)), source="Cohen's d")


def smd_of_t(t: float, n1: float, n2: float) -> ConvertedEffect:
    """Hedges' g and its variance from the t of two independent groups: ``d = t sqrt(1/n1 + 1/n2)``.

    References
    ----------
    Cochrane Handbook 6.5, section 6.5.2.3.

    Examples
    --------
    >>> round(smd_of_t(2.1, 20, 22).y, 4)
    0.6366
    """
    found = smd_of_d(t * math.sqrt(1 / n1 + 1 / n2), n1, n2)
    return ConvertedEffect(y=found.y, v=found.v, source="t of two groups")


def partial_correlation(
    measure: str, t: float, n: float, predictors: float, r2: float | None = None
) -> ConvertedEffect:
    """Partial or semi-partial correlation of one predictor from its t in a linear regression.

    Parameters
    ----------
    measure : "PCOR", "ZPCOR", "SPCOR" or "ZSPCOR"
    t, n : test of the coefficient, units
    predictors : in the regression, this one included
    r2 : of the regression, for the semi-partial ones

    References
    ----------
    Aloe, Becker 2012, J Educ Behav Stat 37:278-297 (semi-partial). doi:10.3102/1076998610396901
    Aloe, Thompson 2013, J Soc Soc Work Res 4:390-405 (partial).

    Examples
    --------
    >>> round(partial_correlation("PCOR", 2.1, 55, 2).y, 4)
    0.2796
    """
    if measure not in PARTIAL:
        raise InputError("Unknown measure of a partial correlation.", value=measure, allowed=", ".join(PARTIAL))
    df = n - predictors - 1
    if df <= 1:
        raise InputError("A partial correlation takes more units than predictors and two.", value=f"{n:g}")
    if measure in ("PCOR", "ZPCOR"):
        y = t / math.sqrt(t**2 + df)
        v = (1 - y**2) ** 2 / (df + 1)
        if measure == "ZPCOR":
            y, v = math.atanh(y), 1 / (df - 1)
    else:
        if r2 is None or not 0 <= r2 < 1:
            raise InputError("A semi-partial correlation needs the r2 of the regression.", value=r2, allowed="0 to 1")
        y = t * math.sqrt(1 - r2) / math.sqrt(df)
        without = r2 - y**2
        if without < 0:
            raise InputError("This t is too large for the r2 of the regression.", value=f"t {t:g}, r2 {r2:g}")
        v = (r2**2 - 2 * r2 + without + 1 - without**2) / n
        if measure == "ZSPCOR":
            y, v = math.atanh(y), v / (1 - y**2) ** 2
    return ConvertedEffect(y=y, v=v, source=f"{PARTIAL[measure]} ({measure})")


def reliability(measure: str, alpha: float, items: float, n: float) -> ConvertedEffect:
    """A reliability coefficient, raw or transformed, and its variance.

    Parameters
    ----------
    measure : "ARAW", "AHW" or "ABT"
    alpha, items, n : Cronbach's alpha, items of the scale, people

    References
    ----------
    Bonett 2002, J Educ Behav Stat 27:335-340; 2010, Psychol Methods 15:368-385. doi:10.1037/a0020142
    Hakstian, Whalen 1976, Psychometrika 41:219-231. doi:10.1007/BF02291840

    Examples
    --------
    >>> round(reliability("ABT", 0.8, 5, 25).y, 4)
    1.6094
    """
    if measure not in RELIABILITY:
        raise InputError("Unknown measure of reliability.", value=measure, allowed=", ".join(RELIABILITY))
    if alpha >= 1 or items <= 1 or n <= 2:
        raise InputError("Alpha is below 1, with two items and three people at least.", value=f"{alpha:g}")
    rest = 1 - alpha
    if measure == "ARAW":
        y, v = alpha, 2 * items * rest**2 / ((items - 1) * (n - 2))
    elif measure == "ABT":
        y, v = -math.log(rest), 2 * items / ((items - 1) * (n - 2))
    else:
        y = 1 - rest ** (1 / 3)
        v = 18 * items * (n - 1) * rest ** (2 / 3) / ((items - 1) * (9 * n - 11) ** 2)
    return ConvertedEffect(y=y, v=v, source=f"{RELIABILITY[measure]} ({measure})")


def delta_method(y: float, v: float, function: Callable[[float], float], *, step: float = 1e-5) -> ConvertedEffect:
    """A transformed estimate and its variance ``f'(y)^2 v``, the derivative by differences of fourth order.

    Examples
    --------
    >>> round(delta_method(0.5, 0.002, math.tanh).v, 6)
    0.001237
    """
    near, far = (function(y + step) - function(y - step), function(y + 2 * step) - function(y - 2 * step))
    slope = (8 * near - far) / (12 * step)
    return ConvertedEffect(y=function(y), v=slope**2 * v, source="delta method")


def table_of_association(
    n: float, rows: float, columns: float, *, odds_ratio: float | None = None, phi: float | None = None
) -> tuple[int, int, int, int]:
    """Cells of a two-by-two table, whole numbers, from its margins and its odds ratio or phi coefficient.

    Parameters
    ----------
    n : units
    rows, columns : units in the first row (treated), and in the first column (with the event)

    References
    ----------
    Bonett 2007, Am Psychol 62:254-255. doi:10.1037/0003-066X.62.3.254

    Examples
    --------
    >>> table_of_association(100, 50, 40, odds_ratio=2)
    (24, 26, 16, 34)
    """
    if (odds_ratio is None) == (phi is None):
        raise InputError("Give the odds ratio or phi, one of the two.")
    if not (0 < rows < n and 0 < columns < n):
        raise InputError("A margin lies between 0 and n.", value=f"{rows:g} and {columns:g} of {n:g}")
    if phi is not None:
        a = (rows * columns + phi * math.sqrt(rows * (n - rows) * columns * (n - columns))) / n
    elif odds_ratio is None or odds_ratio <= 0:
        raise InputError("An odds ratio is above 0.", value=odds_ratio)
    elif odds_ratio == 1:
        a = rows * columns / n
    else:
        half = (n + (rows + columns) * (odds_ratio - 1)) / (2 * (odds_ratio - 1))
        a = half - math.copysign(math.sqrt(half**2 - odds_ratio * rows * columns / (odds_ratio - 1)), odds_ratio - 1)
    cells = tuple(round(x) for x in (a, rows - a, columns - a, n - rows - columns + a))
    if min(cells) < 0:
        raise InputError("No table has these margins and this association.", value=f"first cell {a:.4g}")
    return cells[0], cells[1], cells[2], cells[3]
