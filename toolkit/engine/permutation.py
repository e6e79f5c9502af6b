"""Permutation tests: of the pooled effect by the signs of the studies, of covariates by their rows."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module

import numpy as np

from toolkit.engine.data import FloatArray
from toolkit.engine.intervals import Standard
from toolkit.engine.metareg import aligned, design_matrix
from toolkit.engine.pooling import pool_inverse_variance
from toolkit.engine.regression import fit_mixed
from toolkit.engine.results import PairwiseResult
from toolkit.engine.sensitivity import studies_of
from toolkit.engine.tau2.batch import Tau2Batch
from toolkit.model.choices import INTERVALS, TAU2_METHODS
from toolkit.model.errors import InputError, NotEstimable

__all__ = ["Permutation", "permutation_test"]

_CHUNK = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Permutation:
    """Two-sided permutation p values.

    Attributes
    ----------
    names : "pooled effect", or the covariates' coefficients
    p : of each; the share of samples whose statistic is at least the observed one
    p_model : of all covariates together, None without covariates
    samples : how many there were, the observed arrangement among them
    exact : whether these are all there are
    least_p : the smallest p that so many samples can give
    """

    names: tuple[str, ...]
    p: tuple[float, ...]
    p_model: float | None
    samples: int
    exact: bool
    least_p: float


def permutation_test(
    result: PairwiseResult,
    rng: np.random.Generator | None = None,
    *,
    formula: str | None = None,
    columns: Mapping[str, Mapping[str, object]] | None = None,
    most: int = 10_000,
) -> Permutation:
    """The test of a fit or of a meta-regression without a normal distribution of its statistic.

    Parameters
    ----------
    result : a fit by inverse variance; its estimator and interval make the statistic
    rng : needed where there are more than ``most`` arrangements
    formula, columns : covariates as in `meta_regression`; None tests the pooled effect
    most : largest number of arrangements to fit

    Notes
    -----
    Under the null hypothesis of the pooled effect, the sign of each study's effect is arbitrary: all 2^k signs. Under
    that of the covariates their rows are exchangeable: all k! orders. Drawn samples count the observed one:
    ``p = (1 + number at least as extreme) / (1 + samples)``.

    References
    ----------
    Follmann, Proschan 1999, Biometrics 55:732-737. doi:10.1111/j.0006-341X.1999.00732.x
    Higgins, Thompson 2004, Stat Med 23:1663-1682 (covariates). doi:10.1002/sim.1752
    Phipson, Smyth 2010, Stat Appl Genet Mol Biol 9:39 (drawn samples). doi:10.2202/1544-6115.1585

    Examples
    --------
    >>> from toolkit.engine.effects import effects_from_estimates
    >>> from toolkit.engine.pairwise import pairwise
    >>> result = pairwise(effects_from_estimates("abcde", [0.2, 0.5, 0.3, 0.4, 0.6], v=[0.04, 0.05, 0.03, 0.06, 0.04]))
    >>> permutation_test(result).p  # all five have one sign: 2 / 2^5
    (0.0625,)
    """
    if result.spec.model != "IV" or result.spec.q_around == "MH" or result.spec.ci == "KR":
        raise InputError(
            "A permutation test is for fits by inverse variance with Q around their own mean, not Kenward-Roger."
        )
    names, y, v = studies_of(result)
    if len(names) < 3:
        raise NotEstimable("A permutation test takes at least three studies.")
    if formula is not None:
        values = {name: aligned(own, names) for name, own in (columns or {}).items()}
        return _of_covariates(result, y, v, formula, values, rng, most)
    exact = len(names) < 63 and 2 ** len(names) <= most
    statistics = np.concatenate([_signed(result, y * s, v) for s in _signs(len(names), rng, most, exact)])
    observed = float(_signed(result, y[None, :], v)[0])
    p = _share(statistics, observed, exact)
    return Permutation(
        names=("pooled effect",), p=(p,), p_model=None, samples=statistics.size + (not exact), exact=exact,
        least_p=2 / statistics.size if exact else 1 / (statistics.size + 1),
    )  # fmt: skip


def _share(statistics: FloatArray, observed: float, exact: bool) -> float:
    """Share of samples at least as extreme as the observed one; rounding makes no arrangement less extreme."""
    extreme = int((statistics >= observed * (1 - 1e-9)).sum())
    return extreme / statistics.size if exact else (1 + extreme) / (1 + statistics.size)


def _generator(rng: np.random.Generator | None, what: str, most: int) -> np.random.Generator:
    if rng is None:
        raise InputError(f"There are more than {most} {what}: give a random generator to draw from them.")
    return rng


def _signs(k: int, rng: np.random.Generator | None, most: int, exact: bool) -> Iterator[FloatArray]:
    """Signs (B, k) in chunks: all of them, or ``most`` drawn ones."""
    drawn = None if exact else _generator(rng, "arrangements of signs", most)
    size = 2**k if exact else most
    for at in range(0, size, _CHUNK):
        count = min(_CHUNK, size - at)
        if drawn is None:
            bits = (np.arange(at, at + count)[:, None] >> np.arange(k)) & 1
        else:
            bits = drawn.integers(0, 2, size=(count, k))
        yield np.where(bits == 1, -1.0, 1.0)


def _signed(result: PairwiseResult, y: FloatArray, v: FloatArray) -> FloatArray:
    """Size of the statistic (B,) of each row of effects."""

    def function(target: str):  # type: ignore[no-untyped-def]
        module, _, name = target.partition(":")
        return getattr(import_module(module), name)

    spread = np.broadcast_to(v, y.shape)
    tau2: Tau2Batch = function(TAU2_METHODS[result.spec.tau2].target)(y, spread)
    pooled = pool_inverse_variance(y, spread, tau2.value)
    standard: Standard = function(INTERVALS[result.spec.ci].target)(pooled)
    with np.errstate(divide="ignore", invalid="ignore"):
        size: FloatArray = np.abs(pooled.mean) / standard.se
    return np.where(np.isnan(size), 0.0, size)  # 0 / 0: no effect at all


def _of_covariates(
    result: PairwiseResult,
    y: FloatArray,
    v: FloatArray,
    formula: str,
    values: Mapping[str, list[object]],
    rng: np.random.Generator | None,
    most: int,
) -> Permutation:
    labels, X = design_matrix(formula, values)
    whole: np.ndarray = np.asarray(np.isfinite(X).all(axis=1))
    y, v, X = y[whole], v[whole], X[whole]
    k = y.size
    exact = math.factorial(k) <= most if k < 20 else False
    observed, together = _statistics(result, y, v, X)
    if exact:
        orders: Iterator[np.ndarray] = (np.array(order) for order in itertools.permutations(range(k)))
    else:
        drawn = _generator(rng, "orders of the covariates", most)
        orders = (drawn.permutation(k) for _ in range(most))
    found = [_statistics(result, y, v, X[order]) for order in orders]
    single = np.array([each for each, _ in found])
    model = np.array([whole_model for _, whole_model in found])
    return Permutation(
        names=labels[1:],
        p=tuple(_share(single[:, i], float(observed[i]), exact) for i in range(observed.size)),
        p_model=_share(model, together, exact),
        samples=len(found) + (not exact),
        exact=exact,
        least_p=1 / len(found) if exact else 1 / (len(found) + 1),
    )


def _statistics(result: PairwiseResult, y: FloatArray, v: FloatArray, X: FloatArray) -> tuple[FloatArray, float]:
    """Sizes of the coefficients' statistics, without the intercept, and the Wald statistic of all of them."""
    fit = fit_mixed(y, v, X, result.spec.tau2)
    scale = 1.0
    if result.spec.ci in ("HK", "HK_adhoc"):
        scale = float((((y - X @ fit.beta) ** 2) / (v + fit.tau2)).sum()) / fit.df
        scale = max(1.0, scale) if result.spec.ci == "HK_adhoc" else scale
    vcov, beta = fit.vcov[1:, 1:] * scale, fit.beta[1:]
    return np.abs(beta) / np.sqrt(np.diag(vcov)), float(beta @ np.linalg.solve(vcov, beta))
