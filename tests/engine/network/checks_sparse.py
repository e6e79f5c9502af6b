"""Checks of Mantel-Haenszel network meta-analysis."""

from __future__ import annotations

import numpy as np
from network_golden import Case, Dataset, check, close, filled

from toolkit.engine.effects import arm_table
from toolkit.engine.network.sparse import mantel_haenszel_network


@check("netmetabin")
def sparse(data: Dataset, case: Case) -> bool:
    if case["options"]["method"] != "MH":
        return False
    expect = case["expect"]
    columns = data.content["data"]["columns"]
    found = mantel_haenszel_network(
        arm_table(columns["study"], columns["treatment"], n=columns["n"], events=columns["events"])
    )
    at = np.ix_(*(2 * [[found.treatments.index(t) for t in expect["treatments"]]]))
    close(found.te[at], filled(expect["TE_common"]), data.tol, "TE")
    close(found.se[at], filled(expect["seTE_common"]), data.tol, "seTE")
    close(found.q, expect["Q_inconsistency"], data.tol, "Q")
    assert (found.df, found.k, len(found.designs)) == (expect["df_inconsistency"], expect["k"], expect["d"])
    close(found.p, expect["p_inconsistency"], data.tol, "p")
    return True
