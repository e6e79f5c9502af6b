"""The methods paragraph of a report, written from the resolved specs, with the references it cites."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.model.choices import MEASURES, NETWORK_TAU2_METHODS
from toolkit.report.methods_options import group, listed
from toolkit.report.methods_pairwise import pairwise_sentences
from toolkit.report.references import REFERENCES

__all__ = ["REFERENCES", "methods_text"]

Payload = Mapping[str, Any]


def methods_text(payloads: Sequence[Payload]) -> tuple[list[str], list[str]]:
    """Sentences on how the analyses were done, and the references they need, from the payloads of the results."""
    sentences: list[str] = []
    cited: list[str] = ["PRISMA"]
    pairwise = [p for p in payloads if p["kind"] == "pairwise"]
    networks = [p for p in payloads if p["kind"] == "network"]
    if pairwise:
        sentences += pairwise_sentences(pairwise, cited)
    if networks:
        sentences += _network(networks, cited)
    if any("events" in MEASURES[p["spec"]["measure"]].needs for p in payloads):
        sentences.append(_zero_cells(payloads))
    return sentences, [REFERENCES[key] for key in dict.fromkeys(cited)]


def _network(payloads: Sequence[Payload], cited: list[str]) -> list[str]:
    cited += ["NMA", "DBT"]
    taus = listed(group(payloads, "tau2"), {k: c.help for k, c in NETWORK_TAU2_METHODS.items()})
    sentences = [
        "Networks were fitted by generalised least squares with the covariance of multi-arm studies kept and one "
        f"between-study variance for all comparisons, by {taus}.",
        "Inconsistency was examined by splitting Q into heterogeneity within designs and inconsistency between them "
        "and by the design-by-treatment interaction.",
    ]
    several = [p["analysis"] for p in payloads if p["spec"].get("tau2_inactive") or p["spec"].get("tau2_groups")]
    if several:
        cited.append("TYPES")
        kinds = "types of comparisons or groups of studies have between-study variances of their own"
        sentences.append(f"In {', '.join(several)} {kinds}.")
    further = [(p["analysis"], [one["name"] for one in p.get("also", ())]) for p in payloads]
    named = "; ".join(f"{name}: {', '.join(dict.fromkeys(also))}" for name, also in further if also)
    if named:
        sentences.append(f"Further analyses of networks, as declared: {named}.")
    if any((p["result"] or {}).get("ranking") for p in payloads):
        cited.append("PSCORE")
        sentences.append(
            "P-scores, which equal SUCRA in the joint normal, stand beside the league table, not above it."
        )
    return sentences


_WHERE = {
    "only0": "of studies with a zero cell",
    "all": "of all studies",
    "if0all": "of all studies where any has a zero cell",
}


def _zero_cells(payloads: Sequence[Payload]) -> str:
    touched = sorted({c["study"] for p in payloads for c in (p["result"] or {}).get("corrections", [])})
    policies = {(p["spec"]["zero_cells"]["to"], p["spec"]["zero_cells"]["add"]) for p in payloads}
    rule = "; ".join(
        "nothing was added" if to == "none" else f"{add:g} was added to the cells {_WHERE[to]}"
        for to, add in sorted(policies)
    )
    models = {p["spec"].get("model", "IV") for p in payloads} - {"IV"}
    only = " (for the rows of the studies alone where counts were modelled)" if models else ""
    return f"Zero cells: {rule}{only}; " + (f"this touched {', '.join(touched)}." if touched else "no study needed it.")
