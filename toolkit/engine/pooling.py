"""Pooled effects of a batch of fits: inverse variance, for any between-study variance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from toolkit.engine.data import FloatArray

__all__ = ["Pooled", "pool_inverse_variance"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled:
    """Inverse-variance pooling of a batch of fits, each entry (B,) unless stated.

    Attributes
    ----------
    mean : pooled effect on the model scale
    se : its standard error, ``1 / sqrt(sum w)``
    q : ``sum w (y - mean)^2`` at these weights
    k : studies in the fit
    tau2 : between-study variance the weights contain
    weight : (B, k) weights as proportions
    """

    mean: FloatArray
    se: FloatArray
    q: FloatArray
    k: FloatArray
    tau2: FloatArray
    weight: FloatArray


def pool_inverse_variance(
    y: FloatArray, v: FloatArray, tau2: FloatArray | float = 0.0, m: FloatArray | None = None
) -> Pooled:
    """Weighted mean with weights ``m / (v + tau2)``; tau2 = 0 is the common-effect estimate.

    Parameters
    ----------
    y, v : (k,) or (B, k)
    tau2 : () or (B,)
    m : (k,) or (B, k) how often each study is in the fit

    References
    ----------
    Cochran 1954, Biometrics 10:101-129. doi:10.2307/3001666

    Examples
    --------
    >>> pool_inverse_variance(np.array([0.0, 1.0]), np.array([1.0, 1.0])).mean
    array([0.5])
    """
    y2, v2 = np.atleast_2d(np.asarray(y, dtype=float)), np.atleast_2d(np.asarray(v, dtype=float))
    t = np.atleast_1d(np.asarray(tau2, dtype=float))
    times = np.atleast_2d(np.ones(1) if m is None else np.asarray(m, dtype=float))
    w = times / (v2 + t[:, None])
    times = np.broadcast_to(times, w.shape)
    total = w.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = w / total[:, None]
        # Pooling differences from the first effect keeps the digits when effects are far from zero.
        origin = y2[:, :1]
        mean = origin[:, 0] + (share * (y2 - origin)).sum(axis=1)
    q = (w * (y2 - mean[:, None]) ** 2).sum(axis=1)
    return Pooled(
        mean=mean,
        se=np.sqrt(1 / total),
        q=q,
        k=times.sum(axis=1),
        tau2=np.broadcast_to(t, mean.shape),
        weight=share,
    )
