"""Many fits at once: all subsets of studies (GOSH) and the non-parametric bootstrap, in chunks of flat memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from toolkit.engine.data import FloatArray, IntArray
from toolkit.engine.pooling import pool_inverse_variance
from toolkit.engine.results import PairwiseResult
from toolkit.engine.sensitivity import studies_of, tau2_of_samples
from toolkit.model.errors import InputError, NotEstimable

__all__ = ["Resampled", "bootstrap", "gosh"]

_CHUNK = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Resampled:
    """Fits of a batch of samples of the studies, each array (B,) unless stated.

    Attributes
    ----------
    estimate : random-effects estimate (common-effect where the sample has one distinct study)
    se : its Wald standard error
    tau2, i2 : between-study variance and I2 from Q
    k : studies in the sample
    times : (B, S) how often each study of the fit is in the sample
    complete : whether these are all subsets, not a random selection
    """

    estimate: FloatArray
    se: FloatArray
    tau2: FloatArray
    i2: FloatArray
    k: IntArray
    times: IntArray
    complete: bool


def _fit(result: PairwiseResult, times: IntArray, complete: bool) -> Resampled:
    if result.spec.model != "IV":
        raise InputError(
            "Subsets and samples of studies are fitted by inverse variance.", value=result.spec.model,
            hint="Fit with model='IV' (--model IV).",
        )  # fmt: skip
    _, y, v = studies_of(result)
    columns: list[tuple[FloatArray, ...]] = []
    for m in _chunks(times):
        tau2 = np.nan_to_num(tau2_of_samples(result, y, v, m), nan=0.0)
        random = pool_inverse_variance(y, v, tau2, m)
        q = pool_inverse_variance(y, v, 0.0, m).q
        df = m.sum(axis=1) - 1
        with np.errstate(invalid="ignore", divide="ignore"):
            i2 = np.where((q > 0) & (df > 0), np.maximum(0.0, (q - df) / q), 0.0)
        columns.append((random.mean, random.se, tau2, i2))
    estimate, se, tau2, i2 = (np.concatenate(parts) for parts in zip(*columns, strict=True))
    k = times.sum(axis=1).astype(np.int64)
    return Resampled(estimate=estimate, se=se, tau2=tau2, i2=i2, k=k, times=times, complete=complete)


def _chunks(times: IntArray) -> Iterator[FloatArray]:
    for at in range(0, times.shape[0], _CHUNK):
        yield times[at : at + _CHUNK].astype(float)


def gosh(result: PairwiseResult, rng: np.random.Generator | None = None, *, most: int = 2**16) -> Resampled:
    """The fit of every subset of two or more studies; of ``most`` random ones where there are more.

    Parameters
    ----------
    result : a fit of at least three studies
    rng : needed where subsets are drawn at random
    most : largest number of fits

    References
    ----------
    Olkin, Dahabreh, Trikalinos 2012, Res Synth Methods 3:214-223. doi:10.1002/jrsm.1053
    """
    k = len(studies_of(result)[0])
    if k < 3:
        raise NotEstimable(f"A plot of subsets takes at least three studies; there are {k}.")
    complete = k < 63 and 2**k - k - 1 <= most
    if complete:
        numbers = np.arange(2**k)
        times = (numbers[:, None] >> np.arange(k)) & 1
        return _fit(result, times[times.sum(axis=1) > 1].astype(np.int64), True)
    if rng is None:
        raise InputError(f"{k} studies have more than {most} subsets: give a random generator to draw from them.")
    # A subset of uniformly drawn members is uniform over subsets; too small ones are drawn again.
    drawn = rng.integers(0, 2, size=(most, k))
    while (small := np.flatnonzero(drawn.sum(axis=1) < 2)).size:
        drawn[small] = rng.integers(0, 2, size=(small.size, k))
    return _fit(result, drawn.astype(np.int64), False)


def bootstrap(result: PairwiseResult, rng: np.random.Generator, *, samples: int = 10_000) -> Resampled:
    """Fits of samples of the studies drawn with replacement.

    References
    ----------
    Van den Noortgate, Onghena 2005, Behav Res Methods 37:11-22. doi:10.3758/BF03206394
    """
    k = len(studies_of(result)[0])
    if k < 3:
        raise NotEstimable(f"A bootstrap takes at least three studies; there are {k}.")
    return _fit(result, rng.multinomial(k, np.full(k, 1 / k), size=samples).astype(np.int64), False)
