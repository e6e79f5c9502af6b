"""Mean and standard deviation from quantiles of skewed data: quantile estimation and the Box-Cox method."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares, minimize_scalar
from scipy.special import betaincinv, gamma, gammaincinv, ndtri

from toolkit.engine.conversions.log_normal import log_normal_quantiles
from toolkit.engine.conversions.summaries import Converted, mean_sd_of_normal_quantiles, scenario
from toolkit.engine.data import FloatArray
from toolkit.model.errors import NotEstimable

__all__ = ["SKEWED", "box_cox", "quantile_estimation"]

Quantiles = Callable[[FloatArray, FloatArray], FloatArray]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Family:
    """Quantiles of two parameters on an unbounded scale, their mean and SD, and starts from a mean and an SD."""

    quantile: Quantiles
    moments: Callable[[FloatArray], tuple[float, float]]
    start: Callable[[float, float], tuple[float, float]]


def _exp(x: FloatArray) -> FloatArray:
    return np.exp(np.clip(x, -30.0, 30.0))


def _moments_of_gamma(x: FloatArray) -> tuple[float, float]:
    shape, scale = _exp(x)
    return float(shape * scale), float(np.sqrt(shape) * scale)


def _moments_of_weibull(x: FloatArray) -> tuple[float, float]:
    shape, scale = _exp(x)
    first, second = gamma(1 + 1 / shape), gamma(1 + 2 / shape)
    return float(scale * first), float(scale * np.sqrt(max(second - first**2, 0.0)))


def _moments_of_beta(x: FloatArray) -> tuple[float, float]:
    a, b = _exp(x)
    return float(a / (a + b)), float(np.sqrt(a * b / (a + b + 1)) / (a + b))


def _moments_of_log_normal(x: FloatArray) -> tuple[float, float]:
    variance = float(_exp(x[1:])[0]) ** 2
    mean = math.exp(float(x[0]) + variance / 2)
    return mean, mean * math.sqrt(math.expm1(variance))


def _start_of_log_normal(mean: float, sd: float) -> tuple[float, float]:
    variance = math.log1p((sd / mean) ** 2)
    return math.log(mean) - variance / 2, math.log(variance) / 2


def _start_of_beta(mean: float, sd: float) -> tuple[float, float]:
    size = max(mean * (1 - mean) / sd**2 - 1, 0.1)
    return math.log(mean * size), math.log((1 - mean) * size)


FAMILIES: dict[str, _Family] = {
    "normal": _Family(
        quantile=lambda p, x: x[0] + _exp(x[1:]) * ndtri(p),
        moments=lambda x: (float(x[0]), float(_exp(x[1:])[0])),
        start=lambda mean, sd: (mean, math.log(sd)),
    ),
    "log-normal": _Family(
        quantile=lambda p, x: np.exp(np.clip(x[0] + _exp(x[1:]) * ndtri(p), -700, 700)),
        moments=_moments_of_log_normal,
        start=_start_of_log_normal,
    ),
    "gamma": _Family(
        quantile=lambda p, x: _exp(x)[1] * gammaincinv(_exp(x)[0], p),
        moments=_moments_of_gamma,
        start=lambda mean, sd: (2 * math.log(mean / sd), math.log(sd**2 / mean)),
    ),
    "Weibull": _Family(
        quantile=lambda p, x: _exp(x)[1] * (-np.log1p(-p)) ** (1 / _exp(x)[0]),
        moments=_moments_of_weibull,
        start=lambda mean, sd: (1.086 * math.log(mean / sd), math.log(mean)),
    ),
    "beta": _Family(
        quantile=lambda p, x: betaincinv(_exp(x)[0], _exp(x)[1], p), moments=_moments_of_beta, start=_start_of_beta
    ),
}


def _given(
    n: float, low: float | None, q1: float | None, median: float, q3: float | None, high: float | None
) -> tuple[FloatArray, FloatArray]:
    """The quantiles that are there and their probabilities; the extremes stand at 1/n and 1 - 1/n."""
    extremes, quartiles = scenario(n, low, q1, median, q3, high)
    pairs: list[tuple[float, float]] = [(0.5, median)]
    if quartiles and q1 is not None and q3 is not None:
        pairs += [(0.25, q1), (0.75, q3)]
    if extremes and low is not None and high is not None:
        pairs += [(1 / n, low), (1 - 1 / n, high)]
    pairs.sort()
    p, q = (np.array(column) for column in zip(*pairs, strict=True))
    if not (np.diff(q) > 0).all():
        raise NotEstimable("The quantiles are not all different: no distribution can be fitted to them.")
    return p, q


def quantile_estimation(
    n: float,
    *,
    median: float,
    q1: float | None = None,
    q3: float | None = None,
    low: float | None = None,
    high: float | None = None,
) -> Converted:
    """Mean and SD of the distribution whose quantiles come nearest to those reported, of five families.

    Normal, log-normal, gamma, Weibull, and beta where all values lie between 0 and 1; the normal alone where one is 0
    or below. Each is fitted by least squares of its quantiles, and the best fit is taken.

    References
    ----------
    McGrath, Zhao, Steele, Thombs, Benedetti 2020, Stat Methods Med Res 29:2520-2537, section 2.3 (quantile
    estimation). doi:10.1177/0962280219889080

    Examples
    --------
    >>> found = quantile_estimation(100, low=2, median=4, high=9)
    >>> round(found.mean, 3), round(found.sd, 3)
    (4.347, 1.502)
    """
    p, q = _given(n, low, q1, median, q3, high)
    unit = 1.0 if q[0] > 0 and q[-1] < 1 else float(np.abs(q).max())
    begin_mean, begin_sd = mean_sd_of_normal_quantiles(n, median=median, q1=q1, q3=q3, low=low, high=high)
    names = ["normal"]
    if q[0] > 0:
        names += ["log-normal", "gamma", "Weibull"] + (["beta"] if q[-1] < 1 else [])
    best: tuple[float, str, float, float] | None = None
    for name in names:
        family = FAMILIES[name]
        begin = np.array(family.start(max(begin_mean, 1e-3 * q[-1]) / unit if name != "normal" else begin_mean / unit,
                                      begin_sd / unit))  # fmt: skip

        def distance(x: FloatArray, own: _Family = family) -> FloatArray:
            return own.quantile(p, x) - q / unit

        fit = least_squares(distance, begin, xtol=1e-12, ftol=1e-12, gtol=1e-12)
        mean, sd = family.moments(fit.x)
        if math.isfinite(mean) and math.isfinite(sd) and (best is None or fit.cost < best[0] * (1 - 1e-9)):
            best = (float(fit.cost), name, mean * unit, sd * unit)
    assert best is not None
    _, name, mean, sd = best
    source = f"quantile estimation, {name} distribution (McGrath 2020)"
    return Converted(mean=mean, sd=sd, n=n, source=source, flags=("estimated by the best fitting distribution",))


def _transformed(q: FloatArray, power: float) -> FloatArray:
    return np.log(q) if power == 0 else np.expm1(power * np.log(q)) / power


def _asymmetry(q: FloatArray, power: float) -> float:
    """How far the halves of each symmetric pair of quantiles are from equal after the transformation."""
    t = _transformed(q, power)
    middle, pairs = q.size // 2, range(q.size // 2)
    ratios = [(t[q.size - 1 - i] - t[middle]) / (t[middle] - t[i]) - 1 for i in pairs]
    return float(sum(r**2 for r in ratios))


def box_cox(
    n: float,
    *,
    median: float,
    q1: float | None = None,
    q3: float | None = None,
    low: float | None = None,
    high: float | None = None,
) -> Converted:
    """Mean and SD through the Box-Cox transformation that makes the quantiles symmetric; values above 0.

    Notes
    -----
    The power (0 to 3; 0 is the logarithm) minimises ``sum (upper half / lower half - 1)^2`` of the transformed
    quantiles. Luo's mean and Wan's SD of the transformed scale define a normal distribution, cut symmetrically where
    the inverse leaves the positive numbers; mean and SD of its inverse are integrals.

    References
    ----------
    McGrath, Zhao, Steele, Thombs, Benedetti 2020, Stat Methods Med Res 29:2520-2537, section 2.4 (Box-Cox).
    doi:10.1177/0962280219889080

    Examples
    --------
    >>> found = box_cox(100, low=2, median=4, high=9)
    >>> round(found.mean, 2), round(found.sd, 2)
    (4.21, 1.3)
    """
    _, q = _given(n, low, q1, median, q3, high)
    if q[0] <= 0:
        raise NotEstimable("The Box-Cox method takes quantiles above 0.")
    unit = median
    scaled = q / unit
    found = minimize_scalar(lambda c: _asymmetry(scaled, float(c)), bounds=(-2, 3), method="bounded",
                            options={"xatol": 1e-10})  # fmt: skip
    power = max(0.0, float(found.x))
    power = 0.0 if power < 1e-6 else power

    def moved(value: float | None) -> float | None:
        return None if value is None else float(_transformed(np.array([value / unit]), power)[0])

    centre, spread = mean_sd_of_normal_quantiles(
        n, median=moved(median) or 0.0, q1=moved(q1), q3=moved(q3), low=moved(low), high=moved(high), shi=False
    )
    mean, sd = _of_power_normal(centre, spread, power)
    text = "logarithm" if power == 0 else f"power {power:.3g}"
    return Converted(
        mean=mean * unit, sd=sd * unit, n=n, source=f"Box-Cox method, {text} (McGrath 2020)",
        flags=("taken as normal after a Box-Cox transformation",),
    )  # fmt: skip


def _of_power_normal(centre: float, spread: float, power: float) -> tuple[float, float]:
    """Mean and SD of ``(power z + 1)^(1/power)`` with z normal, cut symmetrically at zero of the inverse."""
    if power == 0:
        mean = math.exp(centre + spread**2 / 2)
        return mean, mean * math.sqrt(math.expm1(spread**2))
    reach = min(9.0, (centre + 1 / power) / spread)
    if reach <= 0:
        raise NotEstimable("The Box-Cox method fails: the transformed mean lies outside the range of the inverse.")
    nodes, weights = np.polynomial.legendre.leggauss(200)
    z = reach * nodes
    density = weights * np.exp(-(z**2) / 2)
    density /= density.sum()
    x = np.maximum(power * (centre + spread * z) + 1, 0.0) ** (1 / power)
    mean = float((density * x).sum())
    return mean, float(np.sqrt((density * (x - mean) ** 2).sum()))


SKEWED: dict[str, Callable[..., Converted]] = {"QE": quantile_estimation, "BC": box_cox, "LN": log_normal_quantiles}
"""What skewed quantiles can be converted by: QE, quantile estimation; BC, the Box-Cox method; LN, as log-normal."""
