"""Generalised least squares on network blocks, in T x T normal equations.

Study *s* with *a* arms has contrasts ``y_s = D theta_s`` with ``D = [-1 | I]`` and covariance
``V_s + tau2 (I + J) / 2``; the second term is ``tau2 / 2 D D'``, the variance of contrasts of arms that each vary
by ``tau2 / 2`` (Higgins and Whitehead 1996). With ``W_s`` its inverse, ``D' W_s D`` is the study's Laplacian, and the
normal equations of the network are the sum of the Laplacians over the studies (Ruecker 2012). Nothing is ever
larger than nodes x nodes or one study's block.

References
----------
Lu, Welton, Higgins, White, Ades 2011, Res Synth Methods 2:43-60. doi:10.1002/jrsm.34
Ruecker 2012, Res Synth Methods 3:312-324. doi:10.1002/jrsm.1058
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import qr
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from toolkit.engine.data import FloatArray, IntArray
from toolkit.engine.network.blocks import Block
from toolkit.model.errors import NotEstimable

__all__ = [
    "BoolArray",
    "Derivatives",
    "Fit",
    "Model",
    "bordered",
    "invert",
    "log_dets",
    "study_laplacians",
]

# A pivot this much smaller than the largest, in a matrix of unit diagonal, is rounding.
ALIASED = 1e-9
# Length of a unit direction inside the null space of the design above which the data do not determine it.
IN_NULL_SPACE = 1e-6
# Up to so many nodes the connections are found by squaring a dense matrix, which is faster than a sparse search.
FEW_NODES = 64
BoolArray = NDArray[np.bool_]
LOG_2PI = float(np.log(2 * np.pi))


def invert(matrices: FloatArray) -> FloatArray:
    """Inverses of a stack of small symmetric matrices; 1 x 1 ones by division."""
    if matrices.shape[-1] == 1:
        return 1.0 / matrices
    return np.linalg.inv(matrices).astype(float, copy=False)


def log_dets(matrices: FloatArray) -> FloatArray:
    """Log determinants of a stack of small positive definite matrices."""
    one = matrices.shape[-1] == 1
    found: FloatArray = np.log(matrices[..., 0, 0]) if one else np.linalg.slogdet(matrices)[1]
    return found


def bordered(A: FloatArray) -> FloatArray:
    """``D' A D`` for a stack of (a - 1, a - 1) matrices with ``D = [-1 | I]``: (..., a, a), rows summing to zero."""
    a = A.shape[-1] + 1
    out = np.empty((*A.shape[:-2], a, a))
    out[..., 1:, 1:] = A
    out[..., 0, 1:] = -A.sum(axis=-2)
    out[..., 1:, 0] = -A.sum(axis=-1)
    out[..., 0, 0] = A.sum(axis=(-2, -1))
    return out


def study_laplacians(block: Block, tau2: float) -> FloatArray:
    """(S, a, a) Laplacians of the block's studies at `tau2`; minus the off-diagonals are the pairs' weights."""
    return bordered(invert(block.V + tau2 * block.shape))


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A weighted least-squares solution at one value of tau2.

    Attributes
    ----------
    beta : (P,) parameters (nodes, then extra columns); references are 0
    cov : (P, P) covariance, rows and columns of references 0
    q : weighted residual sum of squares
    log_det_v, log_det_n : log determinants of the total covariance and of the reduced normal matrix
    """

    tau2: float
    beta: FloatArray
    cov: FloatArray
    q: float
    log_det_v: float
    log_det_n: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Derivatives:
    """Pieces of the score and expected information in tau2 (Viechtbauer 2005, with S for the identity).

    trace_w = tr(W S), trace_p = tr(P S), trace_ww = tr(W S W S), trace_pp = tr(P S P S), quadratic = y' P S P y.
    """

    trace_w: float
    trace_p: float
    trace_ww: float
    trace_pp: float
    quadratic: float


class Model:
    """A linear model on blocks: nodes 0 .. n_nodes - 1 and q extra columns.

    In each connected component of the nodes one is the reference (the first), so a network in several pieces,
    such as an inconsistency model, is fitted piece by piece in the same equations. With `drop_aliased` extra columns
    that are combinations of others are left out (their parameter is 0); what is estimable does not depend on which.
    """

    def __init__(self, blocks: Sequence[Block], n_nodes: int, *, drop_aliased: bool = False) -> None:
        self.blocks = tuple(blocks)
        self.n_nodes = n_nodes
        extra = next((b.extra for b in self.blocks if b.extra is not None), None)
        self.q_extra = 0 if extra is None else extra.shape[2]
        self.n_params = n_nodes + self.q_extra
        self.n_rows = sum(b.y.size for b in self.blocks)
        self._flat = [b.nodes[:, :, None] * n_nodes + b.nodes[:, None, :] for b in self.blocks]
        self.component = self._components()
        references = np.unique(self.component, return_index=True)[1]
        self.free: IntArray = np.setdiff1d(np.arange(self.n_params), references)
        self._common: Fit | None = None  # the fit at tau2 = 0, which several statistics start from
        self.null_space = np.zeros((self.n_params, 0))
        if drop_aliased:
            self.free, self.null_space = self._independent()

    @property
    def df(self) -> int:
        """Residual degrees of freedom: rows minus free parameters."""
        return self.n_rows - len(self.free)

    def _independent(self) -> tuple[IntArray, FloatArray]:
        """Free columns without those that are combinations of the others; orthonormal directions without data."""
        N = self.assemble([bordered(w) for w in self.weights(0.0)])[np.ix_(self.free, self.free)]
        scale = np.sqrt(np.maximum(np.diag(N), np.finfo(float).tiny))
        N = N / np.outer(scale, scale)
        R, pivot = qr(N, mode="r", pivoting=True)
        size = np.abs(np.diag(R))
        rank = int(np.sum(size > ALIASED * size[0]))
        null = np.zeros((self.n_params, len(self.free) - rank))
        null[self.free] = np.linalg.eigh(N)[1][:, : len(self.free) - rank] / scale[:, None]
        return np.sort(self.free[pivot[:rank]]), np.linalg.qr(null)[0]

    def is_estimable(self, directions: FloatArray) -> BoolArray:
        """Whether the data determine ``directions @ beta`` (..., P), for a model made with `drop_aliased`."""
        found: BoolArray = np.linalg.norm(directions @ self.null_space, axis=-1) <= IN_NULL_SPACE
        return found

    def _components(self) -> IntArray:
        first = np.concatenate([np.repeat(b.nodes[:, 0], b.nodes.shape[1] - 1) for b in self.blocks])
        other = np.concatenate([b.nodes[:, 1:].ravel() for b in self.blocks])
        if self.n_nodes <= FEW_NODES:
            reach = np.eye(self.n_nodes)
            reach[first, other] = reach[other, first] = 1.0
            for _ in range(self.n_nodes.bit_length()):
                reach = np.minimum(reach @ reach, 1.0)
            return np.unique(np.argmax(reach, axis=1), return_inverse=True)[1].astype(np.int64)
        graph = coo_matrix((np.ones(len(first)), (first, other)), shape=(self.n_nodes, self.n_nodes))
        labels: IntArray = connected_components(graph, directed=False)[1].astype(np.int64)
        return labels

    def assemble(self, laplacians: Sequence[FloatArray]) -> FloatArray:
        """(P, P) sum over studies of ``Z' L_s Z`` for per-study (a, a) matrices ``L_s``."""
        n, out = self.n_nodes, np.zeros((self.n_params, self.n_params))
        top = np.zeros(n * n)
        for block, flat, L in zip(self.blocks, self._flat, laplacians, strict=True):
            top += np.bincount(flat.ravel(), weights=L.ravel(), minlength=n * n)
            if block.extra is not None:
                LU = L @ block.extra
                np.add.at(out[:n, n:], block.nodes.ravel(), LU.reshape(-1, self.q_extra))
                out[n:, n:] += np.einsum("saq,sar->qr", block.extra, LU)
        out[:n, :n] = top.reshape(n, n)
        out[n:, :n] = out[:n, n:].T
        return out

    def gather(self, vectors: Sequence[FloatArray]) -> FloatArray:
        """(P,) sum over studies of ``Z' g_s`` for per-study (a,) vectors ``g_s``."""
        out = np.zeros(self.n_params)
        for block, g in zip(self.blocks, vectors, strict=True):
            out[: self.n_nodes] += np.bincount(block.nodes.ravel(), weights=g.ravel(), minlength=self.n_nodes)
            if block.extra is not None:
                out[self.n_nodes :] += np.einsum("saq,sa->q", block.extra, g)
        return out

    def fitted(self, block: Block, beta: FloatArray) -> FloatArray:
        """(S, a - 1) fitted contrasts of a block."""
        theta = beta[block.nodes]
        if block.extra is not None:
            theta = theta + block.extra @ beta[self.n_nodes :]
        return theta[:, 1:] - theta[:, :1]

    def weights(self, tau2: float) -> list[FloatArray]:
        """Inverse total covariance of each block's studies."""
        return [invert(b.V + tau2 * b.shape) for b in self.blocks]

    def solve(self, tau2: float, W: Sequence[FloatArray] | None = None) -> Fit:
        """Least squares at `tau2`.

        Raises
        ------
        NotEstimable
            If the free parameters are not determined by the data.
        """
        if tau2 == 0.0 and self._common is not None:
            return self._common
        W = self.weights(tau2) if W is None else W
        beta, cov, chol = self._estimates(W)
        q = 0.0
        log_det_v = 0.0
        for w, b in zip(W, self.blocks, strict=True):
            r = b.y - self.fitted(b, beta)
            q += float(np.einsum("si,sij,sj->", r, w, r))
            log_det_v -= float(np.log(w).sum() if w.shape[-1] == 1 else np.linalg.slogdet(w)[1].sum())
        log_det_n = 2 * float(np.log(np.diag(chol)).sum())
        fit = Fit(tau2=tau2, beta=beta, cov=cov, q=q, log_det_v=log_det_v, log_det_n=log_det_n)
        if tau2 == 0.0:
            self._common = fit
        return fit

    def _estimates(self, W: Sequence[FloatArray]) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Parameters, their covariance and the Cholesky factor of the reduced normal matrix at weights `W`."""
        N = self.assemble([bordered(w) for w in W])
        right = self.gather([_spread(w @ b.y[:, :, None]) for w, b in zip(W, self.blocks, strict=True)])
        free = self.free
        at = free[:, None], free
        try:
            chol = np.linalg.cholesky(N[at])
        except np.linalg.LinAlgError as error:
            raise NotEstimable("The studies do not determine all relative effects of this model.") from error
        half = np.linalg.inv(chol)
        cov = np.zeros_like(N)
        cov[at] = half.T @ half
        beta: FloatArray = cov @ right
        return beta, cov, chol.astype(float, copy=False)

    def log_likelihood(self, tau2: float, *, restricted: bool) -> float:
        """Log-likelihood profiled over the parameters; the restricted one without the constant of the design."""
        fit = self.solve(tau2)
        if restricted:
            return -0.5 * (self.df * LOG_2PI + fit.log_det_v + fit.log_det_n + fit.q)
        return -0.5 * (self.n_rows * LOG_2PI + fit.log_det_v + fit.q)

    def log_likelihoods(self, grid: FloatArray, *, restricted: bool) -> FloatArray:
        """`log_likelihood` at each tau2 of `grid`, as one stack where there are no extra columns."""
        if self.q_extra:
            return np.array([self.log_likelihood(t, restricted=restricted) for t in grid.tolist()])
        n, G = self.n_nodes, len(grid)
        at = np.arange(G)[:, None]
        N, right, log_det_v = np.zeros(G * n * n), np.zeros(G * n), np.zeros(G)
        weights = []
        for b, flat in zip(self.blocks, self._flat, strict=True):
            w = invert(b.V + grid[:, None, None, None] * b.shape)
            weights.append(w)
            N += np.bincount((at * n * n + flat.ravel()).ravel(), weights=bordered(w).ravel(), minlength=G * n * n)
            wy = np.matmul(w, b.y[:, :, None])[..., 0]
            spread = np.concatenate([-wy.sum(axis=-1, keepdims=True), wy], axis=-1)
            right += np.bincount((at * n + b.nodes.ravel()).ravel(), weights=spread.ravel(), minlength=G * n)
            log_det_v -= log_dets(w).sum(axis=1)
        reduced = N.reshape(G, n, n)[:, self.free[:, None], self.free]
        beta, q = np.zeros((G, n)), np.zeros(G)
        beta[:, self.free] = np.linalg.solve(reduced, right.reshape(G, n)[:, self.free, None])[..., 0]
        for b, w in zip(self.blocks, weights, strict=True):
            theta = beta[:, b.nodes]
            r = b.y - (theta[..., 1:] - theta[..., :1])
            q += np.sum(np.matmul(w, r[..., None])[..., 0] * r, axis=(1, 2))
        twice: FloatArray = log_det_v + q + (self.df if restricted else self.n_rows) * LOG_2PI
        if restricted:
            twice = twice + np.linalg.slogdet(reduced)[1]
        return -0.5 * twice

    def derivatives(self, tau2: float, *, information: bool = True) -> Derivatives:
        """Traces and quadratic form of the score in tau2 at `tau2`; those of the information are 0 if not wanted."""
        W = self.weights(tau2)
        beta, cov, _ = self._estimates(W)
        trace_w = trace_ww = quadratic = 0.0
        once, twice = [], []
        for w, b in zip(W, self.blocks, strict=True):
            S = b.shape
            WS = w @ S if w.shape[-1] > 1 or b.between is not None else w
            WSW = WS @ w if w.shape[-1] > 1 else WS * w
            trace_w += float(np.trace(WS, axis1=1, axis2=2).sum())
            once.append(bordered(WSW))
            if information:
                trace_ww += float(np.sum(WS * WS.swapaxes(1, 2)))
                twice.append(bordered(WS @ WSW))
            u = (w @ (b.y - self.fitted(b, beta))[:, :, None])[:, :, 0]
            quadratic += float(np.sum(u * (u @ S if b.between is None else (S @ u[:, :, None])[:, :, 0])))
        CM = cov @ self.assemble(once)
        trace_p = trace_w - float(np.trace(CM))
        trace_pp = 0.0
        if information:
            trace_pp = trace_ww - 2 * float(np.sum(cov * self.assemble(twice))) + float(np.sum(CM * CM.T))
        return Derivatives(trace_w=trace_w, trace_p=trace_p, trace_ww=trace_ww, trace_pp=trace_pp, quadratic=quadratic)


def _spread(wy: FloatArray) -> FloatArray:
    """``D' (W y)``: (S, a - 1, 1) -> (S, a)."""
    inner = wy[:, :, 0]
    return np.concatenate([-inner.sum(axis=1, keepdims=True), inner], axis=1)
