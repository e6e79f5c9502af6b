"""Checks of contributions and hat matrices."""

from __future__ import annotations

import numpy as np
from network_golden import Case, Dataset, check, close, filled

from toolkit.engine.network.contributions import Contributions, contributions
from toolkit.engine.network.direct import all_pairs

METHODS = {"randomwalk": "random walk", "pseudoinverse": "pseudoinverse", "shortestpath": "shortest path"}


def aligned(found: Contributions, matrix: np.ndarray, wanted: Case) -> np.ndarray:
    """A matrix of ours in the rows and columns of theirs."""
    rows = {frozenset(c): i for i, c in enumerate(found.comparisons)}
    cols = {frozenset(c): i for i, c in enumerate(found.edges)}
    at = [rows[frozenset(label.split(":"))] for label in wanted["rows"]]
    to = [cols[frozenset(label.split(":"))] for label in wanted["cols"]]
    return matrix[np.ix_(at, to)]


def ties(found: Contributions) -> np.ndarray:
    """Rows in which two paths of evidence have the same length, so that the greedy order decides."""
    from toolkit.engine.network.contributions import _outgoing, _paths

    names = sorted({t for c in found.comparisons for t in c})
    ends = np.array([[names.index(t) for t in e] for e in found.edges])
    tied = []
    for r, (a, b) in enumerate(found.comparisons):
        lengths = [len(p) for p in _paths(_outgoing(found.hat[r], ends), names.index(a), names.index(b))]
        tied.append(len(set(lengths)) < len(lengths))
    return np.array(tied)


@check("netcontrib+hatmatrix")
def contribution_matrices(data: Dataset, case: Case) -> None:
    expect = case["expect"]
    effects, result = data.fit(case)
    untied = 0
    for model in ("common", "random"):
        if model == "random" and result.random is None:
            continue
        for key, method in METHODS.items():
            wanted = expect.get(f"{key}_{model}")
            if wanted is None:
                continue
            found = contributions(effects, result, method, model)
            ours, theirs = aligned(found, found.proportion, wanted), filled(wanted["values"])
            close(found.proportion.sum(axis=1), np.ones(len(found.comparisons)), 1e-10, f"{key} row sums")
            close(found.study_proportion.sum(axis=1), np.ones(len(found.comparisons)), 1e-10, f"{key} study sums")
            if key == "shortestpath":
                tied = aligned(found, np.repeat(ties(found)[:, None], len(found.edges), axis=1), wanted)[:, 0]
                ours, theirs = ours[~tied], theirs[~tied]
                untied += len(ours)
            close(ours, theirs, data.tol, f"{key} {model}")
        wanted = expect[f"hat_davies_full_{model}"]
        found = contributions(effects, result, "random walk", model)
        edges = {frozenset(e) for e in found.edges}
        direct = [i for i, label in enumerate(wanted["cols"]) if frozenset(label.split(":")) in edges]
        theirs = filled(wanted["values"])
        close(
            np.delete(theirs, direct, axis=1), 0 * np.delete(theirs, direct, axis=1), data.tol, "no flow without edge"
        )
        part = {"rows": wanted["rows"], "cols": [wanted["cols"][i] for i in direct]}
        close(np.abs(aligned(found, found.hat, part)), np.abs(theirs[:, direct]), data.tol, f"hat {model}")
    studies = expect.get("study_contribution_random")
    if studies is not None and result.random is not None:
        found = contributions(effects, result, "shortest path")
        pairs = all_pairs(effects, result.tau2.value)
        # netmeta shares by 1 / (adjusted common-effect variance + tau2), which is not the weight of the random-effects
        # fit when a study has three arms; ours is. Both are the same edges' proportions, so theirs is remade here.
        netmeta_weight = 1 / (1 / pairs.w_common + result.tau2.value)
        edge = [
            found.edges.index((effects.treatments[i], effects.treatments[j]))
            for i, j in zip(pairs.t1, pairs.t2, strict=True)
        ]
        total = np.bincount(edge, weights=netmeta_weight)
        shares = np.zeros((len(found.edges), len(effects.studies)))
        np.add.at(shares, (edge, pairs.study), netmeta_weight / total[edge])
        theirs = found.proportion @ shares
        two_arm_only = len(pairs.study) == len(effects.studies)
        assert not two_arm_only or np.allclose(theirs, found.study_proportion, atol=1e-12)
        tied = ties(found)
        rows = {frozenset(c): i for i, c in enumerate(found.comparisons)}
        for label, study, value in zip(*(studies[k] for k in ("comparison", "study", "contribution")), strict=True):
            r = rows[frozenset(label.split(":"))]
            if not tied[r]:
                close(theirs[r, effects.studies.index(study)], value or 0.0, data.tol, f"{study} to {label}")
