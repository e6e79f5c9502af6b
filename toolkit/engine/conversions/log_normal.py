"""Mean and standard deviation from quantiles of log-normal data."""

from __future__ import annotations

import math

from toolkit.engine.conversions.summaries import Converted, mean_sd_of_normal_quantiles, scenario
from toolkit.model.errors import NotEstimable

__all__ = ["log_normal_quantiles"]


def log_normal_quantiles(
    n: float,
    *,
    median: float,
    q1: float | None = None,
    q3: float | None = None,
    low: float | None = None,
    high: float | None = None,
) -> Converted:
    """Mean and SD of a log-normal distribution from its quantiles, bias-corrected.

    Notes
    -----
    Mean m and SD s of the logarithms are those of normal quantiles. With ``v = s^2 / z`` and ``f = s^4 / d``,

        mean = exp(m + v/2) / (1 + a v/n + b f/n),
        sd^2 = exp(2m + 2v) / (1 + 4a v/n + 16b f/n) - exp(2m + v) / (1 + 4a v/n + 4b f/n),

    z, d, a and b by which quantiles are there.

    References
    ----------
    Shi, Tong, Wang, Genton 2020, Stat Interface 13:519-531. doi:10.4310/SII.2020.v13.n4.a9

    Examples
    --------
    >>> found = log_normal_quantiles(40, median=12, q1=8, q3=17)
    >>> round(found.mean, 4), round(found.sd, 4)
    (13.7344, 8.1238)
    """
    given = [x for x in (low, q1, median, q3, high) if x is not None]
    if min(given) <= 0:
        raise NotEstimable("Log-normal quantiles are above 0.")
    extremes, quartiles = scenario(n, low, q1, median, q3, high)
    logs = [None if x is None else math.log(x) for x in (q1, q3, low, high)]
    m, s = mean_sd_of_normal_quantiles(n, median=math.log(median), q1=logs[0], q3=logs[1], low=logs[2], high=logs[3])
    if extremes and quartiles:
        z, d, a, b = 1 + 0.28 / math.log(n) ** 2, 1 + 3.93 / n, 0.405, 0.315
    elif quartiles:
        z, d, a, b = 1 + 1.58 / n, 1 + 19.2 / n**1.2, 0.57, 0.75
    else:
        z, d, a, b = 1.01 + 0.25 / math.log(n) ** 2, 1 + 2.23 / math.log(n) ** 2, 0.565, 0.37
    v, first, second = s**2 / z, a * s**2 / (z * n), b * s**4 / (d * n)
    mean = math.exp(m + v / 2) / (1 + first + second)
    square = math.exp(2 * m + 2 * v) / (1 + 4 * first + 16 * second)
    square -= math.exp(2 * m + v) / (1 + 4 * first + 4 * second)
    if square <= 0:
        raise NotEstimable("The bias-corrected variance of these log-normal quantiles is not above 0.")
    flags = ("assumes a log-normal distribution",)
    return Converted(mean=mean, sd=math.sqrt(square), n=n, source="log-normal quantiles (Shi 2020)", flags=flags)
