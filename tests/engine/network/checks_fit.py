"""Checks of fits, direct evidence, inconsistency, splits and ranks against the reference values."""

from __future__ import annotations

import numpy as np
import pytest
from checks_inconsistency import check_side_split
from network_golden import CLOSED, ITERATIVE, Case, Dataset, check, close, filled, order

from toolkit.engine.data import FloatArray
from toolkit.engine.network import (
    connection,
    consistency_model,
    decompose_designs,
    league_table,
    p_scores,
    rank_probabilities,
    split_evidence,
)
from toolkit.engine.network._intervals import half_width, two_sided_p
from toolkit.engine.network.direct import all_pairs, pool_direct
from toolkit.engine.network.views import covariance
from toolkit.model.errors import NotEstimable


@check("netmeta")
def netmeta(data: Dataset, case: Case) -> None:
    expect = case["expect"]
    if "error" in expect and "sub-networks" in expect["error"]:
        with pytest.raises(NotEstimable, match="pieces"):
            data.fit(case)
        return
    if "error" in expect:  # dong2013: a double-zero pair in a multi-arm study; ours keeps the study's other arms
        effects = data.effects(case)
        assert effects.excluded or effects.corrections, "a double-zero pair must be named"
        return
    if "TE_common" not in expect:  # netmeta's REML without the covariance of multi-arm contrasts (trap 2)
        effects, result = data.fit(case, "REML")
        assert abs(result.tau2.value - expect["tau2"]) > 1e-4, "ours uses the covariance, so it must differ"
        return
    method = case["options"].get("method.tau", "DL")
    effects, result = data.fit(case, method)
    tol = data.tol if method == "DL" else ITERATIVE
    names = expect["treatments"]
    at = order(result, names)
    assert (result.k, len(result.treatments)) == (expect["k"], expect["n"])
    assert [result.studies_per_treatment[i] for i in at[1][0]] == expect["k_trts"]
    close(result.common[at], expect["TE_common"], tol, "TE_common")
    close(result.common_se[at], expect["seTE_common"], tol, "seTE_common")
    tested = result.inconsistency
    assert tested.df_total == expect["df_Q"]
    if expect["tau2"] is None:
        assert result.random is None and result.tau2 is None and result.i2 is None
        return
    close(result.random[at], expect["TE_random"], tol, "TE_random")
    close(result.random_se[at], expect["seTE_random"], tol, "seTE_random")
    close(result.tau2.value, expect["tau2"], tol, "tau2")
    close(tested.q_total, expect["Q"], tol, "Q")
    close(tested.p_total, expect["pval_Q"], tol, "pval_Q")
    close(result.i2, expect["I2"], tol, "I2")
    for part in ("within", "between"):
        df = expect[f"df_{part}"]
        if df is None:
            continue
        assert getattr(tested, f"df_{part}") == df
        if df > 0:
            close(getattr(tested, f"q_{part}"), expect[f"Q_{part}"], tol, f"Q_{part}")
            close(getattr(tested, f"p_{part}"), expect[f"p_{part}"], tol, f"p_{part}")
        else:
            assert getattr(tested, f"q_{part}") is None
    _intervals(expect, result.common[at], result.common_se[at], "common", tol)
    _intervals(expect, result.random[at], result.random_se[at], "random", tol)
    if "lower_predict" in expect:
        if tested.df_total < 2:
            assert result.prediction_low is None
        else:
            close(result.prediction_low[at], filled(expect["lower_predict"]), tol, "lower_predict")
            close(result.prediction_high[at], filled(expect["upper_predict"]), tol, "upper_predict")


def _intervals(expect: Case, te: FloatArray, se: FloatArray, model: str, tol: float) -> None:
    if f"lower_{model}" not in expect:
        return
    width = half_width(0.95) * se
    close(te - width, filled(expect[f"lower_{model}"]), tol, f"lower_{model}")
    close(te + width, filled(expect[f"upper_{model}"]), tol, f"upper_{model}")
    with np.errstate(invalid="ignore"):
        close(two_sided_p(te / se), filled(expect[f"pval_{model}"]), tol, f"pval_{model}")


@check("netmeta:estimators")
def estimators(data: Dataset, case: Case) -> None:
    expect = case["expect"]
    for method in ("DL", "REML", "ML"):
        wanted = expect[method]
        _, result = data.fit(case, method)
        if wanted["tau2"] is None:
            assert result.tau2 is None and result.random is None
            continue
        tol = data.tol if method == "DL" else ITERATIVE
        at = order(result, expect["treatments"])
        close(result.tau2.value, wanted["tau2"], tol, f"tau2 {method}")
        if "TE" in wanted:
            close(result.random[at], wanted["TE"], tol, f"TE {method}")
            close(result.random_se[at], wanted["seTE"], tol, f"seTE {method}")
        if method != "DL":
            assert result.tau2.converged


@check("netmeta:direct")
def direct(data: Dataset, case: Case) -> None:
    expect = case["expect"]
    effects, result = data.fit(case)
    names = list(effects.treatments)
    back = [expect["treatments"].index(t) for t in names]
    tau2 = result.tau2.value if result.tau2 else 0.0
    pairs = all_pairs(effects)
    for model, value in (("common", 0.0), ("random", tau2)):
        found = pool_direct(pairs, len(names), value)
        for c, (i, j) in enumerate(zip(found.t1, found.t2, strict=True)):
            at = back[i], back[j]
            for key, number in ((f"TE_direct_{model}", found.te[c]), (f"seTE_direct_{model}", found.se[c])):
                close(number, expect[key][at[0]][at[1]], data.tol, f"{key} {names[i]}:{names[j]}")
            if model == "common":
                close(found.q[c], expect["Q_direct"][at[0]][at[1]], 5 * data.tol, "Q_direct")
                own = expect["tau2_direct"][at[0]][at[1]]
                assert (own is None) == bool(np.isnan(found.tau2_own[c]))
                if own is not None:
                    close(found.tau2_own[c], own, data.tol, "tau2_direct")
    if result.random is None:
        return
    for split in split_evidence(effects, result):
        i, j = (expect["treatments"].index(t) for t in (split.t1, split.t2))
        wanted = expect["TE_indirect_random"][i][j]
        assert wanted is not None or split.indirect is None, f"indirect {split.t1}:{split.t2}"
        if split.indirect is not None:
            loss = _loss(split.prop_direct)
            close(split.indirect.estimate, wanted, data.tol * loss, "TE_indirect")
            close(split.indirect.se, expect["seTE_indirect_random"][i][j], data.tol * loss, "seTE_indirect")


def _loss(prop: float) -> float:
    """Digits that both sides lose in 1 - proportion direct."""
    return max(1.0, 1e-2 / (1 - prop))


@check("netmeta:pairs")
def pairs_of(data: Dataset, case: Case) -> None:
    expect = case["expect"]
    effects, result = data.fit(case)
    tau2 = result.tau2.value if result.tau2 else 0.0
    pairs = all_pairs(effects, tau2)
    names = effects.treatments
    row = {
        (effects.studies[s], names[i], names[j]): r
        for r, (s, i, j) in enumerate(zip(pairs.study, pairs.t1, pairs.t2, strict=True))
    }
    assert len(row) == len(expect["studlab"])
    model = consistency_model(effects)
    cov = {"common": model.solve(0.0).cov, "random": model.solve(tau2).cov}
    te = {"common": result.common, "random": result.common if result.random is None else result.random}
    m = len(row)
    rows, signs = np.empty(m, dtype=int), np.empty(m)
    for r in range(m):
        study, a, b = expect["studlab"][r], expect["treat1"][r], expect["treat2"][r]
        straight = (study, a, b) in row
        rows[r], signs[r] = row[(study, a, b) if straight else (study, b, a)], 1.0 if straight else -1.0
    close(signs * pairs.te[rows], expect["TE"], data.tol, "TE")
    close(np.sqrt(pairs.v[rows]), expect["seTE"], data.tol, "seTE")
    B = np.zeros((m, len(names)))
    B[np.arange(m), pairs.t1[rows]] = signs
    B[np.arange(m), pairs.t2[rows]] = -signs
    for kind, weight in (("common", pairs.w_common), ("random", pairs.w_random)):
        w = weight[rows]
        keep = w > 1e-3 * w.max()  # netmeta sets small and negative reweighted weights to zero or noise
        close(w[keep], np.array(expect[f"w_{kind}"])[keep], data.tol, f"w_{kind}")
        close(1 / np.sqrt(w[keep]), np.array(expect[f"seTE_adj_{kind}"])[keep], 1e-6, f"seTE_adj_{kind}")
        index = [result.treatments.index(t) for t in names]
        fitted = signs * te[kind][np.ix_(index, index)][pairs.t1[rows], pairs.t2[rows]]
        close(fitted, expect[f"TE_nma_{kind}"], data.tol, f"TE_nma_{kind}")
        if f"H_{kind}" in expect:
            H = (B @ cov[kind] @ B.T) * w
            close(H, filled(expect[f"H_{kind}"]), data.tol, f"H_{kind}")
    single = np.array([v is not None for v in expect["leverage_common"]])
    leverage = np.einsum("ij,jk,ik->i", B, cov["common"], B) * pairs.w_common[rows]
    close(leverage[single], [v for v in expect["leverage_common"] if v is not None], data.tol, "leverage")


@check("decomp.design")
def designs(data: Dataset, case: Case) -> None:
    expect = case["expect"]
    if "note" in expect and len(expect) == 1:
        return
    effects, result = data.fit(case)
    found = decompose_designs(effects, consistency_model(effects))
    wanted = expect["Q_decomp"]
    totals = {s: (q, df) for s, q, df in zip(wanted["source"], wanted["Q"], wanted["df"], strict=True)}
    tested = result.inconsistency
    for source, q, df in (
        ("Total", tested.q_total, tested.df_total),
        ("Within designs", tested.q_within or 0.0, tested.df_within),
        ("Between designs", tested.q_between or 0.0, tested.df_between),
    ):
        assert df == totals[source][1]
        close(q, totals[source][0], data.tol, source)
    _design_rows(found.within, expect["Q_het_design"], data.tol)
    wanted = expect["Q_inc_detach"]
    if wanted is not None:
        ours = {frozenset(d.design.split(":")): d for d in found.detached}
        for d, q, df in zip(wanted["design"], wanted["Q"], wanted["df"], strict=True):
            key = frozenset(d.split(":"))
            if key not in ours:  # listed by netmeta although nothing else informs it
                assert df == tested.df_between
                continue
            assert ours[key].df == df, f"detached {d}"
            close(ours[key].q, q, data.tol, f"detached {d}")
    random = expect["Q_inc_random"]
    if random["df"][0] > 0:
        close(found.random_between.q, random["Q"][0], data.tol, "Q_inc_random")
        close(np.sqrt(found.tau2_within or 0.0), random["tau.within"][0], data.tol, "tau.within")


def _design_rows(found, wanted, tol: float) -> None:
    ours = {frozenset(d.design.split(":")): d for d in found}
    for d, q, df in zip(wanted["design"], wanted["Q"], wanted["df"], strict=True):
        one = ours[frozenset(d.split(":"))]
        assert one.df == df, d
        close(one.q, q, tol, d)


@check("netsplit")
def back_calculation(data: Dataset, case: Case) -> None:
    sidde = case["options"].get("method") == "SIDDE"
    method = "SIDDE" if sidde else "back-calculation"
    expect = case["expect"]
    effects, result = data.fit(case)
    for model in ("common", "random"):
        if model == "random" and result.random is None:
            continue
        ours = {(s.t1, s.t2): s for s in split_evidence(effects, result, model, method=method, indirect_only=True)}
        wanted = expect[model]
        for r, label in enumerate(expect["comparison"]):
            a, b = label.split(":")
            split = ours.get((a, b)) or ours[(b, a)]
            sign = 1.0 if (a, b) in ours else -1.0
            assert split.k == expect["k"][r], label
            loss = _loss(split.prop_direct) if split.indirect else 1.0
            close(split.prop_direct, wanted["prop_direct"][r] or 0.0, data.tol, f"prop {label}")
            for name, estimate in (
                ("", split.network), ("direct_", split.direct), ("indirect_", split.indirect),
                ("diff_", split.difference),
            ):  # fmt: skip
                te, se = wanted[f"{name}TE"][r], wanted[f"{name}seTE"][r]
                assert (estimate is None) == (te is None), f"{model} {label} {name}"
                if estimate is not None:
                    close(sign * estimate.estimate, te, data.tol * loss, f"{model} {label} {name}TE")
                    close(estimate.se, se, data.tol * loss, f"{model} {label} {name}seTE")
            if split.difference is not None:
                close(split.difference.p, wanted["diff_p"][r], 2 * data.tol * loss, f"{model} {label} p")


@check("netrank")
@check("netrank+rankogram")
def ranks(data: Dataset, case: Case) -> None:
    expect = case["expect"]
    _, result = data.fit(case)
    at = order(result, expect["treatments"])
    models = {"common": (result.common[at], result.common_se[at])}
    if result.random is not None:
        models["random"] = (result.random[at], result.random_se[at])
    for model, (te, se) in models.items():
        for direction, small in (("desirable", "good"), ("undesirable", "bad")):
            key = f"pscore_{model}_small_{direction}"
            if key in expect:
                close(p_scores(te, se, small), expect[key], data.tol, key)
        if f"pscore_{model}" in expect:
            close(p_scores(te, se, "bad"), expect[f"pscore_{model}"], data.tol, f"pscore_{model}")
    drawn = expect.get("mvn_random")
    if drawn is None or result.random is None:
        return
    small = "good" if drawn["small_values"] == "desirable" else "bad"
    draws = 100_000
    found = rank_probabilities(result, np.random.default_rng(1), small_values=small, draws=draws)
    p, wanted = found.probability[at[0].ravel()], np.array(drawn["rank_prob"])
    spread = np.sqrt(wanted * (1 - wanted) * (1 / drawn["nsim"] + 1 / draws))
    # README's 4 standard errors; the Poisson floor lets a cell of probability near 0 hold a few draws
    assert np.all(np.abs(p - wanted) <= 4 * spread + 5 / draws), "rank probabilities"
    close(found.sucra[at[0].ravel()], expect[f"pscore_random_small_{drawn['small_values']}"], CLOSED, "SUCRA")


@check("netconnection")
def connections(data: Dataset, case: Case) -> None:
    expect = case["expect"]
    effects = data.effects(case)
    found = connection(effects)
    assert len(found.subnetworks) == expect["n_subnets"]
    at = np.ix_(*(2 * [[effects.treatments.index(t) for t in expect["treatments"]]]))
    wanted = filled(expect["D_matrix"])
    distance = np.where(np.isinf(found.distance[at]), np.nan, found.distance[at])
    assert np.array_equal(distance, wanted, equal_nan=True)
    if "A_matrix" in expect:
        assert np.array_equal(found.adjacency[at], np.array(expect["A_matrix"]))


@check("netleague")
def league(data: Dataset, case: Case) -> None:
    """netmeta's lower triangle is column against row, ours row against column: read it transposed."""
    rows = case["expect"]["rows"]
    _, result = data.fit(case)
    names = [row[i] for i, row in enumerate(rows)]
    table = league_table(result, order=names)
    show = np.exp if table.scale == "log" else (lambda x: x)
    digits = case["expect"]["digits"]
    for i in range(len(names)):
        for j in range(i):
            cell = [table.estimate[j, i], table.low[j, i], table.high[j, i]]
            text = rows[i][j].replace("[", " ").replace("]", " ").replace(";", " ").split()
            for ours, theirs in zip(show(np.array(cell)), text, strict=True):
                assert abs(ours - float(theirs)) <= 0.5000001 * 10**-digits, f"{names[i]} {names[j]}: {ours} {theirs}"


@check("stata:network+mvmeta")
def stata(data: Dataset, case: Case) -> None:
    expect = case["expect"]
    effects, result = data.fit(case, "REML")
    if "consistency" not in expect:
        assert result.tau2 is None
        return
    wanted = expect["consistency"]
    at = [result.treatments.index(t) for t in wanted["parameters"]]
    ref = result.treatments.index(wanted["reference"])
    close(result.tau2.value, wanted["tau2"], ITERATIVE, "REML tau2")
    close(result.random[at, ref], wanted["estimate"], ITERATIVE, "REML estimate")
    close(result.random_se[at, ref], wanted["se"], ITERATIVE, "REML se")
    every = [ref, *at]
    cov = covariance(result.random_se[np.ix_(every, every)])[1:, 1:]
    close(cov, wanted["cov"], ITERATIVE, "REML cov")
    model = consistency_model(effects)
    loglik = model.log_likelihood(result.tau2.value, restricted=True)
    close(loglik, wanted["restricted_loglik_mvmeta"], ITERATIVE, "restricted log-likelihood")
    _, ml = data.fit(case, "ML")
    close(ml.tau2.value, expect["ml"]["tau2"], ITERATIVE, "ML tau2")
    close(ml.random[at, ref], expect["ml"]["estimate"], ITERATIVE, "ML estimate")
    tested, inc = result.inconsistency, expect["inconsistency"]
    assert tested.interaction_df == inc["df"]
    if inc.get("tau2") is not None:
        close(tested.interaction_tau2, inc["tau2"], ITERATIVE, "tau2 of the inconsistency model")
        close(tested.interaction_chi2, inc["wald"]["chi2"], ITERATIVE, "Wald")
        close(tested.interaction_p, inc["wald"]["p"], ITERATIVE, "Wald p")
    else:
        assert tested.interaction_chi2 is None and tested.reason
    if "wald_common" in inc and inc["df"] > 0:
        close(tested.q_between, inc["wald_common"]["chi2"], ITERATIVE, "Wald, common effect")
    check_side_split(data, case)
