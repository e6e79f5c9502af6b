"""studies.csv, which lies beside a script: one row a study with its effect and what was asked of it; designs in R."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from itertools import combinations

from toolkit.analysis.pairwise.selected import contrasts_of
from toolkit.analysis.select import SelectedArm
from toolkit.analysis.stored import stored_arms, stored_network_spec, stored_pairwise_spec
from toolkit.engine.data import Effects
from toolkit.engine.effects import effects_from_contrasts
from toolkit.engine.metareg import aligned, as_numbers, covariates_of, design_matrix
from toolkit.engine.network import largest_subnetwork, network_effects
from toolkit.engine.pairwise import pairwise
from toolkit.exchange.expected import Payload, require_estimate
from toolkit.model.errors import InputError, NotEstimable

__all__ = ["contrasts_table", "covariate_code", "r_design", "r_string", "rests_on_its_data", "studies_table"]

# Measures whose effects the scripts compute from arms, by metafor's escalc or by their formula.
IN_R = frozenset({
    "OR", "RR", "RD", "PETO", "AS", "IRR", "IRD", "IRSD", "MD", "SMD", "SMD1", "SMDH", "SMD_RM", "ROM", "ROM_BC", "VR",
    "CVR", "PR", "PLN", "PLO", "PAS", "PFT", "IR", "IRLN", "IRS", "MN", "MNLN",
})  # fmt: skip
_NUMBERS = ("events1", "n1", "events2", "n2", "mean1", "sd1", "mean2", "sd2")


def studies_table(payload: Payload) -> tuple[list[str], list[list[object]]]:
    """Header and rows: study, effect and standard error (model scale), numbers of both groups, columns asked for.

    The name of a column that was asked for follows the word "column", so that it cannot be taken for one of ours.
    """
    result = require_estimate(payload)
    columns = study_columns(payload)
    header = ["study", "yi", "sei", *_NUMBERS, *(f"column {name}" for name in columns)]
    rows: list[list[object]] = []
    for row in result["studies"]:
        numbers = [row[name[:-1]][int(name[-1]) - 1] for name in _NUMBERS]
        usable = row["excluded"] is None
        effect = [row["model"][name] if usable else None for name in ("y", "se")]
        rows.append([row["study"], *effect, *numbers, *(values.get(row["study"]) for values in columns.values())])
    return header, rows


def contrasts_table(payload: Payload) -> tuple[list[str], list[list[object]]]:
    """Header and rows of contrasts.csv: every pair of arms of every study of a network, model scale, base arm first."""
    effects = network_contrasts(payload)
    rows: list[list[object]] = []
    for s, study in enumerate(effects.studies):
        own = slice(int(effects.start[s]), int(effects.start[s + 1]))
        y, V = effects.y[own], effects.V[s]
        names = [effects.treatments[t] for t in effects.t1[own]]
        base = effects.treatments[effects.t2[own][0]]
        rows += [[study, name, base, float(y[i]), float(V[i, i]) ** 0.5] for i, name in enumerate(names)]
        for i, j in combinations(range(len(names)), 2):
            se = float(V[i, i] + V[j, j] - 2 * V[i, j]) ** 0.5
            rows.append([study, names[j], names[i], float(y[j] - y[i]), se])
    return ["study", "t1", "t2", "yi", "sei"], rows


def network_contrasts(payload: Payload) -> Effects:
    """The effects of a network as its analysis had them, from the arms or contrasts that entered."""
    spec = stored_network_spec(payload["result"]["spec"])
    arms = payload["selection"]["arms"]
    if any(arm.get("versus") for arm in arms):
        names = {f.name for f in fields(SelectedArm)}
        rows = [SelectedArm(**{name: value for name, value in arm.items() if name in names}) for arm in arms]
        given = contrasts_of(rows, spec.measure)
        assert given.t1 is not None and given.t2 is not None
        found = effects_from_contrasts(given.study, given.t1, given.t2, given.y, given.se, spec.measure)
        effects = network_effects(found, spec)
    else:
        effects = network_effects(stored_arms(payload), spec)
    return network_effects(largest_subnetwork(effects), spec) if payload.get("largest") else effects


def study_columns(payload: Payload) -> dict[str, dict[str, str]]:
    """The columns asked for, by the names that the studies have in the result (parts of a split study too)."""
    named: Mapping[str, Mapping[str, str]] = payload["selection"].get("columns", {})
    origin = {f"{arm['study']} ({' + '.join(arm['arms'])})": arm["study"] for arm in payload["selection"]["arms"]}
    found: dict[str, dict[str, str]] = {}
    for name, values in named.items():
        own = {}
        for row in payload["result"]["studies"]:
            study = row["study"] if row["study"] in values else origin.get(row["study"], row["study"])
            if study in values:
                own[row["study"]] = values[study]
        found[name] = own
    return found


def rests_on_its_data(payload: Payload) -> bool:
    """Whether the script gets the effects from the arms in data.csv: none was reported, converted or adjusted."""
    spec = payload["result"]["spec"]
    if spec["measure"] not in IN_R or spec.get("variance", "default") != "default":
        return False
    rows = {row["study"]: row["model"] for row in payload["result"]["studies"]}
    stored = {study: (model["y"], model["se"]) for study, model in rows.items() if model["y"] is not None}
    found = {}
    with suppress(InputError, NotEstimable):
        plain = pairwise(stored_arms(payload), stored_pairwise_spec(spec | {"model": "IV"}))
        found = {row.study: (row.y, row.se) for row in plain.studies if row.y is not None}
    return stored.keys() == found.keys() and all(_same(pair, found[study]) for study, pair in stored.items())


def _same(one: Sequence[float | None], other: Sequence[float | None]) -> bool:
    return all(
        a is not None and b is not None and math.isclose(a, b, abs_tol=1e-9) for a, b in zip(one, other, strict=True)
    )


def r_string(text: str) -> str:
    """An R string literal in ASCII; other characters as \\u escapes, so that the script runs in any locale."""
    found = []
    for character in text:
        code = ord(character)
        if character in '\\"':
            found.append("\\" + character)
        elif 32 <= code < 127:
            found.append(character)
        else:
            # R does not allow \u escapes next to \x escapes, but plain ASCII beside them is fine.
            found.append(f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")
    return '"' + "".join(found) + '"'


def r_design(name: str, formula: str | None, payload: Payload) -> str:
    """R code of a function of rows that gives the covariates of a formula as a matrix, NULL without any."""
    if formula is None:
        return f"design_{name} <- function(d) NULL\n"
    labels, pieces = covariate_code(formula, payload, _r_column)
    code = ",\n".join(f"    {piece}" for piece in pieces)
    return (
        f"# {' '.join(formula.split())}\n"
        f"design_{name} <- function(d) {{\n  X <- cbind(\n{code}\n  )\n"
        f"  colnames(X) <- c({', '.join(r_string(label) for label in labels)})\n  X\n}}\n"
    )


def covariate_code(
    formula: str, payload: Payload, code: Callable[[str, float | str | None], str]
) -> tuple[list[str], list[str]]:
    """Names of the coefficients but the intercept, as `design_matrix` gives them, and code of each column.

    ``code`` makes that of a column and a level of it; None asks for its numbers, a number for a level of numbers.
    """
    columns = study_columns(payload)
    used = [row["study"] for row in payload["result"]["studies"] if row["model"]["y"] is not None]
    values = {c: as_numbers(columns.get(c, {})) for c in covariates_of(formula)}
    table = {name: aligned(own, used) for name, own in values.items()}
    labels, pieces = [], []
    terms: list[str] = []
    for part in (piece.strip() for piece in formula.split("+")):
        factors = [name.strip() for name in part.split("*")]
        terms += factors if len(factors) == 1 else [*factors, ":".join(factors)]
    for term in dict.fromkeys(terms):
        own_labels, own_code = [""], [""]
        for piece in (p.strip() for p in term.split(":")):
            names = design_matrix(piece, table)[0][1:]
            more = [code(*_level(piece, label, table)) for label in names]
            own_labels = [f"{a}:{b}" if a else b for a in own_labels for b in names]
            own_code = [f"{a} * {b}" if a else b for a in own_code for b in more]
        labels += own_labels
        pieces += own_code
    return labels, pieces


def _level(piece: str, label: str, table: Mapping[str, Sequence[object]]) -> tuple[str, float | str | None]:
    """The column of a piece of a formula, and which level of it a coefficient is of; None for its numbers."""
    (name,) = covariates_of(piece)
    if label == name:
        return name, None
    text = label[len(name) + 1 :]
    return name, float(text) if all(isinstance(value, int | float) for value in table[name]) else text


def _r_column(name: str, level: float | str | None) -> str:
    column = f"column({r_string(name)}, d)"
    if level is None:
        return f"number({column})"
    if isinstance(level, float):
        return f"indicator(number({column}), {level!r})"
    return f"indicator(ifelse({column} == '', NA, {column}), {r_string(level)})"
