"""The methods text says what was done, for every option, model and interval, with references that exist."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from toolkit.engine.effects import arm_table
from toolkit.engine.pairwise import pairwise
from toolkit.engine.tabulate import plain, result_to_dict
from toolkit.model.choices import INTERVALS, MODELS, TAU2_METHODS
from toolkit.model.pairwise_options import ADJUSTMENTS, OPTIONS
from toolkit.report.methods import methods_text
from toolkit.report.references import REFERENCES

STUDIES = (("A", 4, 40, 12, 44), ("B", 8, 50, 13, 51), ("C", 2, 30, 7, 33), ("D", 9, 70, 15, 72))

VALUES: dict[str, Any] = {
    "convert": "refuse", "impute_sd": "pooled", "change": 0.5, "score": "score", "redirect": "reversed",
    "several_arms": "split", "icc": 0.05, "pair_r": [0.5, 0.0], "smd_or": True, "grim": 2, "subgroup": "design",
    "regress": "year", "cluster": "study", "scale": "year", "permutation": 1000, "bootstrap": 1000,
    "bayes": ["half-normal:0.5", "turner2015:a,b"], "leave_one_out": True, "cumulative": True, "influence": True,
    "swim": True, "trim_fill": "L0", "adjust": list(ADJUSTMENTS), "natural_sd": 22.0, "assumed_risk": 0.2,
}  # fmt: skip
# They say how another option works, which drawing is made, or are fields of the spec.
WITH_ANOTHER = {
    "cluster_size", "pairs", "common_tau2", "rho", "structure", "robust", "seed", "mu_prior", "bias", "force_bias",
    "contours", "mantel_haenszel", "q_around", "variance", "study_ci",
}  # fmt: skip


def payload(identity: str = "main", options: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    names = [s for s, *_ in STUDIES for _ in range(2)]
    events = [x for _, a, _, c, _ in STUDIES for x in (a, c)]
    n = [x for _, _, b, _, d in STUDIES for x in (b, d)]
    arms = arm_table(names, ["T", "C"] * len(STUDIES), events=events, n=n, mean=events, sd=[2.0] * len(n))
    result = pairwise(arms, **{"measure": "OR", "treatment": "T", "reference": "C", **spec})
    found = {
        "analysis": identity, "kind": "pairwise", "spec": plain(asdict(result.spec)), "selection": {"flags": []},
        "result": result_to_dict(result),
    }  # fmt: skip
    return found | ({"options": options} if options else {})


def text(*payloads: dict[str, Any]) -> str:
    return " ".join(methods_text(payloads)[0])


def test_every_option_has_its_sentence() -> None:
    told = {name for name, option in OPTIONS.items() if option.group != "show"}
    assert told <= set(VALUES) | WITH_ANOTHER <= set(OPTIONS)
    plain_text = text(payload())
    for name, value in VALUES.items():
        assert len(text(payload(options={name: value}))) > len(plain_text) + 20, name


def test_each_sentence_names_its_analysis_where_others_differ() -> None:
    both = text(payload("one", {"permutation": 1000}), payload("two"))
    assert "1,000 drawn ones (one)." in both
    assert "1,000 drawn ones." in text(payload("one", {"permutation": 1000}), payload("two", {"permutation": 1000}))


@pytest.mark.parametrize("method", list(TAU2_METHODS))
def test_an_estimator_is_cited(method: str) -> None:
    sentences, references = methods_text([payload(tau2=method)])
    assert TAU2_METHODS[method].help in " ".join(sentences) and REFERENCES[method] in references


@pytest.mark.parametrize("interval", [key for key in INTERVALS if key not in ("Wald", "t")])
def test_an_interval_is_cited(interval: str) -> None:
    sentences, references = methods_text([payload(ci=interval)])
    assert INTERVALS[interval].help in " ".join(sentences) and REFERENCES[interval] in references


@pytest.mark.parametrize("model", ["UM.FS", "UM.RS", "CM.EL", "CM.AL", "BB"])
def test_a_model_of_counts_is_told_without_what_belongs_to_inverse_variance(model: str) -> None:
    sentences, references = methods_text([payload(model=model)])
    told = " ".join(sentences)
    assert "Counts were modelled as they are" in told and "Q-profile" not in told and "restricted maximum" not in told
    assert REFERENCES["BB" if model == "BB" else "GLMM"] in references
    assert model in MODELS


def test_a_multilevel_model_names_its_assumptions() -> None:
    options = {"cluster": "study", "rho": 0.6, "robust": "CR1", "structure": "cluster"}
    told = text(payload(options=options))
    assert "correlated by 0.6 within a cluster" in told and "(CR1)" in told and "clusters alone" in told


def test_studies_whose_numbers_were_touched_are_named() -> None:
    one = payload(measure="MD", options={"impute_sd": "largest", "convert": "flag"})
    row = {"study": "B", "treatment": "T", "kind": "imputed", "what": "x", "used": True}
    one["result"]["further"] = {"converted": [row]}
    told = text(one)
    assert "the largest standard deviation reported; this was done for B." in told
    assert "converted and flagged; no study needed it." in told


def test_every_reference_is_cited_by_something_and_none_is_without_a_year() -> None:
    import re
    from pathlib import Path

    code = "".join(path.read_text(encoding="utf-8") for path in Path("toolkit/report").glob("methods*.py"))
    by_value = {*TAU2_METHODS, *INTERVALS, *ADJUSTMENTS, "HK", "MH"}
    for key, words in REFERENCES.items():
        assert f'"{key}"' in code or key in by_value, key
        assert re.search(r"(19|20)\d\d", words), key
