"""Checks of network meta-analysis for rare events."""

from __future__ import annotations

import numpy as np
from network_golden import Case, Dataset, check, close, filled

from toolkit.engine.effects import arm_table
from toolkit.engine.network.sparse import hypergeometric_network, mantel_haenszel_network


@check("netmetabin")
def sparse(data: Dataset, case: Case) -> None:
    exact = case["options"]["method"] == "NCH"
    # README: NCH 1e-4; R's optimiser stops within a thousandth of a standard error (about 0.18) of the maximum.
    tol = 1.8e-4 if exact else data.tol
    expect = case["expect"]
    c = data.content["data"]["columns"]
    arms = arm_table(c["study"], c["treatment"], n=c["n"], events=c["events"])
    # netmeta's "NCH" is the multinomial form of the likelihood; the exact one is tested by enumeration.
    found = hypergeometric_network(arms, likelihood="multinomial") if exact else mantel_haenszel_network(arms)
    at = np.ix_(*(2 * [[found.treatments.index(t) for t in expect["treatments"]]]))
    close(found.te[at], filled(expect["TE_common"]), tol, "TE")
    close(found.se[at], filled(expect["seTE_common"]), tol, "seTE")
    assert (found.k, len(found.designs), found.converged) == (expect["k"], expect["d"], True)
    if exact:
        assert found.q is None and expect["Q_inconsistency"] is None
        return
    close(found.q, expect["Q_inconsistency"], data.tol, "Q")
    assert found.df == expect["df_inconsistency"]
    close(found.p, expect["p_inconsistency"], data.tol, "p")
