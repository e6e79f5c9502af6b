"""Associations in a two-by-two table: phi, Yule's Q and Y, tetrachoric correlation, difference of probits.

For two-arm studies. The table has the arms in its rows and event or none in its columns.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, ndtri

from toolkit.engine.data import FloatArray
from toolkit.engine.effects.arms import StudyArms
from toolkit.engine.effects.binary import any_in_study, zero_cell_rule
from toolkit.engine.effects.blocks import Contrasts, difference_of_arms, two_arm_contrasts, two_arm_studies
from toolkit.model.spec import ZeroCells

__all__ = ["phi", "probit_difference", "tetrachoric", "tetrachoric_correlation", "tetrachoric_z", "yule_q", "yule_y"]

Table = tuple[FloatArray, FloatArray, FloatArray, FloatArray]

_ZERO_MARGIN = "no events, or events in everybody: no association can be computed"
_ZERO_CELL = "a zero cell: the tetrachoric correlation is -1 or 1 and has no variance"


def _table(arms: StudyArms, policy: ZeroCells | None) -> tuple[Table, dict[int, str], dict[int, str]]:
    """The four cells (S,), corrected where a policy is given; the corrections and the studies of more arms."""
    base, unusable = two_arm_studies(arms)
    add, corrected, _ = zero_cell_rule(arms, policy) if policy else (np.zeros_like(arms.n), {}, {})
    events, others = arms.events + add, arms.n - arms.events + add
    text = {s: f"{what} to each cell of every arm" for s, what in corrected.items()}
    return (events[base + 1], others[base + 1], events[base], others[base]), text, unusable


def _described(found: Contrasts, corrected: dict[int, str]) -> Contrasts:
    return Contrasts(y=found.y, V=found.V, corrected=corrected, unusable=found.unusable)


def phi(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Phi coefficients, the product-moment correlation of arm and event; zero cells need no correction.

    References
    ----------
    Bishop, Fienberg, Holland 1975, Discrete Multivariate Analysis, chapter 11 (the variance of a multinomial table).
    """
    (a, b, c, d), _, unusable = _table(arms, None)
    n = a + b + c + d
    with np.errstate(divide="ignore", invalid="ignore"):
        p, q = (a + b) / n, (a + c) / n
        y = (a * d - b * c) / np.sqrt((a + b) * (c + d) * (a + c) * (b + d))
        row, column = (1 - 2 * p) ** 2 / (p * (1 - p)), (1 - 2 * q) ** 2 / (q * (1 - q))
        cross = (1 - 2 * p) * (1 - 2 * q) / np.sqrt(p * (1 - p) * q * (1 - q))
        v = (1 - y**2 + y * (1 + y**2 / 2) * cross - 0.75 * y**2 * (row + column)) / n
    return two_arm_contrasts(arms, y, v, unusable, _ZERO_MARGIN)


def yule_q(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Yule's Q, ``(OR - 1) / (OR + 1)``, of the corrected cells.

    References
    ----------
    Yule 1912, J R Stat Soc 75:579-652. doi:10.2307/2340126
    """
    (a, b, c, d), corrected, unusable = _table(arms, policy)
    with np.errstate(divide="ignore", invalid="ignore"):
        y = (a * d - b * c) / (a * d + b * c)
        v = (1 - y**2) ** 2 / 4 * (1 / a + 1 / b + 1 / c + 1 / d)
    return _described(two_arm_contrasts(arms, y, v, unusable, "a zero cell and no correction"), corrected)


def yule_y(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Yule's Y (colligation), ``(sqrt OR - 1) / (sqrt OR + 1)``, of the corrected cells.

    References
    ----------
    Yule 1912, J R Stat Soc 75:579-652. doi:10.2307/2340126
    """
    (a, b, c, d), corrected, unusable = _table(arms, policy)
    with np.errstate(divide="ignore", invalid="ignore"):
        one, other = np.sqrt(a * d), np.sqrt(b * c)
        y = (one - other) / (one + other)
        v = (1 - y**2) ** 2 / 16 * (1 / a + 1 / b + 1 / c + 1 / d)
    return _described(two_arm_contrasts(arms, y, v, unusable, "a zero cell and no correction"), corrected)


def probit_difference(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Differences of the probits of the risks: an SMD of a normal variable that was cut in two.

    References
    ----------
    Sanchez-Meca, Marin-Martinez, Chacon-Moscoso 2003, Psychol Methods 8:448-467. doi:10.1037/1082-989X.8.4.448
    """
    add, corrected, _ = zero_cell_rule(arms, policy)
    n = arms.n + 2 * add
    p = (arms.events + add) / n
    with np.errstate(divide="ignore", invalid="ignore"):
        probit = ndtri(p)
        variance = 2 * np.pi * p * (1 - p) * np.exp(probit**2) / n  # over the squared normal density
        y, V = difference_of_arms(probit, variance, arms.start)
    text = {s: f"{what} to each cell of every arm" for s, what in corrected.items()}
    infinite = np.flatnonzero(any_in_study(~np.isfinite(probit), arms))
    why = "a zero cell and no correction: a probit is infinite"
    return Contrasts(y=y, V=V, corrected=text, unusable={int(s): why for s in infinite})


def tetrachoric(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Tetrachoric correlations: of two normal variables, each cut in two; studies with a zero cell have none."""
    (a, b, c, d), _, unusable = _table(arms, None)
    y, v = _tetrachoric(a, b, c, d)
    return two_arm_contrasts(arms, y, v, unusable, _ZERO_CELL)


def tetrachoric_z(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Fisher's z of tetrachoric correlations, its variance by the delta method."""
    (a, b, c, d), _, unusable = _table(arms, None)
    r, v = _tetrachoric(a, b, c, d)
    with np.errstate(divide="ignore", invalid="ignore"):
        return two_arm_contrasts(arms, np.arctanh(r), v / (1 - r**2) ** 2, unusable, _ZERO_CELL)


def _tetrachoric(a: FloatArray, b: FloatArray, c: FloatArray, d: FloatArray) -> tuple[FloatArray, FloatArray]:
    found = [tetrachoric_correlation(*map(float, cells)) for cells in zip(a, b, c, d, strict=True)]
    return np.array([r for r, _ in found]), np.array([v for _, v in found])


def tetrachoric_correlation(a: float, b: float, c: float, d: float) -> tuple[float, float]:
    """Tetrachoric correlation of one table and its asymptotic variance; NaN where a cell is zero.

    Notes
    -----
    With the margins as thresholds h, k the correlation solves ``P(X < h, Y < k) = a / n``; that probability is
    ``Phi(h) Phi(k)`` plus the integral of the bivariate normal density over the correlation from 0, taken over its
    arcsine by Gauss-Legendre nodes.

    References
    ----------
    Brown, Benedetti 1977, Psychometrika 42:347-355 (variance). doi:10.1007/BF02293655

    Examples
    --------
    >>> r, v = tetrachoric_correlation(30, 30, 10, 50)
    >>> round(r, 6), round(v, 6)
    (0.549231, 0.013439)
    """
    n = a + b + c + d
    if min(a, b, c, d) <= 0:
        return np.nan, np.nan
    h, k = float(ndtri((a + b) / n)), float(ndtri((a + c) / n))
    angle = _angle(h, k, a / n - (a + b) / n * ((a + c) / n))
    r, width = np.sin(angle), np.cos(angle)
    density = np.exp(-(h**2 + k**2 - 2 * h * k * r) / (2 * width**2)) / (2 * np.pi * width)
    one, other = ndtr((h - r * k) / width) - 0.5, ndtr((k - r * h) / width) - 0.5
    total = (
        (a + d) * (b + c) / 4
        + (a + c) * (b + d) * one**2
        + (a + b) * (c + d) * other**2
        + 2 * (a * d - b * c) * one * other
        - (a * b - c * d) * one
        - (a * c - b * d) * other
    )
    return float(r), float(total / (n**3 * density**2))


_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(96)


def _angle(h: float, k: float, excess: float) -> float:
    """Arcsine of the correlation at which the joint probability exceeds that of independence by ``excess``."""
    from scipy.optimize import brentq

    def gap(angle: float) -> float:
        t = angle * (_NODES + 1) / 2
        inner = np.exp(-(h**2 + k**2 - 2 * h * k * np.sin(t)) / (2 * np.cos(t) ** 2))
        return float(angle / 2 * (_WEIGHTS * inner).sum() / (2 * np.pi)) - excess

    edge = np.pi / 2 - 1e-9
    return float(brentq(gap, -edge, edge, xtol=1e-15, rtol=8.9e-16))
