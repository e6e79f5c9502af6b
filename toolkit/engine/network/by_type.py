"""Between-study variance by type of comparison, or by group of studies: one tau2 each instead of one for all.

The effects of a study's arms vary so that the contrast of two arms has the variance of its type; contrasts i and j with
the base arm b then covary by (tau2_bi + tau2_bj - tau2_ij) / 2, which for one type is the usual half.

References
----------
Lu, Ades 2009, Biostatistics 10:792-805 (variances of contrasts and their consistency). doi:10.1093/biostatistics/kxp032
Viechtbauer 2005, J Educ Behav Stat 30:261-293 (score and information). doi:10.3102/10769986030003261
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from toolkit.engine.data import Between, Effects, FloatArray, TypeVariance
from toolkit.engine.network.blocks import arms_of_studies, heterogeneity_shape
from toolkit.engine.network.gls import LOG_2PI, Fit, Model, bordered, invert, log_dets
from toolkit.engine.network.tau2 import estimate_tau2, typical_variance
from toolkit.model.errors import InputError, NotEstimable

__all__ = ["ACTIVE", "INACTIVE", "between_by_type"]

INACTIVE, ACTIVE = "with an inactive treatment", "between active treatments"
FEWEST_STUDIES = 2
# Information on a variance relative to that of known effects; less is rounding.
NO_INFORMATION = 1e-8
TOLERANCE = 1e-12
# A step this small changes the likelihood by less than its rounding; the score knows better.
SMALL_STEP = 1e-6
MAX_ITERATIONS = 500


def between_by_type(
    effects: Effects,
    model: Model,
    method: str,
    *,
    group: Mapping[str, str] | None = None,
    inactive: Sequence[str] = (),
) -> Between:
    """One between-study variance a type, by maximum likelihood.

    Parameters
    ----------
    effects, model : the data and their consistency model, which has degrees of freedom left
    method : "REML" or "ML"
    group : group of each study, each with its own variance
    inactive : without `group`: comparisons with one of these treatments are one type, those of all others the second

    Raises
    ------
    InputError
        For another estimator, a study without a group, an unknown treatment, or fewer than two types.
    NotEstimable
        If a type has too few studies or the data do not determine its variance.
    """
    if method not in ("REML", "ML"):
        raise InputError("Variances by type are estimated by REML or ML.", value=method, allowed="REML, ML")
    names, studies, shapes = _grouped(effects, model, group) if group is not None else _typed(effects, model, inactive)
    for name, k in zip(names, studies, strict=True):
        if k < FEWEST_STUDIES:
            raise NotEstimable(f"The between-study variance of {name!r} needs at least {FEWEST_STUDIES} studies: {k}.")
    typed = _Typed(model, shapes, restricted=method == "REML")
    tau2, se = _maximise(typed, names, estimate_tau2(model, method).value)
    _require_whole(effects, typed, tau2)
    largest = float(tau2.max())
    own: list[FloatArray] = [np.zeros((0, 0))] * len(effects.studies)
    for b, between in zip(model.blocks, typed.between(tau2), strict=True):
        for s, one in zip(b.study.tolist(), between, strict=True):
            own[s] = one / largest if largest > 0 else heterogeneity_shape(len(one))
    return Between(
        method=method,
        types=tuple(
            TypeVariance(name=n, studies=k, tau2=t, se=e)
            for n, k, t, e in zip(names, studies, tau2.tolist(), se, strict=True)
        ),
        tau2=largest,
        shapes=tuple(own),
        contrasts=None if group is not None else _contrasts(effects, inactive, tau2),
        studies=effects.studies,
    )


def _contrasts(effects: Effects, inactive: Sequence[str], tau2: FloatArray) -> FloatArray:
    """(T, T) between-study variance of each contrast."""
    idle = np.array([t in inactive for t in effects.treatments])
    found: FloatArray = np.where(idle[:, None] | idle[None, :], tau2[0], tau2[1])
    np.fill_diagonal(found, 0.0)
    return found


_Types = tuple[list[str], list[int], list[FloatArray]]


def _grouped(effects: Effects, model: Model, group: Mapping[str, str]) -> _Types:
    """Names, studies of each and, block by block, (G, S, r, r) covariance per unit of each variance."""
    given = [group.get(s, "").strip() for s in effects.studies]
    for study, name in zip(effects.studies, given, strict=True):
        if not name:
            raise InputError(f"Study {study!r} has no group, so its between-study variance has no name.")
    names = sorted(set(given))
    if len(names) < 2:
        raise InputError("All studies are of one group.", value=names[0], hint="Two groups make two variances.")
    of_study = np.array([names.index(x) for x in given])
    kinds = [
        np.broadcast_to(of_study[b.study][:, None, None], (*b.nodes.shape, b.nodes.shape[1])) for b in model.blocks
    ]
    return names, np.bincount(of_study, minlength=len(names)).tolist(), [_shape(k, len(names)) for k in kinds]


def _typed(effects: Effects, model: Model, inactive: Sequence[str]) -> _Types:
    """The same with the types "inactive in it" and "active against active"."""
    if not inactive:
        raise InputError("Types of comparisons need to know which treatments are inactive, or a group of each study.")
    for name in inactive:
        if name not in effects.treatments:
            raise InputError("No such treatment.", value=name, allowed=", ".join(effects.treatments))
    idle = np.array([t in inactive for t in effects.treatments])
    arms = [idle[list(members)] for members in arms_of_studies(effects)]
    studies = [sum(bool(a.any()) for a in arms), sum(int((~a).sum()) > 1 for a in arms)]
    kinds = [np.where(idle[b.nodes][:, :, None] | idle[b.nodes][:, None, :], 0, 1) for b in model.blocks]
    return [INACTIVE, ACTIVE], studies, [_shape(k, 2) for k in kinds]


def _shape(kind: FloatArray, types: int) -> FloatArray:
    """(G, S, r, r) between-study covariance of base-arm contrasts per unit of each type; ``kind`` is (S, a, a)."""
    S, a, _ = kind.shape
    out = np.zeros((types, S, a - 1, a - 1))
    for g in range(types):
        of = (kind == g).astype(float)
        of[:, np.arange(a), np.arange(a)] = 0.0
        out[g] = (of[:, 1:, :1] + of[:, :1, 1:] - of[:, 1:, 1:]) / 2
    return out


class _Typed:
    """Likelihood, score and information of the variances; ``shapes`` are (G, S, r, r) for each block of `model`."""

    def __init__(self, model: Model, shapes: Sequence[FloatArray], *, restricted: bool) -> None:
        self.model = model
        self.shapes = tuple(shapes)
        self.restricted = restricted

    def between(self, tau2: FloatArray) -> list[FloatArray]:
        """Between-study covariance of every study."""
        return [np.tensordot(tau2, shape, axes=1) for shape in self.shapes]

    def _weights(self, tau2: FloatArray) -> list[FloatArray]:
        return [invert(b.V + extra) for b, extra in zip(self.model.blocks, self.between(tau2), strict=True)]

    def solve(self, tau2: FloatArray) -> Fit:
        """Least squares at these variances."""
        return self.model.solve(np.nan, self._weights(tau2))

    def log_likelihood(self, tau2: FloatArray) -> float:
        """(Restricted) log-likelihood; minus infinity where a total covariance is not positive definite."""
        for b, extra in zip(self.model.blocks, self.between(tau2), strict=True):
            if np.linalg.eigvalsh(b.V + extra).min() <= 0:
                return -np.inf
        W = self._weights(tau2)
        fit = self.model.solve(np.nan, W)
        log_det_v = -sum(float(log_dets(w).sum()) for w in W)
        if self.restricted:
            return -0.5 * (self.model.df * LOG_2PI + log_det_v + fit.log_det_n + fit.q)
        return -0.5 * (self.model.n_rows * LOG_2PI + log_det_v + fit.q)

    def score(self, tau2: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Score and expected information in the variances; the restricted information relative to known effects."""
        W, model, G = self._weights(tau2), self.model, len(tau2)
        fit = model.solve(np.nan, W)
        quadratic, trace, once = np.zeros(G), np.zeros(G), []
        known = np.zeros((G, G))
        WS = [w @ shape for w, shape in zip(W, self.shapes, strict=True)]
        for g in range(G):
            once.append(fit.cov @ model.assemble([bordered(x[g] @ w) for x, w in zip(WS, W, strict=True)]))
            for w, b, shape, x in zip(W, model.blocks, self.shapes, WS, strict=True):
                u = np.einsum("sij,sj->si", w, b.y - model.fitted(b, fit.beta))
                quadratic[g] += float(np.einsum("si,sij,sj->", u, shape[g], u))
                trace[g] += float(np.einsum("sii->", x[g]))
        restricted = np.zeros((G, G))
        for g in range(G):
            for h in range(g, G):
                both = [x[g] @ x[h] for x in WS]
                twice = model.assemble(
                    [bordered((z @ w + (z @ w).swapaxes(1, 2)) / 2) for z, w in zip(both, W, strict=True)]
                )
                known[g, h] = known[h, g] = sum(float(np.einsum("sii->", z)) for z in both)
                lost = -2 * float(np.sum(fit.cov * twice)) + float(np.sum(once[g] * once[h].T))
                restricted[g, h] = restricted[h, g] = known[g, h] + lost
        if self.restricted:
            trace = trace - np.array([np.trace(x) for x in once])
        relative = restricted / np.sqrt(np.outer(np.diag(known), np.diag(known)))
        return 0.5 * (quadratic - trace), 0.5 * (restricted if self.restricted else known), relative


def _maximise(typed: _Typed, names: Sequence[str], start: float) -> tuple[FloatArray, list[float | None]]:
    """Highest mode from several starts, each by projected Fisher scoring with halved steps."""
    typical = typical_variance(typed.model)
    relative = typed.score(np.full(len(names), max(start, typical * 1e-3)))[2]
    for name, own in zip(names, np.diag(relative).tolist(), strict=True):
        if own <= NO_INFORMATION:
            raise NotEstimable(
                f"The data say nothing about the between-study variance of {name!r}: "
                "its studies do not repeat an effect."
            )
    if float(np.linalg.eigvalsh(relative)[0]) <= NO_INFORMATION:
        raise NotEstimable(f"The data do not tell the between-study variances apart: {', '.join(names)}.")
    starts = [np.full(len(names), max(start, 0.0)), np.full(len(names), typical), np.full(len(names), 10 * typical)]
    found = [_climb(typed, x, typical) for x in starts]
    best = max(found, key=typed.log_likelihood)
    information = typed.score(best)[1]
    inside = best > 0
    se: list[float | None] = [None] * len(names)
    if inside.any():
        own = np.sqrt(np.diag(np.linalg.inv(information[np.ix_(inside, inside)])))
        for at, value in zip(np.flatnonzero(inside).tolist(), own.tolist(), strict=True):
            se[at] = value
    return best, se


def _climb(typed: _Typed, x: FloatArray, typical: float) -> FloatArray:
    """Fisher scoring on the variances that are free to move; those at zero with a falling likelihood stay there."""
    height = typed.log_likelihood(x)
    for _ in range(MAX_ITERATIONS):
        score, information, _relative = typed.score(x)
        free = (x > 0) | (score > 0)
        if not free.any():
            return x
        step = np.zeros_like(x)
        step[free] = np.linalg.solve(information[np.ix_(free, free)], score[free])
        for _half in range(60):
            new = np.maximum(x + step, 0.0)
            reached = typed.log_likelihood(new)
            small = float(np.max(np.abs(new - x) / (new + typical))) <= SMALL_STEP
            if reached >= height or (small and np.isfinite(reached)):
                break
            step = step / 2
        else:
            return x
        moved = float(np.max(np.abs(new - x) / (new + typical)))
        x, height = new, reached
        if moved <= TOLERANCE:
            return x
    raise NotEstimable("The between-study variances by type did not converge.")


def _require_whole(effects: Effects, typed: _Typed, tau2: FloatArray) -> None:
    """Refuse variances that the arms of a multi-arm study cannot have together."""
    for b, between in zip(typed.model.blocks, typed.between(tau2), strict=True):
        smallest = np.linalg.eigvalsh(between)[:, 0]
        bad = smallest < -1e-9 * max(float(tau2.max()), 1e-300)
        if bad.any():
            study = effects.studies[int(b.study[int(np.argmax(bad))])]
            raise NotEstimable(f"The between-study variances by type do not fit together in study {study!r}: three "
                               "contrasts of one study cannot vary like that.")  # fmt: skip
