"""Sentences of the methods text on what the options of pairwise analyses did, each with the analyses it is of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.model.pairwise_options import ADJUSTMENTS

__all__ = ["by_option", "data_sentences", "group", "listed", "model_sentences", "small_study_sentences"]

Payload = Mapping[str, Any]


def group(payloads: Sequence[Payload], name: str) -> dict[str, list[str]]:
    """Value of a spec field -> the analyses that have it."""
    found: dict[str, list[str]] = {}
    for p in payloads:
        spec: Payload = p["result"]["spec"] if p["result"] else p["spec"]
        found.setdefault(spec[name], []).append(p["analysis"])
    return found


def listed(groups: Mapping[str, Sequence[str]], words: Mapping[str, str]) -> str:
    """ "a (analyses x, y); b (analysis z)", without the names when there is one group only."""
    if len(groups) == 1:
        key = next(iter(groups))
        return words.get(key, key)
    return "; ".join(f"{words.get(key, key)} ({', '.join(names)})" for key, names in groups.items())


def by_option(payloads: Sequence[Payload], name: str) -> list[tuple[Any, str]]:
    """(value, " (analyses a, b)") of an option, the names left out where every analysis has the same."""
    found: dict[str, tuple[Any, list[str]]] = {}
    for p in payloads:
        value = p.get("options", {}).get(name)
        if value is not None:
            found.setdefault(repr(value), (value, []))[1].append(p["analysis"])
    return [(value, "" if len(names) == len(payloads) else f" ({', '.join(names)})") for value, names in found.values()]


def _touched(payloads: Sequence[Payload], kind: str) -> str:
    """ ": A, B" of the studies whose numbers this was done to, "" for none."""
    names = [
        row["study"]
        for p in payloads
        for row in [
            *((p["result"] or {}).get("further", {}).get("converted", ())),
            *((p["result"] or {}).get("further", {}).get("adjusted", ())),
        ]
        if row["kind"] == kind and row["used"]
    ]
    return f"; this was done for {', '.join(dict.fromkeys(names))}" if names else "; no study needed it"


_SKEWED = {
    "refuse": "quantiles that a test found skewed were not converted",
    "flag": "quantiles that a test found skewed were converted and flagged",
    "QE": "quantiles that a test found skewed were converted by quantile estimation",
    "BC": "quantiles that a test found skewed were converted by the Box-Cox method",
    "LN": "quantiles that a test found skewed were converted as log-normal ones",
}
_RULES = {
    "pooled": "the pooled standard deviation of the arms that reported one",
    "median": "the median of the standard deviations reported",
    "largest": "the largest standard deviation reported",
}


def data_sentences(payloads: Sequence[Payload], cited: list[str]) -> list[str]:
    """What was done to numbers before they were pooled."""
    found: list[str] = []
    for value, who in by_option(payloads, "convert"):
        cited += ["HANDBOOK", "LUO", "WAN", "SHI", "SKEW", *(["MCGRATH"] if value in ("QE", "BC") else [])]
        cited += ["LOGNORMAL"] if value == "LN" else []
        found.append(
            "Means and standard deviations that were not reported were computed from standard errors, confidence "
            "intervals, or t or p of the difference, and from medians with quartiles or range by the methods of Luo, "
            f"Wan and Shi{who}; {_SKEWED[value]}{_touched(payloads, 'converted')}."
        )
    for value, who in by_option(payloads, "change"):
        cited.append("HANDBOOK")
        found.append(
            f"Changes from baseline were computed from the values before and after, at an assumed correlation of "
            f"{value:g}{who}{_touched(payloads, 'change')}."
        )
    for value, who in by_option(payloads, "impute_sd"):
        cited.append("FURUKAWA")
        found.append(
            f"Standard deviations still missing were imputed by one rule, {_RULES[value]}{who}"
            f"{_touched(payloads, 'imputed')}. The estimate without these studies stands beside each result."
        )
    for _, who in by_option(payloads, "smd_or"):
        cited.append("CHINN")
        found.append(
            "Studies that reported only events, or only means, were brought to the measure of the analysis by the "
            f"logistic distribution{who}{_touched(payloads, 'other kind')}."
        )
    for _, who in by_option(payloads, "redirect"):
        found.append(f"Scales that run the other way were multiplied by -1{who}{_touched(payloads, 'redirected')}.")
    for _, who in by_option(payloads, "score"):
        cited.append("HANDBOOK")
        found.append(f"Change and final scores were told apart and not mixed in a standardised difference{who}.")
    return found + _units(payloads, cited)


def _units(payloads: Sequence[Payload], cited: list[str]) -> list[str]:
    """Unit of analysis."""
    found: list[str] = []
    for value, who in by_option(payloads, "icc"):
        cited.append("HANDBOOK")
        found.append(
            f"Numbers of clusters (randomised groups, or several units of one patient in an arm) were divided by the "
            f"design effect 1 + (m - 1) x {value:g}, the second factor an assumed intraclass correlation{who}"
            f"{_touched(payloads, 'cluster')}."
        )
    for value, who in by_option(payloads, "pair_r"):
        cited += ["BECKER", "ELBOURNE"]
        others = f"; results at {', '.join(f'{r:g}' for r in value[1:])} stand beside it" if len(value) > 1 else ""
        found.append(
            "Where the same people are in both arms, variances allow for the pairs at an assumed correlation of "
            f"{value[0]:g}{others}{who}{_touched(payloads, 'pairs')}."
        )
    for value, who in by_option(payloads, "several_arms"):
        if value == "split":
            cited.append("HANDBOOK")
            found.append(
                "Of studies with several arms of one treatment each arm is a comparison with its share of the other "
                f"side{who}{_touched(payloads, 'split')}."
            )
    flagged = [f["study"] for p in payloads for f in p["selection"]["flags"] if f["code"] == "arms-combined"]
    if flagged:
        cited.append("HANDBOOK")
        names = ", ".join(dict.fromkeys(flagged))
        found.append(f"Several arms of one treatment in a study were combined into one: {names}.")
    for value, who in by_option(payloads, "grim"):
        cited.append("GRIM")
        found.append(
            f"Means of whole numbers with {value} decimals that cannot be were questioned (GRIM){who}, as were "
            "standard deviations that fit the other arms only as standard errors."
        )
    return found


_TESTS = {
    "CR2": "cluster-robust variances (CR2) with Satterthwaite degrees of freedom",
    "CR1": "cluster-robust variances (CR1)",
    "t": "model-based variances and t",
    "z": "model-based variances and a normal quantile",
}


def model_sentences(payloads: Sequence[Payload], cited: list[str]) -> list[str]:
    """Subgroups, covariates, several effects of a study, resampling."""
    found: list[str] = []
    for value, who in by_option(payloads, "subgroup"):
        common = any(p.get("options", {}).get("common_tau2") for p in payloads)
        cited.append("HANDBOOK")
        found.append(
            f"Subgroups by {value} were fitted with {'one' if common else 'their own'} between-study variance and "
            f"compared by a test between them{who}."
        )
    for value, who in by_option(payloads, "regress"):
        cited += ["HK"]
        found.append(
            f"Random-effects meta-regression was on {value}{who}, with tests and intervals by the method of the pooled "
            "effect and Q-profile intervals of the residual variance."
        )
    for value, who in by_option(payloads, "cluster"):
        found.append(_clusters(payloads, value, who, cited))
    for value, who in by_option(payloads, "scale"):
        cited.append("SCALE")
        found.append(f"A location-scale model let the between-study variance depend on {value} (log link, REML){who}.")
    for value, who in by_option(payloads, "permutation"):
        cited += ["PERMUTATION", "PERMUTATION_X"]
        found.append(f"Permutation tests took all arrangements of the studies, or {value:,} drawn ones{who}.")
    for value, who in by_option(payloads, "bootstrap"):
        cited.append("BOOTSTRAP")
        found.append(f"Percentile bootstrap intervals are from {value:,} samples of the studies{who}.")
    shown = {
        "leave_one_out": ("the fit without each study in turn", ()),
        "cumulative": ("cumulative fits", ("CUMULATIVE",)),
        "influence": ("influence diagnostics", ("INFLUENCE",)),
    }
    parts = []
    for name, (words, refs) in shown.items():
        for _, who in by_option(payloads, name):
            cited += refs
            parts.append(f"{words}{who}")
    if parts:
        found.append(f"How much hangs on single studies is shown by {', '.join(parts)}.")
    return found + _shown(payloads, cited)


def _clusters(payloads: Sequence[Payload], column: str, who: str, cited: list[str]) -> str:
    options = next(p["options"] for p in payloads if p.get("options", {}).get("cluster") == column)
    rho, test = options.get("rho", 0.0), options.get("robust", "CR2")
    cited += ["THREE", *(["CHE"] if rho else []), *(["CR2"] if test == "CR2" else [])]
    kind = "three-level random-effects model"
    if options.get("structure") == "cluster":
        kind = "model with random effects of clusters alone"
    errors = f"sampling errors correlated by {rho:g} within a cluster" if rho else "independent sampling errors"
    model = f"Effects that share {column} were modelled together by a {kind} with {errors}"
    return f"{model}; tests are by {_TESTS[test]}{who}."


def _shown(payloads: Sequence[Payload], cited: list[str]) -> list[str]:
    found: list[str] = []
    for value, who in by_option(payloads, "natural_sd"):
        cited.append("HANDBOOK")
        found.append(f"Standardised differences are shown on a familiar scale too, times its SD of {value:g}{who}.")
    for value, who in by_option(payloads, "assumed_risk"):
        cited.append("HANDBOOK")
        found.append(f"Absolute effects are at an assumed risk of {1000 * value:g} per 1,000 with the reference{who}.")
    for _, who in by_option(payloads, "swim"):
        cited.append("SWIM")
        found.append(f"Without pooling, directions of effect were counted and tested and p values combined{who}.")
    return found


_CITES = {"halfnorm": "PRESTON", "negexp": "PRESTON", "logistic": "PRESTON", "power": "PRESTON"}


def small_study_sentences(payloads: Sequence[Payload], cited: list[str]) -> list[str]:
    """Tests of small-study effects and what was tried to allow for them."""
    tests = {
        test["test"]
        for p in payloads
        for test in (
            (p["result"] or {}).get("small_study"),
            (p["result"] or {}).get("further", {}).get("small_study_test"),
        )
        if test
    }
    found: list[str] = []
    if tests:
        cited += [
            "ASYMMETRY",
            *(key for name in sorted(tests) if (key := name.split(" ")[0].split("_")[0]) in _TEST_KEYS),
        ]
        forced = any(p.get("options", {}).get("force_bias") for p in payloads)
        least = "whatever their number (the protocol asked for it)" if forced else "from ten studies on"
        names = ", ".join(name.replace("_", " ") for name in sorted(tests))
        found.append(f"Small-study effects were tested {least} (test of {names}); asymmetry is not publication bias.")
    for value, who in by_option(payloads, "trim_fill"):
        cited.append("TRIM")
        found.append(f"Trim-and-fill (estimator {value}) is a sensitivity analysis{who}.")
    for value, who in by_option(payloads, "adjust"):
        cited += [_CITES.get(name, name) for name in value]
        names = ", ".join(f"{name} ({ADJUSTMENTS[name]})" for name in value)
        found.append(f"What selective publication may have done was examined by: {names}{who}; none is a result.")
    return found


_TEST_KEYS = ("Egger", "Begg", "Harbord", "Peters", "Macaskill", "Deeks", "Thompson", "Pustejovsky")
