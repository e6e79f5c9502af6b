"""What a small-study test of rare events ranks: counts against the non-central hypergeometric law of each table."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln

from toolkit.engine.data import FloatArray
from toolkit.engine.mantel_haenszel import MANTEL_HAENSZEL
from toolkit.engine.mh_of_arms import corrected_estimate
from toolkit.model.errors import NotEstimable

__all__ = ["hypergeometric_moments", "standardised_counts"]


def standardised_counts(
    counts: tuple[FloatArray, FloatArray, FloatArray, FloatArray], *, add: float | None
) -> tuple[FloatArray, FloatArray]:
    """Standardised events of the first arm and the inverse of their variance, of tables with an informative margin.

    Mean and variance are those given the margins at the Mantel-Haenszel odds ratio of all tables.

    Parameters
    ----------
    counts : events and units of the first and the second arm, (k,) each
    add : added to every cell of tables with a zero for the Mantel-Haenszel odds ratio alone; None for the raw counts
    """
    e1, n1, e2, n2 = counts
    if add is None:
        log_ratio = MANTEL_HAENSZEL["OR"](e1, n1, e2, n2)[0]
    else:
        log_ratio = corrected_estimate("OR", np.array(counts), add)[0]
    if not np.isfinite(log_ratio[0]):
        raise NotEstimable("The events are all on one side: there is no Mantel-Haenszel odds ratio to rank against.")
    tables = zip(n1, n2, e1 + e2, strict=True)
    mean, variance = np.array([hypergeometric_moments(a, b, t, float(log_ratio[0])) for a, b, t in tables]).T
    use = variance > 0
    return (e1 - mean)[use] / np.sqrt(variance[use]), 1 / variance[use]


def hypergeometric_moments(n1: float, n2: float, total: float, log_ratio: float) -> tuple[float, float]:
    """Mean and variance of the events in an arm of ``n1`` of ``n1 + n2`` units, ``total`` of them with the event.

    Examples
    --------
    >>> hypergeometric_moments(10, 10, 4, 0.0)[0]
    2.0
    """
    x = np.arange(max(0.0, np.ceil(total - n2)), min(n1, total) + 1)
    law = x * log_ratio - gammaln(x + 1) - gammaln(n1 - x + 1) - gammaln(total - x + 1) - gammaln(n2 - total + x + 1)
    weight = np.exp(law - law.max())
    weight /= weight.sum()
    mean = float((weight * x).sum())
    return mean, float((weight * (x - mean) ** 2).sum())
