"""Checks of the funnel, leave-one-out, study impact and separate comparisons."""

from __future__ import annotations

from network_golden import Case, Dataset, check, close, filled, order

from toolkit.engine.network.direct import separate_comparisons
from toolkit.engine.network.funnel import comparison_adjusted_funnel
from toolkit.engine.network.influence import leave_one_out, study_impact


@check("funnel.netmeta+metabias")
def funnel(data: Dataset, case: Case) -> None:
    expect = case["expect"]
    effects, result = data.fit(case)
    found = comparison_adjusted_funnel(effects, result, expect["order"])
    points = {(p.study, p.t1, p.t2): p for p in found.points}
    wanted = expect["values_random"]
    assert len(points) == len(wanted["studlab"])
    common = {
        (p.study, p.t1, p.t2): p for p in comparison_adjusted_funnel(effects, result, expect["order"], "common").points
    }
    for r, key in enumerate(zip(wanted["studlab"], wanted["treat1"], wanted["treat2"], strict=True)):
        point = points[key]
        for name, ours in (
            ("TE", point.effect), ("TE.direct", point.direct), ("TE.adj", point.adjusted), ("seTE", point.se),
        ):  # fmt: skip
            close(ours, wanted[name][r], data.tol, f"{key} {name}")
        close(common[key].adjusted, expect["TE_adj_common"][r], data.tol, f"{key} TE_adj_common")
    test = expect["test_Egger"]
    if test["statistic"] is None:
        assert found.egger is None and found.reason
        return
    assert found.egger is not None and found.egger.df == test["df"]
    close(found.egger.bias, test["estimate"]["bias"], data.tol, "bias")
    close(found.egger.se, test["estimate"]["se.bias"], data.tol, "se of the bias")
    close(found.egger.statistic, test["statistic"], data.tol, "t")
    close(found.egger.p, test["p"], data.tol, "p")


@check("leave-one-out")
def left_out(data: Dataset, case: Case) -> None:
    effects, result = data.fit(case)
    seen = set()
    for row in leave_one_out(effects, result):
        wanted = case["expect"][row.study]
        seen.add(row.study)
        if "treatments" not in wanted:
            assert row.result is None and len(row.subnetworks) != 1, row.study
            continue
        assert row.result is not None, row.study
        tested = row.result.inconsistency
        assert tested.df_total == wanted["df_Q"]
        close(tested.q_total, wanted["Q"], data.tol, f"{row.study} Q")
        close(row.result.tau2.value, wanted["tau2"], data.tol, f"{row.study} tau2")
        at = order(row.result, wanted["treatments"])
        ref = wanted["treatments"].index(wanted["reference"])
        close(row.result.random[at][:, ref], wanted["TE_random_vs_ref"], data.tol, f"{row.study} TE")
        close(row.result.random_se[at][:, ref], wanted["seTE_random_vs_ref"], data.tol, f"{row.study} seTE")
    assert seen == set(case["expect"])


@check("netimpact")
@check("netimpact(netmeta)")
def impact(data: Dataset, case: Case) -> None:
    effects, result = data.fit(case)
    for model in ("common", "random"):
        wanted = case["expect"][f"impact_{model}"]
        found = study_impact(effects, result, model)
        cols = {frozenset(c): i for i, c in enumerate(found.comparisons)}
        to = [cols[frozenset(label.split(":"))] for label in wanted["cols"]]
        at = [found.studies.index(name) for name in wanted["rows"]]
        # The reference inflates the study's standard error a thousandfold, ours removes the study: 1e-6 apart.
        close(found.impact[at][:, to], filled(wanted["values"]), 2e-6, f"impact {model}")


@check("netpairwise")
def separate(data: Dataset, case: Case) -> None:
    expect = case["expect"]
    rows = {frozenset((c.t1, c.t2)): c for c in separate_comparisons(data.effects(case))}
    assert len(rows) == len(expect["comparison"])
    for r, label in enumerate(expect["comparison"]):
        a, b = label.split(":")
        row = rows[frozenset((a, b))]
        sign = 1.0 if row.t1 == a else -1.0
        assert (row.k, row.df) == (expect["k"][r], expect["df"][r])
        close(sign * row.common.estimate, expect["TE_common"][r], data.tol, label)
        close(row.common.se, expect["seTE_common"][r], data.tol, label)
        close(row.q, expect["Q"][r], data.tol, label)
        if row.random is not None:
            close(sign * row.random.estimate, expect["TE_random"][r], data.tol, label)
            close(row.random.se, expect["seTE_random"][r], data.tol, label)
            close(row.tau2, expect["tau2"][r], data.tol, label)
            close(row.i2, expect["I2"][r], data.tol, label)
        else:
            assert expect["tau2"][r] is None
