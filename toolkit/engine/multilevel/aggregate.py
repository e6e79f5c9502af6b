"""Effects of one study combined into one, given their correlation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from toolkit.engine.data import FloatArray
from toolkit.engine.multilevel.fit import working_covariance
from toolkit.model.errors import InputError

__all__ = ["aggregate"]


def aggregate(
    y: FloatArray, v: FloatArray, cluster: Sequence[str], *, rho: float = 0.6, weighted: bool = True
) -> tuple[tuple[str, ...], FloatArray, FloatArray]:
    """One effect and variance a cluster: its generalised least squares mean, or the plain mean.

    Parameters
    ----------
    y, v : (n,) effects and sampling variances
    cluster : (n,) cluster of each
    rho : assumed correlation of sampling errors within a cluster
    weighted : inverse-covariance weights; False takes the plain mean

    Returns
    -------
    names, y, v : clusters in order of appearance

    References
    ----------
    Borenstein, Hedges, Higgins, Rothstein 2009, Introduction to Meta-Analysis, chapter 24.

    Examples
    --------
    >>> aggregate(np.array([0.0, 1.0]), np.array([1.0, 1.0]), ["A", "A"], rho=0.5)[2]
    array([0.75])
    """
    if not -1 < rho < 1:
        raise InputError("A correlation lies between -1 and 1.", value=rho, allowed="above -1 and below 1")
    names = tuple(dict.fromkeys(cluster))
    label = np.array(cluster, dtype=object)
    means, variances = [], []
    for name in names:
        own = np.flatnonzero(label == name)
        V = working_covariance(v[own], rho)
        weight = np.linalg.solve(V, np.ones(own.size)) if weighted else np.ones(own.size)
        weight = weight / weight.sum()
        means.append(float(weight @ y[own]))
        variances.append(float(weight @ V @ weight))
    return names, np.array(means), np.array(variances)
