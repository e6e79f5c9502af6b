"""Scripts in R and Stata that load the data of an analysis, fit it again and compare with our numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from toolkit import __version__
from toolkit.analysis.run import AnalysisOutcome, plan
from toolkit.analysis.stored import stored_arms, stored_pairwise_spec
from toolkit.engine.pairwise import pairwise
from toolkit.exchange.expected import Payload, data_type, expected_numbers, require_estimate, settings_of
from toolkit.model.choices import TAU2_METHODS
from toolkit.model.errors import InputError, NotEstimable
from toolkit.project import Project
from toolkit.records.tables import write_whole

__all__ = ["Script", "ScriptsOutcome", "analysis_scripts", "r_string", "write_scripts"]

# Packages that know fewer measures or estimators than we do; a script they cannot run is not written.
META_MEASURES = {"OR": "OR", "RR": "RR", "RD": "RD", "AS": "ASD", "MD": "MD", "SMD": "SMD", "ROM": "ROM"}
META_MEASURES |= {"IRR": "IRR", "IRD": "IRD", "IRSD": "IRSD"}
META_TAU2 = ("REML", "DL", "PM", "ML", "EB", "HE", "HS", "SJ")
STATA_MEASURES = {"OR": "lnoratio", "RR": "lnrratio", "RD": "rdiff", "PETO": "lnorpeto"}
STATA_MEASURES |= {"MD": "mdiff, unequal", "SMD": "hedgesg, exact"}
STATA_TAU2 = {
    "REML": "reml", "ML": "mle", "EB": "ebayes", "PM": "pmandel", "DL": "dlaird", "SJ": "sjonkman", "HE": "hedges",
    "HS": "hschmidt",
}  # fmt: skip
STATA_NETWORK = {"OR": "or", "RR": "rr", "RD": "rd", "MD": "md", "SMD": "smd"}
TWO_ARMS_ONLY = ("PETO", "SMDH", "SMD_RM")


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """One script: file name, text, and how far it was tried ("run", "parsed" or "not run" in our own checks)."""

    name: str
    text: str
    tried: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptsOutcome:
    """What was written for one analysis; ``left_out`` says which script could not be made, and why."""

    analysis: str
    files: tuple[Path, ...]
    left_out: tuple[tuple[str, str], ...]


def write_scripts(project: Project, ids: Sequence[str], folder: Path) -> list[ScriptsOutcome]:
    """A folder for each analysis (all, or those named) with its data, its scripts and nothing else.

    Raises
    ------
    InputError
        if a named analysis has no result for the present data.
    """
    outcomes = []
    for outcome in plan(project, ids):
        problem = _problem(outcome)
        if problem is not None and ids:
            raise InputError(problem, hint="Run 'evipool analyse' first.")
        if problem is not None:
            outcomes.append(ScriptsOutcome(analysis=outcome.analysis.id, files=(), left_out=(("all", problem),)))
            continue
        assert outcome.payload is not None and outcome.folder is not None
        scripts, left_out = analysis_scripts(outcome.payload)
        target = folder / outcome.analysis.id
        target.mkdir(parents=True, exist_ok=True)
        data = target / "data.csv"
        write_whole(data, (outcome.folder / "data.csv").read_bytes())
        files = [data]
        for script in scripts:
            write_whole(target / script.name, script.text.encode("utf-8"))
            files.append(target / script.name)
        outcomes.append(ScriptsOutcome(analysis=outcome.analysis.id, files=tuple(files), left_out=left_out))
    return outcomes


def _problem(outcome: AnalysisOutcome) -> str | None:
    name = outcome.analysis.id
    if outcome.problem is not None:
        return f"analysis {name!r} was not run: {outcome.problem}"
    if outcome.payload is None:
        return f"analysis {name!r} is not computed for the present data"
    if outcome.payload["result"] is None:
        return f"analysis {name!r} is not estimable: {outcome.payload['reason']}"
    return None


def analysis_scripts(payload: Payload) -> tuple[tuple[Script, ...], tuple[tuple[str, str], ...]]:
    """The scripts of one result, and (name, reason) of those that its packages cannot do."""
    require_estimate(payload)
    makers: dict[str, Callable[[Payload], Script]]
    if payload["kind"] == "pairwise":
        makers = {"metafor.R": _metafor, "meta.R": _meta, "stata.do": _stata_pairwise}
    else:
        makers = {"metafor.R": _metafor, "netmeta.R": _meta, "stata.do": _stata_network}
    made, left_out = [], []
    for name, make in makers.items():
        try:
            if payload["kind"] == "pairwise":
                _has_a_script(payload["result"]["spec"])
                _rests_on_its_data(payload)
            made.append(make(payload))
        except _NotPossibleError as error:
            left_out.append((name, str(error)))
    return tuple(made), tuple(left_out)


class _NotPossibleError(Exception):
    """A package does not have what the analysis asks for."""


def _has_a_script(spec: Payload) -> None:
    """Choices that none of the templates follows."""
    if spec["model"] != "IV":
        raise _NotPossibleError("the script has no models of the counts")
    if "KR" in (spec["ci"], spec["prediction"]):
        raise _NotPossibleError("the script has no Kenward-Roger interval")
    if spec["q_around"] == "MH" or spec["mantel_haenszel"] == "corrected":
        raise _NotPossibleError("the script has no Mantel-Haenszel estimate of corrected counts and no Q around it")
    if spec["measure"] == "SMD_RM":
        raise _NotPossibleError("the script has no SMD_RM")


def _rests_on_its_data(payload: Payload) -> None:
    """Refuses where the arms in data.csv alone do not give the effects: they were reported, converted or adjusted."""
    if payload["result"]["random"] is None and payload["result"]["common"] is None:
        return
    rows = {row["study"]: row["model"] for row in payload["result"]["studies"]}
    stored = {study: (model["y"], model["se"]) for study, model in rows.items() if model["y"] is not None}
    found = {}
    with suppress(InputError, NotEstimable):
        plain = pairwise(stored_arms(payload), stored_pairwise_spec(payload["result"]["spec"]))
        found = {row.study: (row.y, row.se) for row in plain.studies if row.y is not None}
    if stored.keys() != found.keys() or not all(_same(pair, found[study]) for study, pair in stored.items()):
        raise _NotPossibleError("the effects are not those of the counts or means in data.csv alone")


def _same(one: Sequence[float | None], other: Sequence[float | None]) -> bool:
    return all(
        a is not None and b is not None and math.isclose(a, b, abs_tol=1e-9) for a, b in zip(one, other, strict=True)
    )


def _template(name: str) -> str:
    return (resources.files("toolkit.exchange") / "templates" / name).read_text(encoding="utf-8")


# ---- R ------------------------------------------------------------------------------------------------------------


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
            found.append(f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")
    # R does not allow \u escapes next to \x escapes, but plain ASCII beside them is fine.
    return '"' + "".join(found) + '"'


def _r_value(value: Any) -> str:
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, (int, float)):
        return "NA" if math.isnan(value) else repr(float(value))
    return r_string(str(value))


def _r_header(payload: Payload, title: str, settings: dict[str, Any]) -> str:
    rows = expected_numbers(payload)
    fields = ",\n".join(f"  {name} = {_r_value(value)}" for name, value in settings.items())
    whats = ",\n".join(f"    {r_string(what)}" for what, _ in rows)
    values = ",\n".join(f"    {value!r}" for _, value in rows)
    return (
        f"# {title}\n"
        f"# Analysis {r_string(payload['analysis'])}, result {payload['fingerprint']}; written by evipool "
        f"{__version__}.\n"
        "# Rscript runs it where data.csv lies beside it; it ends with an error if a number differs from evipool's\n"
        "# by more than the tolerance below (absolute below 1, relative above). Numbers are on the model scale.\n"
        f"settings <- list(\n{fields}\n)\n"
        "expected <- data.frame(\n"
        f"  what = c(\n{whats}\n  ),\n"
        f"  evipool = c(\n{values}\n  )\n)\n\n"
    )


def _metafor(payload: Payload) -> Script:
    kind, measure = payload["kind"], payload["result"]["spec"]["measure"]
    if kind == "network" and measure in TWO_ARMS_ONLY:
        raise _NotPossibleError(f"the network script has no {measure}")
    _one_variance(payload)
    title = f"Check of a {kind} analysis with metafor (Viechtbauer 2010, J Stat Softw 36(3))"
    header = _r_header(payload, title, settings_of(payload))
    return Script(
        name="metafor.R", text=header + _template("common.R") + "\n" + _template(f"metafor_{kind}.R"), tried="run"
    )


def _one_variance(payload: Payload) -> None:
    spec = payload["result"]["spec"]
    if spec.get("tau2_inactive") or spec.get("tau2_groups"):
        raise _NotPossibleError("the script has one between-study variance; this network has several (tau2_by)")


def _meta(payload: Payload) -> Script:
    kind, spec = payload["kind"], payload["result"]["spec"]
    package = "meta" if kind == "pairwise" else "netmeta"
    if spec["measure"] not in META_MEASURES:
        raise _NotPossibleError(f"{package} has no {spec['measure']}")
    if spec["tau2"] not in (META_TAU2 if kind == "pairwise" else ("REML", "DL", "ML")):
        raise _NotPossibleError(f"{package} has no estimator {spec['tau2']}")
    _one_variance(payload)
    settings = settings_of(payload) | {"sm": META_MEASURES[spec["measure"]], "tolerance": 1e-4}
    title = f"Check of a {kind} analysis with {package}. Not run by us: this script was only parsed by R."
    text = _r_header(payload, title, settings) + _template("common.R") + "\n" + _template(f"{package}.R")
    return Script(name=f"{package}.R", text=text, tried="parsed")


# ---- Stata --------------------------------------------------------------------------------------------------------


def _stata_quoted(text: str) -> str:
    """Text for the inside of a Stata string; a name that would need compound quotes is refused."""
    if any(c in text for c in '"`$\\\n'):
        raise _NotPossibleError(f"the name {text!r} holds a character that Stata reads as a macro or a quote")
    return text


def _stata_header(payload: Payload) -> str:
    return (
        "* NOT RUN: this do-file was written without Stata at hand. Read it before you trust it.\n"
        f"* Check of analysis {payload['analysis']}, result {payload['fingerprint']}; written by evipool "
        f"{__version__}.\n"
        "* Run it in the folder that holds data.csv; an assert fails where Stata differs by more than 0.0001.\n"
        "version 16\n\n"
    )


def _stata_columns(measure: str) -> str:
    return {"binary": "events n", "continuous": "n mean sd", "rate": "events time"}[data_type(measure)]


def _render(name: str, **values: Any) -> str:
    from jinja2 import Environment, StrictUndefined

    # Plain text for Stata, not HTML: nothing is to be escaped.
    environment = Environment(autoescape=False, undefined=StrictUndefined, keep_trailing_newline=True)
    return environment.from_string(_template(name)).render(**values)


def _asserts(pairs: Sequence[tuple[str, float]]) -> str:
    return "".join(f"assert reldif({found}, {value!r}) < 0.0001\n" for found, value in pairs)


def _stata_pairwise(payload: Payload) -> Script:
    result = payload["result"]
    spec, measure = result["spec"], result["spec"]["measure"]
    if measure not in STATA_MEASURES:
        raise _NotPossibleError(f"meta esize has no {measure}")
    if spec["tau2"] not in STATA_TAU2:
        raise _NotPossibleError(f"Stata has no estimator of tau2 by {TAU2_METHODS[spec['tau2']].help}")
    esize, _, option = STATA_MEASURES[measure].partition(", ")
    if data_type(measure) == "binary":
        zero = spec["zero_cells"]
        rule = (
            "none" if zero["to"] == "none" else f"{zero['add']:g}, {'allif0' if zero['to'] == 'if0all' else zero['to']}"
        )
        numbers = "events1 nonevents1 events2 nonevents2"
        cells = f"generate nonevents1 = n1 - events1\ngenerate nonevents2 = n2 - events2\nmeta esize {numbers}, "
        line = f"{cells}esize({esize}) studylabel(study)" + ("" if esize == "lnorpeto" else f" zerocells({rule})")
    else:
        line = (
            f"meta esize n1 mean1 sd1 n2 mean2 sd2, esize({esize}{', ' + option if option else ''}) studylabel(study)"
        )
    text = _stata_header(payload) + _render(
        "pairwise.do",
        columns=_stata_columns(measure),
        treatment=_stata_quoted(result["treatment"]),
        reference=_stata_quoted(result["reference"]),
        esize=line,
    )
    return Script(name="stata.do", text=text + _stata_fits(result, spec), tried="not run")


def _stata_fits(result: Payload, spec: Payload) -> str:
    level = f"level({100 * spec['level']:g})"
    common = result["common"]["model"]
    text = f"\nmeta summarize, common(invvariance) {level}\n"
    text += _asserts([("r(theta)", common["estimate"]), ("r(se)", common["se"])])
    if result["random"] is None:
        return text
    random = result["random"]["model"]
    se = {"HK": " se(khartung)", "HK_adhoc": " se(khartung, truncated)"}.get(spec["ci"], "")
    text += f"\nmeta summarize, random({STATA_TAU2[spec['tau2']]}){se} {level}\n"
    return text + _asserts(
        [("r(theta)", random["estimate"]), ("r(se)", random["se"]), ("r(tau2)", result["tau2"]["value"])]
    )


def _stata_network(payload: Payload) -> Script:
    result = payload["result"]
    measure = result["spec"]["measure"]
    if measure not in STATA_NETWORK:
        raise _NotPossibleError(f"the network package has no {measure}")
    if result["spec"]["tau2"] != "REML" or result["heterogeneity"]["tau2"] is None:
        raise _NotPossibleError("the network package fits random effects by REML only")
    _one_variance(payload)
    names = [result["reference"], *(r["treatment"] for r in result["effects"] if r["treatment"] != r["reference"])]
    codes = [(f"T{i}", _stata_quoted(name)) for i, name in enumerate(names)]
    estimates = {r["treatment"]: r["random"]["model"] for r in result["effects"] if r["random"] is not None}
    pairs: list[tuple[str, float]] = []
    for code, name in codes[1:]:
        pairs += [
            (f"_b[_y_{code}:_cons]", estimates[name]["estimate"]),
            (f"_se[_y_{code}:_cons]", estimates[name]["se"]),
        ]
    columns = {"binary": "events n", "continuous": "mean sd n"}[data_type(measure)]
    text = _stata_header(payload)
    text += _render("network.do", codes=codes, columns=columns, measure=STATA_NETWORK[measure]) + _asserts(pairs)
    return Script(name="stata.do", text=text, tried="not run")
