"""Numbers that are questioned before they are pooled: impossible means (GRIM), a standard error printed as an SD."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

__all__ = ["grim", "odd_standard_deviations", "wide_differences"]

# Log distance by which an SD must lie nearer to the others as sd sqrt(n) than as it stands, to be questioned.
_NEARER = 1.0
# Standardised differences beyond this are more often a standard error taken for an SD than an effect.
_WIDE = 3.0


def grim(mean: float, n: int, *, decimals: int, items: int = 1) -> bool:
    """Whether a mean of ``n`` whole numbers (of ``items`` each), printed with ``decimals``, is possible.

    References
    ----------
    Brown, Heathers 2017, Soc Psychol Personal Sci 8:363-369. doi:10.1177/1948550616673876

    Examples
    --------
    >>> grim(5.19, 28, decimals=2), grim(5.18, 28, decimals=2)
    (False, True)
    """
    grains = n * items
    half = 0.5 * 10.0**-decimals
    nearest = (math.floor(mean * grains), math.ceil(mean * grains))
    return any(abs(total / grains - mean) <= half * (1 + 1e-9) + 1e-12 for total in nearest)


def odd_standard_deviations(sd: Sequence[float], n: Sequence[float]) -> tuple[int, ...]:
    """Positions of SDs that fit the others only when multiplied by sqrt(n), as a standard error would.

    Notes
    -----
    An SD is compared with the median of the other arms' SDs on the log scale; it is questioned where ``sd sqrt(n)`` is
    nearer to it by a factor of e. Four arms at least; an outcome measured on several scales is no use for this.

    Examples
    --------
    >>> odd_standard_deviations([10.0, 11.0, 9.0, 1.5, 10.5], [40, 40, 40, 40, 40])
    (3,)
    """
    s, k = np.asarray(sd, dtype=float), np.asarray(n, dtype=float)
    usable = np.isfinite(s) & np.isfinite(k) & (s > 0) & (k > 1)
    if usable.sum() < 4:
        return ()
    found = []
    for i in np.flatnonzero(usable):
        others = usable.copy()
        others[i] = False
        centre = float(np.median(np.log(s[others])))
        as_sd, as_se = abs(math.log(s[i]) - centre), abs(math.log(s[i] * math.sqrt(k[i])) - centre)
        if as_sd - as_se > _NEARER:
            found.append(int(i))
    return tuple(found)


def wide_differences(study: Sequence[str], mean: Sequence[float], sd: Sequence[float]) -> tuple[tuple[str, float], ...]:
    """Studies with two arms whose means differ by more than three of their SDs, with that difference.

    Examples
    --------
    >>> wide_differences(["A", "A", "B", "B"], [10.0, 12.0, 10.0, 11.0], [0.5, 0.5, 4.0, 4.0])
    (('A', -4.0),)
    """
    arms: dict[str, list[int]] = {}
    for i, (name, m, s) in enumerate(zip(study, mean, sd, strict=True)):
        if math.isfinite(m) and math.isfinite(s) and s > 0:
            arms.setdefault(name, []).append(i)
    found = []
    for name, rows in arms.items():
        pairs = [(i, j) for at, i in enumerate(rows) for j in rows[at + 1 :]]
        distances = [(mean[i] - mean[j]) / math.sqrt((sd[i] ** 2 + sd[j] ** 2) / 2) for i, j in pairs]
        widest = max(distances, key=abs, default=0.0)
        if abs(widest) > _WIDE:
            found.append((name, widest))
    return tuple(found)
