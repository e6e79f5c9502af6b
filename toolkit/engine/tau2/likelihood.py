"""Maximum and restricted maximum likelihood of the between-study variance, in batches and on any scale.

The score is scanned on a grid first, because the likelihood can have two maxima (one of them at zero) and a score
that is negative at zero does not prove that zero is the higher one. Every sign change is solved by bracketed Newton
steps and the candidate with the highest likelihood is taken.
"""

from __future__ import annotations

import numpy as np

from toolkit.engine.data import FloatArray
from toolkit.engine.tau2.batch import Batch, Tau2Batch, batch, sums, take

__all__ = ["log_likelihood", "profile_likelihood_interval", "score", "tau2_ml", "tau2_reml"]

_GRID = 24
_MAX_ITERATIONS = 100
# A Newton step below this fraction of tau2 leaves an error of its square: the digits of a double are reached.
_RELATIVE_STEP = 1e-8
# Rows of (fits x grid x studies) worked on at once: about 16 MB an array.
_CHUNK = 2_000_000


def log_likelihood(b: Batch, tau2: FloatArray, restricted: bool) -> FloatArray:
    """Log-likelihood (B,) at tau2 (B,) with the mean profiled out, constants as in Viechtbauer 2005.

    ML: ``-(k/2) log 2pi - sum log(v + t)/2 - Q/2``; REML: ``-((k-1)/2) log 2pi + log(k)/2 - ... - log(sum w)/2``.
    """
    total_v = b.v + tau2[:, None]
    w = b.m / total_v
    total, _, r = sums(b, w)
    value = -((b.m * np.log(total_v)).sum(axis=1) + (w * r**2).sum(axis=1)) / 2
    df = b.k - 1 if restricted else b.k
    if restricted:
        value = value - np.log(total) / 2 + np.log(b.k) / 2
    result: FloatArray = value - df / 2 * np.log(2 * np.pi)
    return result


def score(b: Batch, tau2: FloatArray, restricted: bool) -> tuple[FloatArray, FloatArray]:
    """Twice the first and second derivative (B,) of the log-likelihood in tau2.

    Notes
    -----
    With ``u = 1/(v + t)``, residuals r and ``S_p = sum u^p``: twice the score is ``sum u^2 r^2 - S1 + S2/S1``
    (REML) or ``sum u^2 r^2 - S1`` (ML).

    References
    ----------
    Viechtbauer 2005, J Educ Behav Stat 30:261-293, equations 11 and 14. doi:10.3102/10769986030003261
    """
    u = 1 / (b.v + tau2[:, None])
    w = b.m * u
    s1, _, r = sums(b, w)
    w2 = w * u
    s2 = w2.sum(axis=1)
    w2r = w2 * r
    first = (w2r * r).sum(axis=1) - s1
    pull = w2r.sum(axis=1)
    second = -2 * (w2r * u * r).sum(axis=1) + 2 * pull**2 / s1 + s2
    if restricted:
        first = first + s2 / s1
        second = second - 2 * (w2 * u).sum(axis=1) / s1 + (s2 / s1) ** 2
    return first, second


def _grid_scores(b: Batch, grid: FloatArray, restricted: bool) -> FloatArray:
    """Twice the score (B, G) on a grid (B, G); by matrix products, precise enough for signs."""
    u = 1 / (b.v[:, None, :] + grid[:, :, None])
    columns = np.stack([b.m, b.m * b.y, b.m * b.y**2], axis=2)
    p1 = u @ columns
    np.square(u, out=u)
    p2 = u @ columns
    mu = p1[..., 1] / p1[..., 0]
    value: FloatArray = p2[..., 2] - 2 * mu * p2[..., 1] + mu**2 * p2[..., 0] - p1[..., 0]
    return value + p2[..., 0] / p1[..., 0] if restricted else value


def _grid(b: Batch, top: FloatArray) -> FloatArray:
    """Zero and a geometric grid (B, G) up to ``top``, beyond which no maximum can lie."""
    inside = np.where(b.m > 0, b.v, np.inf).min(axis=1)
    bottom = np.minimum(inside, top) * 1e-3
    steps = np.linspace(0.0, 1.0, _GRID - 1)
    grid = bottom[:, None] * (top / bottom)[:, None] ** steps
    return np.concatenate([np.zeros((b.k.size, 1)), grid], axis=1)


def _polish(
    b: Batch, low: FloatArray, high: FloatArray, start: FloatArray, restricted: bool
) -> tuple[FloatArray, np.ndarray, np.ndarray]:
    """Root of the score in each bracket (score > 0 at ``low``, <= 0 at ``high``): value, converged, iterations."""
    t, value = start, start.copy()
    iterations, done = np.zeros(t.size, dtype=np.int64), np.zeros(t.size, dtype=bool)
    rows = np.arange(t.size)
    for iteration in range(1, _MAX_ITERATIONS + 1):
        if not rows.size:
            break
        first, second = score(b, t, restricted)
        rising = first > 0
        low, high = np.where(rising, t, low), np.where(rising, high, t)
        with np.errstate(divide="ignore", invalid="ignore"):
            new = t - first / second
            # At the root the step vanishes, and rounding may set it on the bracket's end: no step to be replaced.
            there = (first == 0) | (second < 0) & (np.abs(new - t) <= _RELATIVE_STEP * t)
        inside = (second < 0) & (new > low) & (new < high)
        new = np.where(first == 0, t, np.where(there | inside, new, (low + high) / 2))
        finished = there | (high - low <= 1e-15 * high)
        value[rows], iterations[rows] = new, iteration
        t = new
        if finished.any():
            done[rows[finished]] = True
            left = np.flatnonzero(~finished)
            b, rows = take(b, left), rows[left]
            t, low, high = t[left], low[left], high[left]
    return value, done, iterations


def _maximise(b: Batch, restricted: bool) -> Tau2Batch:
    fits = b.k.size
    value = np.where(b.k > 1, 0.0, np.nan)
    converged = np.ones(fits, dtype=bool)
    iterations = np.zeros(fits, dtype=np.int64)
    low_y = np.where(b.m > 0, b.y, np.inf).min(axis=1)
    high_y = np.where(b.m > 0, b.y, -np.inf).max(axis=1)
    with np.errstate(invalid="ignore", over="ignore"):
        top = (high_y - low_y) ** 2
    rows = np.flatnonzero((b.k > 1) & (top > 0) & np.isfinite(top))
    if rows.size:
        c = take(b, rows)
        grid = _grid(c, top[rows] * 1.01)
        scores = _grid_scores(c, grid, restricted)
        rising = scores > 0
        fit, cell = np.nonzero(rising[:, :-1] & ~rising[:, 1:])
        low, high, up, down = grid[fit, cell], grid[fit, cell + 1], scores[fit, cell], scores[fit, cell + 1]
        start = low + (high - low) * up / (up - down)
        root, done, steps = _polish(take(c, fit), low, high, start, restricted)
        chosen, ok, used = _best(c, fit, root, done, steps, rising[:, 0], restricted)
        value[rows], converged[rows], iterations[rows] = chosen, ok, used
    return Tau2Batch(value=value, boundary=value == 0, converged=converged, iterations=iterations)


def _best(
    b: Batch,
    fit: np.ndarray,
    root: FloatArray,
    done: np.ndarray,
    steps: np.ndarray,
    rising_at_zero: np.ndarray,
    restricted: bool,
) -> tuple[FloatArray, np.ndarray, np.ndarray]:
    """Of each fit's candidates (its roots, and zero unless the likelihood rises there) the most likely one."""
    fits = b.k.size
    value, ok, used = np.zeros(fits), np.ones(fits, dtype=bool), np.zeros(fits, dtype=np.int64)
    candidates = np.bincount(fit, minlength=fits) + ~rising_at_zero
    plain = candidates[fit] == 1
    value[fit[plain]], ok[fit[plain]], used[fit[plain]] = root[plain], done[plain], steps[plain]
    contested = np.flatnonzero(~plain)
    if contested.size:
        best = np.where(rising_at_zero, -np.inf, log_likelihood(b, np.zeros(fits), restricted))
        heights = log_likelihood(take(b, fit[contested]), root[contested], restricted)
        for at, height in zip(contested, heights, strict=True):
            row = fit[at]
            if height > best[row]:
                best[row], value[row], ok[row], used[row] = height, root[at], done[at], steps[at]
    return value, ok, used


def _in_chunks(b: Batch, restricted: bool) -> Tau2Batch:
    size = max(1, _CHUNK // (b.y.shape[1] * _GRID))
    if b.k.size <= size:
        return _maximise(b, restricted)
    parts = [_maximise(take(b, np.arange(at, min(at + size, b.k.size))), restricted) for at in range(0, b.k.size, size)]
    return Tau2Batch(
        value=np.concatenate([part.value for part in parts]),
        boundary=np.concatenate([part.boundary for part in parts]),
        converged=np.concatenate([part.converged for part in parts]),
        iterations=np.concatenate([part.iterations for part in parts]),
    )


def tau2_reml(y: FloatArray, v: FloatArray, m: FloatArray | None = None) -> Tau2Batch:
    """Between-study variance by restricted maximum likelihood, the global maximum on tau2 >= 0.

    Parameters
    ----------
    y, v : (k,) or (B, k) effects on the model scale and sampling variances, all > 0
    m : (k,) or (B, k) how often each study is in the fit; ones if left out

    Notes
    -----
    A stationary point satisfies ``tau2 <= (max y - min y)^2``, which bounds the search.

    References
    ----------
    Viechtbauer 2005, J Educ Behav Stat 30:261-293, section 2.6. doi:10.3102/10769986030003261
    """
    return _in_chunks(batch(y, v, m), True)


def tau2_ml(y: FloatArray, v: FloatArray, m: FloatArray | None = None) -> Tau2Batch:
    """Between-study variance by maximum likelihood, the global maximum on tau2 >= 0; arguments as `tau2_reml`.

    References
    ----------
    Hardy, Thompson 1996, Stat Med 15:619-629. doi:10.1002/(SICI)1097-0258(19960330)15:6<619::AID-SIM188>3.0.CO;2-A
    """
    return _in_chunks(batch(y, v, m), False)


def profile_likelihood_interval(
    y: FloatArray, v: FloatArray, tau2: float, crit: float, restricted: bool
) -> tuple[float, float]:
    """Where the log-likelihood falls ``crit / 2`` below its maximum at ``tau2``: lower bound (0 if none) and upper.

    Parameters
    ----------
    y, v : (k,) one fit with k >= 2
    crit : chi-squared quantile with one df (3.841 for 95 %)

    References
    ----------
    Hardy, Thompson 1996, Stat Med 15:619-629. doi:10.1002/(SICI)1097-0258(19960330)15:6<619::AID-SIM188>3.0.CO;2-A
    """
    from scipy.optimize import brentq

    b = batch(y, v)

    def drop(t: float) -> float:
        return float(log_likelihood(b, np.array([t]), restricted)[0]) - height

    height = float(log_likelihood(b, np.array([tau2]), restricted)[0]) - crit / 2
    low = 0.0
    if tau2 > 0 and drop(0.0) < 0:
        low = float(brentq(drop, 0.0, tau2, xtol=1e-14 * tau2, rtol=1e-13, maxiter=500))
    step = max(tau2, float(np.min(b.v)), float(np.max(b.y) - np.min(b.y)) ** 2)
    while drop(tau2 + step) > 0:
        step *= 4
    high = float(brentq(drop, tau2, tau2 + step, xtol=1e-14 * step, rtol=1e-13, maxiter=500))
    return low, high
