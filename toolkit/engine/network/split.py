"""Direct against indirect evidence, comparison by comparison.

Back-calculation: the network estimate is the inverse-variance mean of the direct and the indirect estimate, so the
indirect one follows by subtraction, all of them from one factorisation. SIDDE ("separating indirect from direct
design evidence"): the studies that compare the two are taken out and the rest is fitted anew, tau2 included.

References
----------
Koenig, Krahn, Binder 2013, Stat Med 32:5414-5429. doi:10.1002/sim.6001
Dias, Welton, Caldwell, Ades 2010, Stat Med 29:932-944. doi:10.1002/sim.3767
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from toolkit.engine.data import Effects
from toolkit.engine.network._intervals import symmetric_estimate
from toolkit.engine.network.blocks import arms_of_studies, make_blocks, take_studies
from toolkit.engine.network.connect import connection
from toolkit.engine.network.direct import all_pairs, pool_direct
from toolkit.engine.network.gls import Model
from toolkit.engine.network.standard import network_estimate
from toolkit.engine.network.tau2 import estimate_tau2
from toolkit.engine.network.views import chosen_model
from toolkit.engine.results import Estimate, NetworkResult
from toolkit.model.errors import InputError

__all__ = ["ALL_DIRECT", "Split", "split_evidence"]

METHODS = ("back-calculation", "SIDDE")

# With less than 0.05 % of the precision left for it, an indirect estimate is noise (netmeta's tol.direct).
ALL_DIRECT = 1 - 0.0005


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Evidence on ``t1`` against ``t2``: direct, indirect, both together, and direct minus indirect.

    ``prop_direct`` is the proportion of the network estimate's precision that is direct. Direct and indirect estimates
    have Wald intervals, the network estimate the interval of the fit. What cannot be had is None,
    with ``reason``.
    """

    t1: str
    t2: str
    k: int
    prop_direct: float
    direct: Estimate | None
    indirect: Estimate | None
    network: Estimate
    difference: Estimate | None
    reason: str | None


def split_evidence(
    effects: Effects,
    result: NetworkResult,
    model: str = "random",
    *,
    method: str = "back-calculation",
    indirect_only: bool = False,
) -> tuple[Split, ...]:
    """Direct, indirect and network estimate of each comparison, and the test of their difference.

    Parameters
    ----------
    effects, result : the data and their fit
    model : "random" or "common"
    method : "back-calculation" or "SIDDE"
    indirect_only : whether comparisons without direct evidence are listed too

    Raises
    ------
    InputError
        If the method is unknown.
    NotEstimable
        If the model was not estimable.
    """
    if method not in METHODS:
        raise InputError("Unknown method of splitting evidence.", value=method, allowed=", ".join(METHODS))
    te, se = chosen_model(result, model)
    tau2 = result.tau2.value if model == "random" and result.tau2 is not None else 0.0
    names = effects.treatments
    position = [result.treatments.index(t) for t in names]
    direct = pool_direct(all_pairs(effects), len(names), tau2)
    found = {(int(i), int(j)): c for c, (i, j) in enumerate(zip(direct.t1, direct.t2, strict=True))}
    wanted = [(i, j) for i in range(len(names)) for j in range(i + 1, len(names))] if indirect_only else list(found)
    rows = []
    for i, j in wanted:
        at = position[i], position[j]
        c = found.get((i, j))
        own = None if c is None else (int(direct.k[c]), float(direct.te[c]), float(direct.se[c]))
        words = f"{model} effects, network"
        wald = symmetric_estimate(float(te[at]), float(se[at]), result.spec.level, words)
        row = _split(names[i], names[j], wald, own, result.spec.level)
        row = replace(row, network=network_estimate(result, wald.estimate, wald.se, model, words))
        rows.append(_without_studies(effects, result, model, row) if method == "SIDDE" and own else row)
    return tuple(rows)


def _without_studies(effects: Effects, result: NetworkResult, model: str, row: Split) -> Split:
    """`row` with the indirect estimate of the studies that do not hold both treatments."""
    pair = effects.treatments.index(row.t1), effects.treatments.index(row.t2)
    keep = [s for s, members in enumerate(arms_of_studies(effects)) if not set(pair) <= set(members)]
    none = replace(row, indirect=None, difference=None, reason="without the direct studies the two are not connected")
    if not keep:
        return none
    part = _piece_with(take_studies(effects, keep), row.t1, row.t2)
    if part is None or row.direct is None:
        return none
    fitted = Model(make_blocks(part), len(part.treatments))
    tau2 = 0.0
    if model == "random":
        if fitted.df == 0 and result.spec.tau2 != "fixed":
            return replace(none, reason="without the direct studies the between-study variance is not estimable")
        tau2 = estimate_tau2(fitted, result.spec.tau2, result.spec.tau2_value).value
    fit = fitted.solve(tau2)
    i, j = part.treatments.index(row.t1), part.treatments.index(row.t2)
    se = float(np.sqrt(fit.cov[i, i] + fit.cov[j, j] - 2 * fit.cov[i, j]))
    level = result.spec.level
    indirect = symmetric_estimate(float(fit.beta[i] - fit.beta[j]), se, level, "indirect (SIDDE)")
    gap, spread = row.direct.estimate - indirect.estimate, float(np.hypot(row.direct.se, se))
    return replace(
        row,
        indirect=indirect,
        difference=symmetric_estimate(gap, spread, level, "direct minus indirect"),
        reason=None,
    )


def _piece_with(effects: Effects, t1: str, t2: str) -> Effects | None:
    """The sub-network that holds both treatments, or None."""
    found = connection(effects)
    for names, studies in zip(found.subnetworks, found.subnetwork_studies, strict=True):
        if t1 in names and t2 in names:
            return take_studies(effects, [s for s, name in enumerate(effects.studies) if name in set(studies)])
    return None


def _split(t1: str, t2: str, network: Estimate, direct: tuple[int, float, float] | None, level: float) -> Split:
    if direct is None:
        return Split(
            t1=t1,
            t2=t2,
            k=0,
            prop_direct=0.0,
            direct=None,
            indirect=network,
            network=network,
            difference=None,
            reason="no study compares the two directly",
        )
    k, te, se = direct
    prop = (network.se / se) ** 2
    first = symmetric_estimate(te, se, level, "direct")
    if prop > ALL_DIRECT:
        return Split(
            t1=t1,
            t2=t2,
            k=k,
            prop_direct=prop,
            direct=first,
            indirect=None,
            network=network,
            difference=None,
            reason="at least 99.95 % of the evidence is direct",
        )
    variance = 1 / (1 / network.se**2 - 1 / se**2)
    estimate = variance * (network.estimate / network.se**2 - te / se**2)
    return Split(
        t1=t1,
        t2=t2,
        k=k,
        prop_direct=prop,
        direct=first,
        indirect=symmetric_estimate(estimate, float(np.sqrt(variance)), level, "indirect (back-calculation)"),
        network=network,
        difference=symmetric_estimate(te - estimate, float(np.sqrt(se**2 + variance)), level, "direct minus indirect"),
        reason=None,
    )
