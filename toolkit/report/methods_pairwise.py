"""Sentences of the methods text on pairwise analyses, from what was resolved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.model.choices import (
    INTERVALS,
    MEASURES,
    MODELS,
    PREDICTION_INTERVALS,
    STUDY_CI,
    TAU2_METHODS,
    VARIANCES,
)
from toolkit.model.presets import PRESETS
from toolkit.report.methods_options import (
    by_option,
    data_sentences,
    group,
    listed,
    model_sentences,
    small_study_sentences,
)
from toolkit.report.references import REFERENCES

__all__ = ["pairwise_sentences"]

Payload = Mapping[str, Any]
_MODELS = {
    "UM.FS": "a logistic (Poisson) mixed model of the arms with fixed study effects",
    "UM.RS": "a logistic (Poisson) mixed model of the arms with random study effects",
    "CM.EL": "a mixed model given the totals with its exact likelihood",
    "CM.AL": "a mixed model given the totals with a binomial approximation",
    "BN": "a mixed model of one group with a normal random effect",
    "BB": "beta-binomial regression of the arms",
}
_MEASURE_CITES = {"SMD": "SMD", "SMD_RM": "SMD", "SMD1": "SMD", "SMDH": "SMD", "PETO": "PETO", "HR": "HR"}


def pairwise_sentences(payloads: Sequence[Payload], cited: list[str]) -> list[str]:
    """All of them, in the order of the work: data, pooling, heterogeneity, models, small studies."""
    measures = group(payloads, "measure")
    cited += [_MEASURE_CITES[key] for key in measures if key in _MEASURE_CITES]
    words = {key: measure.help for key, measure in MEASURES.items()}
    scale = "on the model scale (logarithm for ratios)"
    if any(MEASURES[key].groups == 1 for key in measures):
        scale = "on the model scale (logarithm, logit or another transformation as the measure says)"
    sentences = data_sentences(payloads, cited)
    sentences.append(f"Effects were pooled {scale}: {listed(measures, words)}.")
    sentences += _pooling(payloads, cited)
    sentences += _heterogeneity(payloads, cited)
    sentences += _bayes(payloads, cited)
    sentences += model_sentences(payloads, cited)
    sentences += small_study_sentences(payloads, cited)
    presets = {p["spec"]["preset"] for p in payloads if p["spec"].get("preset")}
    sentences += [
        f"Choices not named were made as {PRESETS[name].help} makes them." for name in PRESETS if name in presets
    ]
    return sentences


def _variants(payloads: Sequence[Payload], cited: list[str]) -> list[str]:
    """Weights, sampling variances and intervals of the studies that are not the usual ones."""
    sentences = []
    for key in ("SSW", "EQ"):
        who = [p["analysis"] for p in payloads if p["spec"]["model"] == key]
        if who:
            cited += ["SSW"] if key == "SSW" else []
            sentences.append(f"Weights were not those of inverse variance in {', '.join(who)}: {MODELS[key].help}.")
    for p in payloads:
        spec = p["spec"]
        if spec.get("variance", "default") != "default":
            text = VARIANCES[spec["measure"]][spec["variance"]].help
            sentences.append(f"Sampling variances in {p['analysis']}: {text} ({spec['variance']}).")
        if spec.get("study_ci", "model") != "model":
            sentences.append(f"Intervals of the single studies in {p['analysis']}: {STUDY_CI[spec['study_ci']].help}.")
    return sentences


def _pooling(payloads: Sequence[Payload], cited: list[str]) -> list[str]:
    """Random effects: model, between-study variance, interval."""
    plain = [p for p in payloads if p["spec"]["model"] in ("IV", "SSW", "EQ")]
    counts = [p for p in payloads if p["spec"]["model"] not in ("IV", "SSW", "EQ")]
    sentences = _variants(plain, cited)
    if plain:
        taus, intervals = group(plain, "tau2"), group(plain, "ci")
        cited += [key for key in taus if key in REFERENCES]
        cited += [key for key in intervals if key in REFERENCES]
        cited += ["HK"] if any(key.startswith("HK") for key in intervals) else []
        which = "" if not counts else f" ({', '.join(p['analysis'] for p in plain)})"
        sentences.append(
            f"Random-effects models{which} took the between-study variance by "
            f"{listed(taus, {k: c.help for k, c in TAU2_METHODS.items()})}; intervals: "
            f"{listed(intervals, {k: c.help for k, c in INTERVALS.items()})}."
        )
        if any(key.startswith("HK") for key in intervals):
            sentences.append("The Wald interval stands beside it.")
    if counts:
        models = group(counts, "model")
        cited += ["BB"] if "BB" in models else []
        cited += ["GLMM", "SEVEN"] if set(models) - {"BB"} else []
        which = "" if not plain else f" ({', '.join(p['analysis'] for p in counts)})"
        sentences.append(
            f"Counts were modelled as they are{which}, without a correction of zero cells, by maximum likelihood with "
            f"adaptive quadrature: {listed(models, {**{k: c.help for k, c in MODELS.items()}, **_MODELS})}."
        )
        sentences.append("Heterogeneity in them is the variance of their random effects, tested by likelihood ratio.")
    sentences.append("The model was chosen beforehand, never by a test of heterogeneity.")
    return sentences


def _heterogeneity(payloads: Sequence[Payload], cited: list[str]) -> list[str]:
    methods = {p["spec"].get("tau2_ci", "QP") for p in payloads if p["spec"]["model"] == "IV"}
    cited += ["I2", *(["QP"] if "QP" in methods else []), *(["ML"] if "PL" in methods else [])]
    interval = " or ".join({"QP": "Q-profile", "PL": "profile-likelihood"}[m] for m in sorted(methods, reverse=True))
    sentences = (
        []
        if not methods
        else [
            f"Heterogeneity is given as tau2 with its {interval} interval, I2 computed from tau2 and from Q, and "
            "Cochran's Q."
        ]
    )
    with_mh = [p for p in payloads if (p["result"] or {}).get("mantel_haenszel")]
    if with_mh:
        cited.append("MH")
        cells = {p["spec"].get("mantel_haenszel", "raw") for p in with_mh}
        of = {"raw": "the raw counts", "corrected": "the counts after the zero-cell correction"}
        words = " or ".join(of[c] for c in sorted(cells, reverse=True))
        sentences.append(f"Common-effect estimates are by inverse variance and by Mantel-Haenszel from {words}.")
    if any((p["result"] or {}).get("prediction") for p in payloads):
        cited.append("PI")
        how = listed(group(payloads, "prediction"), {k: c.help for k, c in PREDICTION_INTERVALS.items()})
        sentences.append(f"Prediction intervals: {how}; none is given with fewer than three studies.")
    return sentences


def _bayes(payloads: Sequence[Payload], cited: list[str]) -> list[str]:
    sentences = []
    default = [p for p in payloads if (p["result"] or {}).get("bayes")]
    if default:
        cited += ["BAYES", "PRIOR"]
        prior = default[0]["result"]["bayes"]["prior"]
        sentences.append(
            f"With two studies a Bayesian interval stands beside them, by numerical integration with the prior {prior} "
            f"of tau ({', '.join(p['analysis'] for p in default)})."
        )
    for value, who in by_option(payloads, "bayes"):
        cited += ["BAYES", "PRIOR"]
        cited += [name for name in ("turner2015", "rhodes2015") if any(prior.startswith(name) for prior in value)]
        flat = [p for p in payloads if p.get("options", {}).get("bayes") == value]
        mean = flat[0]["options"].get("mu_prior")
        of_mean = "flat" if mean is None else f"normal (mean {mean[0]:g}, SD {mean[1]:g})"
        sentences.append(
            f"Bayesian random-effects models were computed by numerical integration over tau, with the priors "
            f"{'; '.join(value)} of tau and a prior of the mean that is {of_mean}{who}."
        )
    return sentences
