"""Bootstrap of a network's studies: every refit from the studies' own normal equations, all of them in one batch.

A sample of studies is a vector of multiplicities m. Laplacians, right-hand sides, Q and the traces of the generalised
DerSimonian-Laird estimator are sums over studies weighted by m, so a batch of samples is one matrix product and one
batched solution.

References
----------
Efron, Tibshirani 1993, An Introduction to the Bootstrap, chapter 6. doi:10.1201/9780429246593
Jackson, White, Riley 2013, Biom J 55:231-245 (generalised moments). doi:10.1002/bimj.201200152
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toolkit.engine.data import Effects, FloatArray, IntArray
from toolkit.engine.network.blocks import Block, arms_of_studies, make_blocks
from toolkit.engine.network.connect import require_connected
from toolkit.engine.network.gls import BoolArray, bordered, invert
from toolkit.model.errors import InputError

__all__ = ["BootstrapNetwork", "bootstrap_network", "refit"]

# Floats of one chunk of samples (about 64 MB); a chunk holds T x T normal equations for each sample.
CHUNK = 8_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BootstrapNetwork:
    """Refits of samples of the studies, drawn with replacement; B samples, T treatments.

    Attributes
    ----------
    treatments : order of the columns; effects are against the first
    effects : (B, T) random-effects estimates; NaN in the rows of samples that are not one network
    tau2 : (B,) generalised DerSimonian-Laird; NaN as above
    times : (B, S) how often each study is in the sample
    connected : (B,) whether the sample is one network of all treatments
    low, high : (T,) percentile limits over the connected samples
    level : of the limits
    """

    treatments: tuple[str, ...]
    effects: FloatArray
    tau2: FloatArray
    times: IntArray
    connected: BoolArray
    low: FloatArray
    high: FloatArray
    level: float


def bootstrap_network(
    effects: Effects, rng: np.random.Generator, *, reference: str | None = None, draws: int = 1000, level: float = 0.95
) -> BootstrapNetwork:
    """Effects and tau2 of samples of the studies.

    Parameters
    ----------
    effects : the data
    rng : source of randomness
    reference : treatment the effects are against; the first by name otherwise
    draws : number of samples
    level : of the percentile limits

    Notes
    -----
    Samples that lose a treatment or fall into pieces cannot be fitted; they are counted, and the limits are those of
    the others. Where they are many the limits describe the sampling only of networks that hold together.

    Raises
    ------
    InputError
        For fewer than one draw, or an unknown reference.
    NotEstimable
        If the network itself is disconnected.
    """
    if draws < 1:
        raise InputError("The number of draws must be at least 1.", value=draws)
    names = effects.treatments
    if reference is not None and reference not in names:
        raise InputError("The reference is not a treatment of this network.", value=reference, allowed=", ".join(names))
    require_connected(effects)
    S = len(effects.studies)
    times = rng.multinomial(S, np.full(S, 1 / S), size=draws).astype(np.int64)
    beta, tau2, connected = refit(effects, times)
    r = 0 if reference is None else names.index(reference)
    order = [r, *(t for t in range(len(names)) if t != r)]
    shown = (beta - beta[:, [r]])[:, order]
    tail = (1 - level) / 2
    some = shown[connected]
    limits = np.quantile(some, [tail, 1 - tail], axis=0) if len(some) else np.full((2, len(names)), np.nan)
    return BootstrapNetwork(
        treatments=tuple(names[t] for t in order),
        effects=shown,
        tau2=tau2,
        times=times,
        connected=connected,
        low=limits[0],
        high=limits[1],
        level=level,
    )


def refit(effects: Effects, times: IntArray) -> tuple[FloatArray, FloatArray, BoolArray]:
    """(B, T) effects against treatment 0, (B,) tau2 by generalised DerSimonian-Laird, (B,) whether connected.

    Parameters
    ----------
    effects : the data
    times : (B, S) multiplicity of each study in each sample
    """
    blocks = make_blocks(effects)
    T = len(effects.treatments)
    connected = _connected(effects, times)
    beta, tau2 = np.full((len(times), T), np.nan), np.full(len(times), np.nan)
    rows = np.flatnonzero(connected)
    step = max(1, CHUNK // (4 * T * T + 3 * sum(b.nodes.size * b.nodes.shape[1] for b in blocks)))
    for low in range(0, len(rows), step):
        part = rows[low : low + step]
        m = times[part].astype(float)
        tau2[part] = _moments(blocks, m, T)
        beta[part] = _effects(blocks, m, tau2[part], T)
    return beta, tau2, connected


def _connected(effects: Effects, times: IntArray) -> BoolArray:
    """Whether each sample joins all treatments: labels spread along the sampled studies until nothing changes."""
    arms = arms_of_studies(effects)
    label = np.tile(np.arange(len(effects.treatments)), (len(times), 1))
    inside = times > 0
    while True:
        before = label.copy()
        for s, members in enumerate(arms):
            own = list(members)
            lowest = label[:, own].min(axis=1, keepdims=True)
            label[:, own] = np.where(inside[:, [s]], lowest, label[:, own])
        if np.array_equal(before, label):
            found: BoolArray = (label == 0).all(axis=1)
            return found


def _assemble(blocks: Sequence[Block], m: FloatArray, parts: Sequence[FloatArray], T: int) -> FloatArray:
    """(B, T, T) sums over studies of m times their (B or 1, S, a, a) matrices."""
    B = len(m)
    out = np.zeros(B * T * T)
    sample = np.arange(B)[:, None, None, None] * (T * T)
    for b, L in zip(blocks, parts, strict=True):
        flat = b.nodes[:, :, None] * T + b.nodes[:, None, :]
        weighted = m[:, b.study, None, None] * L
        out += np.bincount((sample + flat).ravel(), weights=weighted.ravel(), minlength=B * T * T)
    return out.reshape(B, T, T)


def _gather(blocks: Sequence[Block], m: FloatArray, parts: Sequence[FloatArray], T: int) -> FloatArray:
    """(B, T) sums over studies of m times ``D' W y`` from their (B or 1, S, a - 1) vectors ``W y``."""
    B = len(m)
    out = np.zeros(B * T)
    sample = np.arange(B)[:, None, None] * T
    for b, wy in zip(blocks, parts, strict=True):
        g = m[:, b.study, None] * np.concatenate([-wy.sum(axis=-1, keepdims=True), wy], axis=-1)
        out += np.bincount((sample + b.nodes).ravel(), weights=g.ravel(), minlength=B * T)
    return out.reshape(B, T)


def _solved(N: FloatArray, right: FloatArray) -> FloatArray:
    """(B, T) effects against treatment 0."""
    beta = np.zeros_like(right)
    beta[:, 1:] = np.linalg.solve(N[:, 1:, 1:], right[:, 1:, None])[:, :, 0]
    return beta


def _moments(blocks: Sequence[Block], m: FloatArray, T: int) -> FloatArray:
    """(B,) generalised DerSimonian-Laird: ``(Q - df) / tr(P S)`` at tau2 = 0, at least 0; 0 without df."""
    W = [invert(b.V) for b in blocks]
    shapes = [b.shape for b in blocks]
    wy = [np.einsum("sij,sj->si", w, b.y) for w, b in zip(W, blocks, strict=True)]
    N = _assemble(blocks, m, [bordered(w)[None] for w in W], T)
    right = _gather(blocks, m, [x[None] for x in wy], T)
    once = _assemble(blocks, m, [bordered(w @ S @ w)[None] for w, S in zip(W, shapes, strict=True)], T)
    q, trace, df = -np.einsum("bt,bt->b", right, _solved(N, right)), np.zeros(len(m)), np.full(len(m), 1.0 - T)
    for b, w, S, x in zip(blocks, W, shapes, wy, strict=True):
        own = m[:, b.study]
        q += own @ np.einsum("si,si->s", b.y, x)
        trace += own @ np.einsum("sij,ji->s", w, S)
        df += own.sum(axis=1) * b.y.shape[1]
    trace -= np.trace(np.linalg.solve(N[:, 1:, 1:], once[:, 1:, 1:]), axis1=1, axis2=2)
    safe = np.where(df > 0, trace, 1.0)
    tau2: FloatArray = np.where(df > 0, np.maximum((q - df) / safe, 0.0), 0.0)
    return tau2


def _effects(blocks: Sequence[Block], m: FloatArray, tau2: FloatArray, T: int) -> FloatArray:
    """(B, T) effects at each sample's own tau2."""
    at = tau2[:, None, None, None]
    W = [invert(b.V + at * b.shape) for b in blocks]
    wy = [np.einsum("bsij,sj->bsi", w, b.y) for w, b in zip(W, blocks, strict=True)]
    return _solved(_assemble(blocks, m, [bordered(w) for w in W], T), _gather(blocks, m, wy, T))
