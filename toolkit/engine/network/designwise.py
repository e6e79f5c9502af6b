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
from toolkit.engine.network.gls import LOG_2PI, Derivatives, invert, log_dets

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
        self.n_studies = sum(len(b.study) for b in blocks)
        gathered = [_by_design(_sorted_arms(b)) for b in blocks]
        self.blocks = tuple(block for block, _, _ in gathered)
        self.design: tuple[IntArray, ...] = tuple(design for _, design, _ in gathered)
        self._first: tuple[IntArray, ...] = tuple(first for _, _, first in gathered)
        self.n_rows = sum(b.y.size for b in self.blocks)
        n_params = sum(len(first) * b.y.shape[1] for first, b in zip(self._first, self.blocks, strict=True))
        self.df: int = self.n_rows - n_params

    def _sums(self, values: FloatArray, at: int, axis: int = 0) -> FloatArray:
        """Sum over the studies of each design of block number `at`, which stand together."""
        return np.add.reduceat(values, self._first[at], axis=axis)

    def _residuals(self, tau2: FloatArray) -> list[tuple[FloatArray, FloatArray, FloatArray, FloatArray]]:
        """For each block at each of G values: weights, normal equations of its designs, their inverses, residuals."""
        found = []
        for at, b in enumerate(self.blocks):
            w = invert(b.V + tau2[:, None, None, None] * b.shape)
            N = self._sums(w, at, axis=1)
            cov = invert(N)
            right = self._sums(np.matmul(w, b.y[:, :, None]), at, axis=1)
            delta = np.matmul(cov, right)[..., 0]
            found.append((w, N, cov, b.y - delta[:, self.design[at]]))
        return found

    def solve(self, tau2: float) -> DesignFit:
        """Fit at `tau2`."""
        study_q = np.zeros(self.n_studies)
        log_det_v = log_det_n = 0.0
        for b, (w, N, _, r) in zip(self.blocks, self._residuals(np.array([tau2])), strict=True):
            study_q[b.study] = np.einsum("si,sij,sj->s", r[0], w[0], r[0])
            log_det_v -= float(log_dets(w).sum())
            log_det_n += float(log_dets(N).sum())
        return DesignFit(q=float(study_q.sum()), study_q=study_q, log_det_v=log_det_v, log_det_n=log_det_n)

    def log_likelihood(self, tau2: float, *, restricted: bool) -> float:
        """Profile log-likelihood, as `gls.Model.log_likelihood`."""
        return float(self.log_likelihoods(np.array([tau2]), restricted=restricted)[0])

    def log_likelihoods(self, grid: FloatArray, *, restricted: bool) -> FloatArray:
        """`log_likelihood` at each tau2 of `grid`, as one stack."""
        twice = np.full(len(grid), (self.df if restricted else self.n_rows) * LOG_2PI)
        for w, N, _, r in self._residuals(grid):
            twice += np.sum(np.matmul(w, r[..., None])[..., 0] * r, axis=(1, 2)) - log_dets(w).sum(axis=1)
            if restricted:
                twice += log_dets(N).sum(axis=1)
        return -0.5 * twice

    def derivatives(self, tau2: float, *, information: bool = True) -> Derivatives:
        """Traces and quadratic form of the score in tau2, as `gls.Model.derivatives`."""
        trace_w = trace_p = trace_ww = trace_pp = quadratic = 0.0
        for at, (w, _, cov, r) in enumerate(tuple(x[0] for x in part) for part in self._residuals(np.array([tau2]))):
            block = self.blocks[at]
            S, single = block.shape, w.shape[-1] == 1
            WS = w if single and block.between is None else w @ S
            WSW = WS * w if single else WS @ w
            CM = cov @ self._sums(WSW, at)
            once = float(np.trace(WS, axis1=1, axis2=2).sum())
            trace_w += once
            trace_p += once - float(np.trace(CM, axis1=1, axis2=2).sum())
            if information:
                twice = float(np.sum(WS * WS.swapaxes(1, 2)))
                crossed = float(np.sum(cov * self._sums(WS @ WSW, at)))
                trace_ww += twice
                trace_pp += twice - 2 * crossed + float(np.sum(CM * CM.swapaxes(1, 2)))
            u = (w @ r[:, :, None])[:, :, 0]
            quadratic += float(np.sum(u * (u @ S if block.between is None else (S @ u[:, :, None])[:, :, 0])))
        return Derivatives(trace_w=trace_w, trace_p=trace_p, trace_ww=trace_ww, trace_pp=trace_pp, quadratic=quadratic)


def _by_design(block: Block) -> tuple[Block, IntArray, IntArray]:
    """`block` with the studies of one design side by side, the design of each study, the first study of each design."""
    design = np.unique(block.nodes, axis=0, return_inverse=True)[1].reshape(-1)
    order = np.argsort(design, kind="stable")
    design = design[order]
    first = np.flatnonzero(np.diff(design, prepend=-1))
    together = Block(
        study=block.study[order],
        nodes=block.nodes[order],
        y=block.y[order],
        V=block.V[order],
        between=None if block.between is None else block.between[order],
    )
    return together, design, first


def _sorted_arms(block: Block) -> Block:
    """`block` with the arms of each study in order of their nodes, so that studies of one design line up."""
    S, a = block.nodes.shape
    order = np.argsort(block.nodes, axis=1)
    theta = np.concatenate([np.zeros((S, 1)), block.y], axis=1)
    each = np.arange(S)[:, None]
    theta = theta[each, order]

    def turned(A: FloatArray) -> FloatArray:
        """The covariance of contrasts with the new first arm."""
        C = np.zeros((S, a, a))
        C[:, 1:, 1:] = A
        C = C[each[:, :, None], order[:, :, None], order[:, None, :]]
        contrasts: FloatArray = C[:, 1:, 1:] - C[:, 1:, :1] - C[:, :1, 1:] + C[:, :1, :1]
        return contrasts

    return Block(
        study=block.study,
        nodes=block.nodes[each, order],
        y=theta[:, 1:] - theta[:, :1],
        V=turned(block.V),
        between=None if block.between is None else turned(block.between),
    )
