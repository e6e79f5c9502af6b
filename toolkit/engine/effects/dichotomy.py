"""Correlations of a continuous outcome with the arm: point-biserial and biserial, raw and as Fisher's z.

For two-arm studies whose sizes the design fixed (stratified sampling).
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from toolkit.engine.data import FloatArray
from toolkit.engine.effects.arms import StudyArms
from toolkit.engine.effects.blocks import Contrasts, two_arm_contrasts, two_arm_studies
from toolkit.model.spec import ZeroCells

__all__ = ["biserial", "biserial_z", "point_biserial", "point_biserial_z"]

_WHY = "too few units for a correlation with the arm"


def point_biserial(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Point-biserial correlations.

    Notes
    -----
    With Cohen's d and ``h = (N - 2) (1/n1 + 1/n0)``: ``r = d / sqrt(d^2 + h)`` and, by the delta method,
    ``v = h^2 / (h + d^2)^3 (1/n1 + 1/n0 + d^2 / (2 N))``.

    References
    ----------
    Tate 1954, Ann Math Stat 25:603-607. doi:10.1214/aoms/1177728730
    Jacobs, Viechtbauer 2017, Res Synth Methods 8:161-180. doi:10.1002/jrsm.1218
    """
    _, unusable = two_arm_studies(arms)
    return two_arm_contrasts(arms, *_point_biserial(arms), unusable, _WHY)


def point_biserial_z(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Fisher's z of point-biserial correlations, its variance by the delta method."""
    return _as_z(arms, *_point_biserial(arms))


def biserial(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Biserial correlations: of the outcome with a normal variable that was cut in two to make the arms.

    References
    ----------
    Soper 1914, Biometrika 10:384-390. doi:10.1093/biomet/10.2-3.384
    Jacobs, Viechtbauer 2017, Res Synth Methods 8:161-180. doi:10.1002/jrsm.1218
    """
    _, unusable = two_arm_studies(arms)
    return two_arm_contrasts(arms, *_biserial(arms), unusable, _WHY)


def biserial_z(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Fisher's z of biserial correlations, its variance by the delta method; a correlation of 1 or more has none."""
    return _as_z(arms, *_biserial(arms))


def _point_biserial(arms: StudyArms) -> tuple[FloatArray, FloatArray]:
    base, _ = two_arm_studies(arms)
    treated = base + 1
    n1, n0 = arms.n[treated], arms.n[base]
    total = n1 + n0
    with np.errstate(divide="ignore", invalid="ignore"):
        pooled = ((n1 - 1) * arms.sd[treated] ** 2 + (n0 - 1) * arms.sd[base] ** 2) / (total - 2)
        d = (arms.mean[treated] - arms.mean[base]) / np.sqrt(pooled)
        h = (total - 2) * (1 / n1 + 1 / n0)
        r = d / np.sqrt(d**2 + h)
        return r, h**2 / (h + d**2) ** 3 * (1 / n1 + 1 / n0 + d**2 / (2 * total))


def _biserial(arms: StudyArms) -> tuple[FloatArray, FloatArray]:
    base, _ = two_arm_studies(arms)
    n1, n0 = arms.n[base + 1], arms.n[base]
    total = n1 + n0
    p, q = n1 / total, n0 / total
    with np.errstate(divide="ignore", invalid="ignore"):
        cut = ndtri(q)
        density = np.exp(-(cut**2) / 2) / np.sqrt(2 * np.pi)
        r = _point_biserial(arms)[0] * np.sqrt(p * q) / density
        inner = 1.5 + (1 - p * cut / density) * (1 + q * cut / density)
        own = np.clip(r, -1, 1)  # a biserial correlation may leave -1 to 1; its variance is that at the limit
        return r, (p * q / density**2 - inner * own**2 + own**4) / (total - 1)


def _as_z(arms: StudyArms, r: FloatArray, v: FloatArray) -> Contrasts:
    _, unusable = two_arm_studies(arms)
    with np.errstate(divide="ignore", invalid="ignore"):
        return two_arm_contrasts(arms, np.arctanh(r), v / (1 - r**2) ** 2, unusable, _WHY)
