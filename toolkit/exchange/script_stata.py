"""Do-files for Stata: written without Stata at hand and not run, as their first line says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from toolkit import __version__
from toolkit.engine.own_weights import EFFECT_MODELS
from toolkit.exchange.expected import Payload, data_type, require_estimate
from toolkit.exchange.parts import further_of
from toolkit.exchange.script_data import rests_on_its_data, study_columns
from toolkit.exchange.script_metafor import network_rests_on_arms
from toolkit.exchange.script_text import Script, template
from toolkit.exchange.stata_parts import Check, check_lines, count_checks, further_checks, stata_string

__all__ = ["stata_network", "stata_pairwise"]

# Measures that meta esize computes from arms; effects of others are read from studies.csv.
STATA_MEASURES = {"OR": "lnoratio", "RR": "lnrratio", "RD": "rdiff", "PETO": "lnorpeto"}
STATA_MEASURES |= {"MD": "mdiff, unequal", "SMD": "hedgesg, exact"}
STATA_TAU2 = {
    "REML": "reml", "ML": "mle", "EB": "ebayes", "PM": "pmandel", "DL": "dlaird", "SJ": "sjonkman", "HE": "hedges",
    "HS": "hschmidt",
}  # fmt: skip
STATA_NETWORK = {"OR": "or", "RR": "rr", "RD": "rd", "MD": "md", "SMD": "smd"}
_CI = {"HK": " se(khartung)", "HK_adhoc": " se(khartung, truncated)"}


def _header(payload: Payload, not_refitted: Sequence[tuple[str, str]]) -> str:
    said = "".join(f"* Not refitted here: {_comment(what)}: {_comment(why)}.\n" for what, why in not_refitted)
    return (
        "* NOT RUN: this do-file was written without Stata at hand. Read it before you trust it.\n"
        f"* Check of analysis {_comment(payload['analysis'])}, result {payload['fingerprint']}; written by evipool "
        f"{__version__}.\n"
        "* Run it in the folder of the CSV files. It shows evipool's number, Stata's and their difference, and ends\n"
        f"* with an error where they differ by more than 0.0001 (relative above 1).\n{said}\n"
    ) + template("compare.do")


def _comment(text: str) -> str:
    return " ".join(text.replace("*/", "* /").replace("///", "/ / /").split())


# ---- pairwise -----------------------------------------------------------------------------------------------------


def stata_pairwise(payload: Payload) -> Script:
    """What Stata's meta suite, melogit and mepoisson have of a pairwise result."""
    result = require_estimate(payload)
    spec = result["spec"]
    not_refitted: list[tuple[str, str]] = []
    checks = _effects(payload, not_refitted)
    level = f"level({100 * spec['level']:g})"
    tau2 = STATA_TAU2.get(spec["tau2"])
    if spec["model"] in EFFECT_MODELS:
        checks += _fits(payload, tau2, level, not_refitted)
    else:
        checks += count_checks(payload, not_refitted)
    more, missing = further_checks(payload, further_of(payload), tau2, level, list(study_columns(payload)))
    not_refitted += missing
    return Script(
        name="stata.do",
        text=_header(payload, not_refitted) + check_lines([*checks, *more]) + "finish\n",
        tried="not run",
        not_refitted=tuple(not_refitted),
    )


def _effects(payload: Payload, not_refitted: list[tuple[str, str]]) -> list[Check]:
    """The data in memory with yi and sei; where Stata computes effects itself, these are compared."""
    result = payload["result"]
    spec, measure = result["spec"], result["spec"]["measure"]
    columns = list(study_columns(payload))
    lines = ["import delimited using studies.csv, clear varnames(nonames) rowrange(2) stringcols(_all) encoding(utf-8)"]
    names = ("study", "yi", "sei", "events1", "n1", "events2", "n2", "mean1", "sd1", "mean2", "sd2")
    for at, name in enumerate(names, start=1):
        lines.append(f"generate study = v{at}" if name == "study" else f"generate double {name} = real(v{at})")
    lines += [f"* column{i} is {_comment(name)}" for i, name in enumerate(columns, start=1)]
    lines += [f"generate column{i} = v{i + len(names)}" for i in range(1, len(columns) + 1)]
    lines += ["save studies, replace", "keep if !missing(yi, sei)"]
    checks = [Check(lines=tuple(lines))]
    computed = measure in STATA_MEASURES and rests_on_its_data(payload)
    if computed and spec["model"] in EFFECT_MODELS:
        checks.append(_esize(result, spec))
    else:
        why = "they are read from studies.csv"
        not_refitted.append(("the effects of the studies", why))
    checks.append(Check(lines=("meta set yi sei, studylabel(study)",)))
    return checks


def _esize(result: Payload, spec: Payload) -> Check:
    """meta esize on the counts or means of studies.csv, its effects beside ours."""
    compare = (
        "generate double difference = abs(_meta_es - yi) + abs(_meta_se - sei)",
        "summarize difference",
    )
    numbers = (("largest difference of an effect or its error", "r(max)", 0.0),)
    if data_type(spec["measure"]) == "continuous":
        line = f"meta esize n1 mean1 sd1 n2 mean2 sd2, esize({STATA_MEASURES[spec['measure']]}) studylabel(study)"
        return Check(lines=(line, *compare), numbers=numbers)
    zero = spec["zero_cells"]
    esize, _, _ = STATA_MEASURES[spec["measure"]].partition(", ")
    to = "allif0" if zero["to"] == "if0all" else zero["to"]
    rule = "none" if zero["to"] == "none" else f"{zero['add']:g}, {to}"
    option = "" if esize == "lnorpeto" else f" zerocells({rule})"
    lines = [
        "generate double nonevents1 = n1 - events1",
        "generate double nonevents2 = n2 - events2",
        f"meta esize events1 nonevents1 events2 nonevents2, esize({esize}) studylabel(study){option}",
        *compare,
    ]
    return Check(lines=tuple(lines), numbers=numbers)


def _fits(payload: Payload, tau2: str | None, level: str, not_refitted: list[tuple[str, str]]) -> list[Check]:
    result = payload["result"]
    spec = result["spec"]
    checks: list[Check] = []
    if spec["model"] != "IV":
        not_refitted.append(("the pooled effects", "Stata's meta summarize has no weights of one's own"))
        return checks
    if result["common"] is not None:
        checks.append(
            Check(lines=(f"meta summarize, common(invvariance) {level}",), numbers=_estimate(result["common"]))
        )
    if result["random"] is not None and tau2 is None:
        not_refitted.append(("random effects", f"Stata has no estimator of tau2 like {spec['tau2']}"))
    elif result["random"] is not None and spec["q_around"] == "MH":
        not_refitted.append(("random effects", "Stata takes Q around the inverse-variance estimate"))
    elif result["random"] is not None:
        checks.append(_random(result, spec, str(tau2), level))
        checks += _prediction(result, spec, str(tau2), level, not_refitted)
        if spec["ci"] in ("KR", "t"):
            not_refitted.append((f"the interval {spec['ci']}", "Stata's meta summarize has none; Wald's is compared"))
    if result["mantel_haenszel"] is not None:
        checks += _mantel_haenszel(result, spec, level, not_refitted)
    return checks


def _estimate(found: Payload, *, interval: bool = True) -> tuple[tuple[str, str, float], ...]:
    model = found["model"]
    rows = [("estimate", "r(theta)", model["estimate"]), ("standard error", "r(se)", model["se"])]
    if interval:
        rows += [("lower bound", "r(ci_lb)", model["ci_low"]), ("upper bound", "r(ci_ub)", model["ci_high"])]
    return tuple(rows)


def _random(result: Payload, spec: Payload, tau2: str, level: str) -> Check:
    wald = spec["ci"] not in _CI
    h = result["heterogeneity"]
    numbers = [
        *_estimate(result["random_wald"] if wald else result["random"]),
        ("tau2", "r(tau2)", result["tau2"]["value"]),
        ("Q", "r(Q)", h["q"]),
        ("Q: p", "r(p_Q)", h["p"]),
    ]
    return Check(lines=(f"meta summarize, random({tau2}){_CI.get(spec['ci'], '')} {level}",), numbers=tuple(numbers))


def _prediction(
    result: Payload, spec: Payload, tau2: str, level: str, not_refitted: list[tuple[str, str]]
) -> list[Check]:
    """From Stata's estimate, error and tau2, with the quantile of the analysis."""
    if result["prediction"] is None:
        return []
    if spec["prediction"] == "KR":
        not_refitted.append(("the prediction interval", "Stata has none of Kenward and Roger"))
        return []
    se = " se(khartung)" if spec["prediction"].startswith("HK") else ""
    tail, df = (1 - spec["level"]) / 2, result["k"] - (2 if spec["prediction"].endswith("2") else 1)
    quantile = f"invnormal({1 - tail!r})" if spec["prediction"] == "z" else f"invttail({df}, {tail!r})"
    model = result["prediction"]["model"]
    numbers = tuple(
        (f"prediction: {bound}", f"r(theta) {sign} {quantile} * sqrt(r(tau2) + r(se)^2)", model[bound])
        for bound, sign in (("low", "-"), ("high", "+"))
    )
    return [Check(lines=(f"meta summarize, random({tau2}){se} {level}",), numbers=numbers)]


def _mantel_haenszel(result: Payload, spec: Payload, level: str, not_refitted: list[tuple[str, str]]) -> list[Check]:
    """Stata's own rule is that of the counts as they are, or corrected where one names a rule for zero cells."""
    if spec["measure"] not in ("OR", "RR", "RD"):
        not_refitted.append(("the Mantel-Haenszel estimate", "Stata's meta summarize has none of rates"))
        return []
    esize = STATA_MEASURES[spec["measure"]]
    rule = "none" if spec["mantel_haenszel"] == "raw" else f"{spec['zero_cells']['add']:g}, only0"
    lines = (
        "use studies, clear",
        "keep if !missing(events1, n1, events2, n2)",
        "generate double nonevents1 = n1 - events1",
        "generate double nonevents2 = n2 - events2",
        f"meta esize events1 nonevents1 events2 nonevents2, esize({esize}) studylabel(study) zerocells({rule})",
        f"meta summarize, common(mhaenszel) {level}",
    )
    after = ("use studies, clear", "keep if !missing(yi, sei)", "meta set yi sei, studylabel(study)")
    return [Check(lines=lines, numbers=_estimate(result["mantel_haenszel"])), Check(lines=after)]


# ---- networks -----------------------------------------------------------------------------------------------------


def stata_network(payload: Payload) -> Script:
    """What the package network has of a network: common effects, random effects by REML or ML with one variance."""
    result = payload["result"]
    spec = result["spec"]
    arms = network_rests_on_arms(payload) and spec["measure"] in STATA_NETWORK
    not_refitted = [] if arms else [("the effects of the studies", "they are read from contrasts.csv")]
    names = [result["reference"], *(r["treatment"] for r in result["effects"] if r["treatment"] != result["reference"])]
    codes = [f'replace {{}} = "T{i}" if {{}} == {stata_string(name)}' for i, name in enumerate(names)]
    if arms:
        columns = {"binary": "events n", "continuous": "mean sd n"}[data_type(spec["measure"])]
        lines = [_IMPORT.format("data.csv"), 'generate str code = ""']
        lines += [code.format("code", "treatment") for code in codes]
        lines.append(
            f"network setup {columns}, studyvar(study) trtvar(code) ref(T0) nocodes {STATA_NETWORK[spec['measure']]}"
        )
    else:
        lines = [_IMPORT.format("contrasts.csv")]
        for column in ("t1", "t2"):
            lines += [f'generate str code{column} = ""', *(code.format(f"code{column}", column) for code in codes)]
        lines.append("network import, studyvar(study) treat(codet2 codet1) effect(yi) stderr(sei) ref(T0)")
    checks = [Check(lines=tuple(lines))]
    checks.append(Check(lines=("network meta consistency, fixed",), numbers=_against(result, names, "common")))
    method = {"REML": "reml", "ML": "ml"}.get(spec["tau2"])
    random = result["heterogeneity"]["tau2"] is not None
    if random and (method is None or result["heterogeneity"]["tau2_by_type"]):
        why = "the package network estimates one between-study variance, by REML or ML"
        not_refitted.append(("random effects", why))
    elif random:
        tau2 = ("tau2", "el(e(Sigma), 1, 1)", result["heterogeneity"]["tau2"]["value"])
        numbers = (tau2, *_against(result, names, "random", errors=spec["ci"] in ("Wald", "t")))
        checks.append(Check(lines=(f"network meta consistency, {method}",), numbers=numbers))
        if spec["ci"] != "Wald":
            not_refitted.append((f"the interval {spec['ci']}", "the package network has Wald's"))
    not_refitted += [
        (name, "the do-file refits the network itself")
        for name in dict.fromkeys(one["name"] for one in payload.get("further", ()))
    ]
    return Script(
        name="stata.do",
        text=_header(payload, not_refitted) + template("network.do") + check_lines(checks) + "finish\n",
        tried="not run",
        not_refitted=tuple(not_refitted),
    )


_IMPORT = 'import delimited using "{}", clear varnames(1) case(preserve) encoding("utf-8") stringcols(1 2)'


def _against(
    result: Mapping[str, Any], names: Sequence[str], model: str, *, errors: bool = True
) -> tuple[tuple[str, str, float], ...]:
    rows = {r["treatment"]: r[model] for r in result["effects"]}
    found: list[tuple[str, str, float]] = []
    for i, name in enumerate(names):
        if i and rows[name] is not None:
            found.append((f"{name}: estimate", f"_b[_y_T{i}:_cons]", rows[name]["model"]["estimate"]))
            if errors:
                found.append((f"{name}: standard error", f"_se[_y_T{i}:_cons]", rows[name]["model"]["se"]))
    return tuple(found)
