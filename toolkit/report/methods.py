"""The methods paragraph of a report, written from the resolved specs, with the references it cites."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.model.choices import INTERVALS, MEASURES, NETWORK_TAU2_METHODS, PREDICTION_INTERVALS, TAU2_METHODS

__all__ = ["REFERENCES", "methods_text"]

REFERENCES: dict[str, str] = {
    "REML": "Viechtbauer W. Bias and efficiency of meta-analytic variance estimators in the random-effects model. "
    "J Educ Behav Stat 2005;30:261-293. doi:10.3102/10769986030003261",
    "DL": "DerSimonian R, Laird N. Meta-analysis in clinical trials. Control Clin Trials 1986;7:177-188. "
    "doi:10.1016/0197-2456(86)90046-2",
    "HK": "Knapp G, Hartung J. Improved tests for a random effects meta-regression with a single covariate. "
    "Stat Med 2003;22:2693-2710. doi:10.1002/sim.1482",
    "MH": "Robins J, Breslow N, Greenland S. Estimators of the Mantel-Haenszel variance consistent in both sparse data "
    "and large-strata limiting models. Biometrics 1986;42:311-323. doi:10.2307/2531052",
    "I2": "Higgins JPT, Thompson SG. Quantifying heterogeneity in a meta-analysis. Stat Med 2002;21:1539-1558. "
    "doi:10.1002/sim.1186",
    "PI": "Higgins JPT, Thompson SG, Spiegelhalter DJ. A re-evaluation of random-effects meta-analysis. "
    "J R Stat Soc A 2009;172:137-159. doi:10.1111/j.1467-985X.2008.00552.x",
    "QP": "Viechtbauer W. Confidence intervals for the amount of heterogeneity in meta-analysis. "
    "Stat Med 2007;26:37-52. doi:10.1002/sim.2514",
    "NMA": "White IR, Barrett JK, Jackson D, Higgins JPT. Consistency and inconsistency in network meta-analysis: "
    "model estimation using multivariate meta-regression. Res Synth Methods 2012;3:111-125. doi:10.1002/jrsm.1045",
    "DBT": "Higgins JPT, Jackson D, Barrett JK, Lu G, Ades AE, White IR. Consistency and inconsistency in network "
    "meta-analysis: concepts and models for multi-arm studies. Res Synth Methods 2012;3:98-110. "
    "doi:10.1002/jrsm.1044",
    "PSCORE": "Ruecker G, Schwarzer G. Ranking treatments in frequentist network meta-analysis works without "
    "resampling methods. BMC Med Res Methodol 2015;15:58. doi:10.1186/s12874-015-0060-8",
    "PRISMA": "Page MJ, McKenzie JE, Bossuyt PM, et al. The PRISMA 2020 statement: an updated guideline for reporting "
    "systematic reviews. BMJ 2021;372:n71. doi:10.1136/bmj.n71",
}

Payload = Mapping[str, Any]


def methods_text(payloads: Sequence[Payload]) -> tuple[list[str], list[str]]:
    """Sentences on how the analyses were done, and the references they need, from the payloads of the results."""
    sentences: list[str] = []
    cited: list[str] = ["PRISMA"]
    pairwise = [p for p in payloads if p["kind"] == "pairwise"]
    networks = [p for p in payloads if p["kind"] == "network"]
    if pairwise:
        sentences += _pairwise(pairwise, cited)
    if networks:
        sentences += _network(networks, cited)
    if any("events" in MEASURES[p["spec"]["measure"]].needs for p in payloads):
        sentences.append(_zero_cells(payloads))
    return sentences, [REFERENCES[key] for key in dict.fromkeys(cited)]


def _group(payloads: Sequence[Payload], name: str) -> dict[str, list[str]]:
    """Value of a spec field -> the analyses that have it."""
    found: dict[str, list[str]] = {}
    for p in payloads:
        spec: Payload = p["result"]["spec"] if p["result"] else p["spec"]
        found.setdefault(spec[name], []).append(p["analysis"])
    return found


def _listed(groups: Mapping[str, Sequence[str]], words: Mapping[str, str]) -> str:
    """ "a (analyses x, y); b (analysis z)", without the names when there is one group only."""
    if len(groups) == 1:
        key = next(iter(groups))
        return words.get(key, key)
    return "; ".join(f"{words.get(key, key)} ({', '.join(names)})" for key, names in groups.items())


def _pairwise(payloads: Sequence[Payload], cited: list[str]) -> list[str]:
    measures = _listed(_group(payloads, "measure"), {k: m.help for k, m in MEASURES.items()})
    taus, intervals = _group(payloads, "tau2"), _group(payloads, "ci")
    cited += [key for key in taus if key in REFERENCES]
    cited += ["HK"] if any(key.startswith("HK") for key in intervals) else []
    cited += ["I2", "QP"]
    sentences = [
        f"Effects were pooled on the model scale (logarithm for ratios): {measures}.",
        "Random-effects models took the between-study variance by "
        f"{_listed(taus, {k: c.help for k, c in TAU2_METHODS.items()})}; intervals: "
        f"{_listed(intervals, {k: c.help for k, c in INTERVALS.items()})}. The model was chosen beforehand, "
        "never by a test of heterogeneity.",
        "Heterogeneity is given as tau2 with its Q-profile interval, I2 computed from tau2, and Cochran's Q.",
    ]
    if any((p["result"] or {}).get("mantel_haenszel") for p in payloads):
        cited.append("MH")
        sentences.append("Common-effect estimates are by inverse variance and by Mantel-Haenszel from the raw counts.")
    if any((p["result"] or {}).get("prediction") for p in payloads):
        cited.append("PI")
        how = _listed(_group(payloads, "prediction"), {k: c.help for k, c in PREDICTION_INTERVALS.items()})
        sentences.append(f"Prediction intervals: {how}; none is given with fewer than three studies.")
    return sentences


def _network(payloads: Sequence[Payload], cited: list[str]) -> list[str]:
    cited += ["NMA", "DBT"]
    taus = _listed(_group(payloads, "tau2"), {k: c.help for k, c in NETWORK_TAU2_METHODS.items()})
    sentences = [
        "Networks were fitted by generalised least squares with the covariance of multi-arm studies kept and one "
        f"between-study variance for all comparisons, by {taus}.",
        "Inconsistency was examined by splitting Q into heterogeneity within designs and inconsistency between them "
        "and by the design-by-treatment interaction.",
    ]
    if any((p["result"] or {}).get("ranking") for p in payloads):
        cited.append("PSCORE")
        sentences.append(
            "P-scores, which equal SUCRA in the joint normal, stand beside the league table, not above it."
        )
    return sentences


def _zero_cells(payloads: Sequence[Payload]) -> str:
    touched = sorted({c["study"] for p in payloads for c in (p["result"] or {}).get("corrections", [])})
    policies = {(p["spec"]["zero_cells"]["to"], p["spec"]["zero_cells"]["add"]) for p in payloads}
    rule = "; ".join(
        "nothing was added" if to == "none" else f"{add:g} was added to cells by the rule {to!r}"
        for to, add in sorted(policies)
    )
    return f"Zero cells: {rule}; " + (f"this touched {', '.join(touched)}." if touched else "no study needed it.")
