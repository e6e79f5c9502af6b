"""Boundaries for repeated looks at one accumulating estimate: alpha and beta spending after O'Brien and Fleming.

The score B(t) of an estimate with the information fraction t moves like a random walk with variance t and drift
theta t; its Z statistic is B(t) / sqrt(t). The distribution of the score that has not left the boundaries is carried
from look to look by numerical integration (Armitage, McPherson and Rowe 1969), on Gauss-Legendre nodes that are dense
against the step between two looks.

References
----------
Lan, DeMets 1983, Biometrika 70:659-663 (spending functions). doi:10.1093/biomet/70.3.659
Pampallona, Tsiatis, Kim 2001, Drug Inf J 35:1113-1121 (spending of both errors). doi:10.1177/009286150103500408
Reboussin, DeMets, Kim, Lan 2000, Control Clin Trials 21:190-207 (computation). doi:10.1016/S0197-2456(00)00057-X
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from toolkit.engine.data import FloatArray
from toolkit.model.errors import InputError

__all__ = ["AtBoundaries", "futility_bounds", "obrien_fleming_bounds", "planned_drift", "power_of_looks", "spent"]

# Beyond this the two-sided probability is below what doubles can tell from zero: no boundary is given.
_NEVER = 8.0
# Each stretch of the integration is a row of panels with a rule of 20 nodes.
_RULE = np.polynomial.legendre.leggauss(20)
# A look that brings less of the required information than this is not told apart from the one before it: the nodes
# would have to lie closer than is worth it, and what it may spend is next to nothing.
_LEAST = 1e-4
_Piece = tuple[float, float]
_Mass = tuple[FloatArray, FloatArray]  # values of the score that goes on, and how probable each is


class AtBoundaries:
    """A look that has a Z, and the boundary and the inner wedge that it is held against (None where there is none)."""

    __slots__ = ()
    if TYPE_CHECKING:

        @property
        def z(self) -> float:
            """The cumulative Z."""

        @property
        def boundary(self) -> float | None:
            """Z beyond it, in either direction, is conclusive."""

        @property
        def futility(self) -> float | None:
            """Half the width of the inner wedge."""

    @property
    def crossed(self) -> bool:
        """Whether Z lies beyond the boundary."""
        return self.boundary is not None and abs(self.z) > self.boundary

    @property
    def futile(self) -> bool:
        """Whether Z lies in the inner wedge."""
        return self.futility is not None and abs(self.z) < self.futility


def spent(t: FloatArray, error: float) -> FloatArray:
    """What is spent of ``error`` up to each information fraction: 2 - 2 Phi(z_(1 - error/2) / sqrt(t)), all from 1 on.

    References
    ----------
    Lan, DeMets 1983, Biometrika 70:659-663, equation 3.
    """
    part = 2 * ndtr(-ndtri(1 - error / 2) / np.sqrt(np.minimum(t, 1)))
    found: FloatArray = np.where(t >= 1, error, part)
    return found


def planned_drift(alpha: float, power: float) -> float:
    """Mean of Z at the required information if the named effect is true: z_(1 - alpha/2) + z_power."""
    return float(ndtri(1 - alpha / 2) + ndtri(power))


def obrien_fleming_bounds(fractions: Sequence[float], alpha: float = 0.05) -> list[float | None]:
    """Two-sided boundaries on Z that spend ``alpha`` as O'Brien and Fleming's do; None where nothing is spent.

    Parameters
    ----------
    fractions : information fractions of the looks, ascending, above 0; the first look at 1 or later spends all the
        rest, later ones nothing

    Notes
    -----
    Each side spends ``2 - 2 Phi(z_(alpha/4) / sqrt(t))`` of its alpha/2 up to the fraction t.

    Examples
    --------
    >>> [round(b, 3) for b in obrien_fleming_bounds([0.2, 0.4, 0.6, 0.8, 1])]
    [4.877, 3.357, 2.68, 2.29, 2.031]
    """
    t = _checked(fractions, alpha, "alpha")
    mass = _start()
    bounds: list[float | None] = [None] * t.size
    before, at = 0.0, 0.0
    spending = spent(t, alpha / 2)
    for i in _looks_that_count(t):
        fraction, target = float(t[i]), float(spending[i])
        step, root = float(np.sqrt(fraction - at)), float(np.sqrt(fraction))
        bounds[i] = bound = _bound(mass, step, root, target - before)
        limit = (_NEVER if bound is None else bound) * root
        mass = _carry(mass, step, 0.0, [(-limit, limit)])
        before = before if bound is None else target
        at = fraction
    return bounds


def futility_bounds(
    fractions: Sequence[float], efficacy: Sequence[float | None], *, beta: float, drift: float
) -> list[float | None]:
    """Half-width of the inner wedge at each look: a Z nearer to 0 speaks against the named effect.

    Parameters
    ----------
    fractions : information fractions of the looks, ascending, above 0
    efficacy : the outer boundaries of these looks; they are kept whether or not anybody stops for futility
        ("non-binding")
    beta : error of the second kind, spent as O'Brien and Fleming's boundaries spend theirs
    drift : mean of Z at fraction 1 if the named effect is true (`planned_drift`)

    Returns
    -------
    None while a Z of the wrong sign would be likelier than what may be spent; from fraction 1 on the wedge meets the
    outer boundary.

    Notes
    -----
    The look at t spends ``beta(t) - beta(t before)``: the probability under the drift that no boundary was crossed
    before and that \\|Z\\| lies in the wedge now.
    """
    t = _checked(fractions, beta, "beta")
    return [inner for inner, _ in _walk(t, efficacy, beta, drift)]


def power_of_looks(
    fractions: Sequence[float], efficacy: Sequence[float | None], *, beta: float | None, drift: float
) -> float:
    """Probability of leaving by an outer boundary at one of these looks, if the named effect is true.

    With ``beta`` the walk ends where it enters the wedge of futility that spends it; None has no wedge.
    """
    t = _checked(fractions, 0.5 if beta is None else beta, "beta")
    return sum(out for _, out in _walk(t, efficacy, beta, drift))


def _walk(
    t: FloatArray, efficacy: Sequence[float | None], beta: float | None, drift: float
) -> list[tuple[float | None, float]]:
    """(half-width of the wedge, probability of crossing an outer boundary) of each look, under the drift."""
    mass = _start()
    found: list[tuple[float | None, float]] = [(None, 0.0)] * t.size
    before, at = 0.0, 0.0
    spending = np.zeros(t.size) if beta is None else spent(t, beta)
    for i in _looks_that_count(t):
        fraction, outer, target = float(t[i]), efficacy[i], float(spending[i])
        step, root = float(np.sqrt(fraction - at)), float(np.sqrt(fraction))
        shift = drift * (fraction - at)
        edge = _NEVER + drift if outer is None else outer  # wide enough for a mean of drift * sqrt(t)
        leaves = 0.0 if outer is None else float(mass[1].sum()) - _within(mass, step, shift, edge * root)
        inner = None
        if beta is not None:
            inner = outer if fraction >= 1 else _inner(mass, step, root, shift, edge, target - before)
        found[i] = inner, max(leaves, 0.0)
        limit = edge * root
        hole = 0.0 if inner is None else inner * root
        mass = _carry(mass, step, shift, [(-limit, limit)] if hole == 0 else [(-limit, -hole), (hole, limit)])
        before = before if inner is None else target
        at = fraction
    return found


def _looks_that_count(t: FloatArray) -> list[int]:
    """Looks that bring `_LEAST` or more since the one before, up to the first at 1 or later: it spends all the rest."""
    kept: list[int] = []
    for i, fraction in enumerate(t):
        near = bool(kept) and fraction - t[kept[-1]] < _LEAST
        if near and fraction >= 1:
            kept[-1] = i
        elif not near:
            kept.append(i)
        if fraction >= 1:
            break
    return kept


def _checked(fractions: Sequence[float], error: float, name: str) -> FloatArray:
    t = np.asarray(fractions, dtype=float)
    if t.size == 0 or not (t > 0).all() or not (np.diff(t) > 0).all():
        raise InputError("Information fractions ascend from above 0.", value=list(fractions))
    if not 0 < error < 1:
        raise InputError(f"{name} is a proportion.", value=error, allowed="between 0 and 1")
    return t


def _start() -> _Mass:
    """A point: before any look the score is 0."""
    return np.array([0.0]), np.array([1.0])


def _bound(mass: _Mass, step: float, root: float, spend: float) -> float | None:
    """Z that the score exceeds with probability ``spend`` at this look, not having left before."""

    def excess(z: float) -> float:
        return float(mass[1] @ ndtr(-(z * root - mass[0]) / step)) - spend

    if excess(_NEVER) >= 0 or spend <= 0:
        return None
    return float(brentq(excess, 0.0, _NEVER, xtol=1e-10)) if excess(0.0) > 0 else 0.0


def _within(mass: _Mass, step: float, shift: float, limit: float) -> float:
    """Probability that the score goes on to lie within ``limit`` of 0."""
    moved = mass[0] + shift
    return float(mass[1] @ (ndtr((limit - moved) / step) - ndtr((-limit - moved) / step)))


def _inner(mass: _Mass, step: float, root: float, shift: float, edge: float, spend: float) -> float | None:
    """Half-width of the wedge that holds ``spend`` of the probability, at most the outer boundary."""
    wrong_sign = float(mass[1] @ ndtr(-(mass[0] + shift) / step))
    if spend <= 0 or wrong_sign >= spend:
        return None
    if _within(mass, step, shift, edge * root) <= spend:
        return edge
    return float(brentq(lambda z: _within(mass, step, shift, z * root) - spend, 0.0, edge, xtol=1e-10))


def _carry(mass: _Mass, step: float, shift: float, pieces: Sequence[_Piece]) -> _Mass:
    """The score at the next look inside ``pieces``, on new nodes (their probability includes the node's weight)."""
    moved = mass[0] + shift
    reach = _NEVER * step
    nodes, weights = [], []
    for low, high in pieces:
        low, high = max(low, float(moved.min()) - reach), min(high, float(moved.max()) + reach)
        if low >= high:
            continue
        # Panels of under six standard deviations of the step: the error lies far below that of the root search.
        panels = int(min(100, max(3, np.ceil((high - low) / step / 5.7))))
        half = (high - low) / (2 * panels)
        middles = low + half * (2 * np.arange(panels) + 1)
        nodes.append((middles[:, None] + half * _RULE[0]).ravel())
        weights.append(np.tile(half * _RULE[1], panels))
    if not nodes:
        return np.array([0.0]), np.array([0.0])
    new = np.concatenate(nodes)
    kernel = np.exp(-(((new[:, None] - moved[None, :]) / step) ** 2) / 2) / (step * np.sqrt(2 * np.pi))
    return new, np.concatenate(weights) * (kernel @ mass[1])
