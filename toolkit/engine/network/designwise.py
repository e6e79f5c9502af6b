"""The full design-by-treatment interaction model, solved design by design.

Designs share no parameter, so the normal equations fall into one small block a design. All designs with the same number
of arms are one batch; nothing grows with the square of the number of designs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toolkit.engine.data import FloatArray, IntArray
from toolkit.engine.network.blocks import Block
from toolkit.engine.network.gls import LOG_2PI, Derivatives, heterogeneity_shape, invert

__all__ = ["DesignFit", "Designwise"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DesignFit:
    """Weighted residual sums of squares and log determinants at one tau2; ``study_q`` is (S,), ``q`` its sum."""

    q: float
    study_q: FloatArray
    log_det_v: float
    log_det_n: float


class Designwise:
    """The interaction model of the studies in `blocks`; answers like `gls.Model` where tau2 estimators ask."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        self.blocks = tuple(_sorted_arms(b) for b in blocks)
        self.n_rows = sum(b.y.size for b in self.blocks)
        self.n_studies = sum(len(b.study) for b in self.blocks)
        found = [np.unique(b.nodes, axis=0, return_inverse=True) for b in self.blocks]
        self.design: tuple[IntArray, ...] = tuple(inverse.reshape(-1) for _, inverse in found)
        self.n_designs = tuple(len(rows) for rows, _ in found)
        n_params = sum(n * b.y.shape[1] for n, b in zip(self.n_designs, self.blocks, strict=True))
        self.df: int = self.n_rows - n_params

    def _weights(self, tau2: float) -> list[FloatArray]:
        return [invert(b.V + tau2 * heterogeneity_shape(b.y.shape[1])) for b in self.blocks]

    def _sums(self, values: FloatArray, at: int) -> FloatArray:
        """Sum over the studies of each design of block number `at`."""
        out = np.zeros((self.n_designs[at], *values.shape[1:]))
        np.add.at(out, self.design[at], values)
        return out

    def _residuals(self, W: Sequence[FloatArray]) -> tuple[list[FloatArray], list[FloatArray], float]:
        """Residuals of each block, covariance of each design's estimates, log determinant of the normal equations."""
        residuals, covariances, log_det = [], [], 0.0
        for at, (w, b) in enumerate(zip(W, self.blocks, strict=True)):
            N = self._sums(w, at)
            cov = invert(N)
            right = self._sums(np.einsum("sij,sj->si", w, b.y), at)
            delta = np.einsum("dij,dj->di", cov, right)
            residuals.append(b.y - delta[self.design[at]])
            covariances.append(cov)
            log_det += float(np.linalg.slogdet(N)[1].sum())
        return residuals, covariances, log_det

    def solve(self, tau2: float) -> DesignFit:
        """Fit at `tau2`."""
        W = self._weights(tau2)
        residuals, _, log_det_n = self._residuals(W)
        study_q = np.zeros(self.n_studies)
        log_det_v = 0.0
        for w, r, b in zip(W, residuals, self.blocks, strict=True):
            study_q[b.study] = np.einsum("si,sij,sj->s", r, w, r)
            log_det_v -= float(np.linalg.slogdet(w)[1].sum())
        return DesignFit(q=float(study_q.sum()), study_q=study_q, log_det_v=log_det_v, log_det_n=log_det_n)

    def log_likelihood(self, tau2: float, *, restricted: bool) -> float:
        """Profile log-likelihood, as `gls.Model.log_likelihood`."""
        fit = self.solve(tau2)
        if restricted:
            return -0.5 * (self.df * LOG_2PI + fit.log_det_v + fit.log_det_n + fit.q)
        return -0.5 * (self.n_rows * LOG_2PI + fit.log_det_v + fit.q)

    def derivatives(self, tau2: float) -> Derivatives:
        """Traces and quadratic form of the score in tau2, as `gls.Model.derivatives`."""
        W = self._weights(tau2)
        residuals, covariances, _ = self._residuals(W)
        trace_w = trace_p = trace_ww = trace_pp = quadratic = 0.0
        for at, (w, r, cov) in enumerate(zip(W, residuals, covariances, strict=True)):
            S = heterogeneity_shape(w.shape[-1])
            WS = w @ S
            WSW = WS @ w
            CM = cov @ self._sums(WSW, at)
            once, twice = float(np.einsum("sii->", WS)), float(np.einsum("sij,sji->", WS, WS))
            trace_w += once
            trace_ww += twice
            trace_p += once - float(np.einsum("dii->", CM))
            crossed = float(np.sum(cov * self._sums(WSW @ S @ w, at)))
            trace_pp += twice - 2 * crossed + float(np.einsum("dij,dji->", CM, CM))
            u = np.einsum("sij,sj->si", w, r)
            quadratic += float(np.einsum("si,ij,sj->", u, S, u))
        return Derivatives(trace_w=trace_w, trace_p=trace_p, trace_ww=trace_ww, trace_pp=trace_pp, quadratic=quadratic)


def _sorted_arms(block: Block) -> Block:
    """`block` with the arms of each study in order of their nodes, so that studies of one design line up."""
    S, a = block.nodes.shape
    order = np.argsort(block.nodes, axis=1)
    theta = np.concatenate([np.zeros((S, 1)), block.y], axis=1)
    C = np.zeros((S, a, a))
    C[:, 1:, 1:] = block.V
    each = np.arange(S)[:, None]
    theta = theta[each, order]
    C = C[each[:, :, None], order[:, :, None], order[:, None, :]]
    V = C[:, 1:, 1:] - C[:, 1:, :1] - C[:, :1, 1:] + C[:, :1, :1]
    return Block(study=block.study, nodes=block.nodes[each, order], y=theta[:, 1:] - theta[:, :1], V=V)
