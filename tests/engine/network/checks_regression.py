"""Checks of network meta-regression."""

from __future__ import annotations

from network_golden import ITERATIVE, Case, Dataset, check, close

from toolkit.engine.network.regression import network_regression


@check("netmetareg")
def regression(data: Dataset, case: Case) -> None:
    options, expect = case["options"], case["expect"]
    columns = data.content["data"]["columns"]
    year = dict(zip(columns["study"], columns["year"], strict=True))
    found = network_regression(
        data.effects(case), year, options["reference.group"], interaction=options["assumption"], centre=2003
    )
    close(found.tau2.value, expect["tau2"], ITERATIVE, "tau2")
    ours = {("d", t): e for t, e in zip(found.treatments, found.effects, strict=True)}
    ours |= {("beta", c.treatment or "nonref"): c.estimate for c in found.coefficients}
    table = expect["results"]
    assert len(ours) == len(table["type"])
    for r, (kind, treatment) in enumerate(zip(table["type"], table["treat"], strict=True)):
        estimate = ours[kind, treatment.replace(".", "+")]
        for name, value in (("coef", estimate.estimate), ("se", estimate.se), ("z", estimate.statistic)):
            close(value, table[name][r], ITERATIVE, f"{kind} {treatment} {name}")
        close([estimate.ci_low, estimate.ci_high], [table["lower"][r], table["upper"][r]], ITERATIVE, "interval")
        close(estimate.p, table["pval"][r], ITERATIVE, f"{kind} {treatment} p")
