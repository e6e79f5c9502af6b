"""What Stata has of subgroups, regressions, small-study effects, multilevel models and models of counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from toolkit.exchange.expected import Payload
from toolkit.exchange.script_data import covariate_code

__all__ = ["Check", "check_lines", "count_checks", "further_checks", "stata_string"]

Rows = tuple[tuple[str, str, float], ...]
NotRefitted = list[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Lines of a do-file, then numbers that must be found: (what, Stata expression, ours)."""

    lines: tuple[str, ...]
    numbers: Rows = ()


def check_lines(checks: Sequence[Check]) -> str:
    """The text of these checks; results of one command are read before the next."""
    text = ""
    for check in checks:
        text += "".join(f"{line}\n" for line in check.lines)
        names = [f"found{i}" for i in range(len(check.numbers))]
        for name, (_, expression, _) in zip(names, check.numbers, strict=True):
            text += f"scalar {name} = {expression}\n"
        for name, (what, _, value) in zip(names, check.numbers, strict=True):
            label = "".join(c for c in what if c not in "\"`'$\\\n")
            text += f'compare "{label}" {name} {value!r}\n'
        text += "\n"
    return text


# ---- beside the fit -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Case:
    """What a part needs to know of the analysis."""

    payload: Payload
    tau2: str | None
    level: str
    columns: Sequence[str]

    def column(self, name: str) -> str:
        return f"column{self.columns.index(name) + 1}"


def further_checks(
    payload: Payload, further: Mapping[str, Any], tau2: str | None, level: str, columns: Sequence[str]
) -> tuple[list[Check], NotRefitted]:
    """Checks of everything beside the fit that Stata has, and what it has not."""
    case = _Case(payload, tau2, level, columns)
    checks: list[Check] = []
    missing: NotRefitted = []
    for name, found in further.items():
        if name in _PARTS:
            try:
                checks += _PARTS[name](case, found)
            except _NotInStataError as error:
                missing.append((name.replace("_", " "), str(error)))
        elif name not in _WORDS_ONLY:
            missing.append((name.replace("_", " "), _REASONS.get(name, "the do-file has no check of it")))
    return checks, missing


class _NotInStataError(Exception):
    """Stata does not have it."""


_WORDS_ONLY = ("converted", "adjusted", "questions", "not_done")
_REASONS = {
    "influence": "Stata's meta suite has no such diagnostics",
    "location_scale": "Stata's meta suite has no location-scale model",
    "permutation": "Stata's meta suite has no permutation test",
    "adjustments": "Stata's meta suite has no selection models",
    "bayes": "the do-file does not sample",
    "bootstrap": "it rests on samples that are drawn at random",
}


def _random(case: _Case) -> str:
    if case.payload["result"]["spec"]["model"] != "IV":
        raise _NotInStataError("it is of a model that meta summarize does not have")
    if case.tau2 is None or case.payload["result"]["spec"]["q_around"] == "MH":
        raise _NotInStataError("Stata has no such estimator of tau2")
    return f"random({case.tau2})"


def _wald(found: Payload) -> Rows:
    model = found["model"]
    return (("estimate", "r(theta)", model["estimate"]), ("standard error", "r(se)", model["se"]))


def _named(prefix: str, rows: Sequence[tuple[str, str, float]]) -> Rows:
    return tuple((f"{prefix}: {what}", expression, value) for what, expression, value in rows)


def _subgroups(case: _Case, found: Any) -> list[Check]:
    random = _random(case)
    if found["variance"] == "common":
        raise _NotInStataError("meta summarize estimates tau2 in each subgroup")
    checks = [Check(lines=(f"egen group = group({case.column(found['column'])})",))]
    for i, group in enumerate(found["groups"], start=1):
        own = group["result"]
        # meta summarize takes no zero-cell rule that looks at one group, so a group's effects are those of the whole
        model = random if own["random_wald"] is not None else "common(invvariance)"
        rows = [*_wald(group["compared"])]
        if own["tau2"] is not None:
            rows.append(("tau2", "r(tau2)", own["tau2"]["value"]))
        line = f"meta summarize if group == {i}, {model} {case.level}"
        checks.append(Check(lines=(line,), numbers=_named(f"subgroup {group['label']}", rows)))
    rows = [("Q between", "r(Q_b)", found["q_between"]), ("Q between: p", "r(p_Q_b)", found["p"])]
    line = f"meta summarize, {random} subgroup(group) {case.level}"
    checks.append(Check(lines=(line,), numbers=_named("subgroups", rows)))
    return checks


def stata_string(text: str) -> str:
    """A Stata string expression; what Stata would expand or end a string with is written by its character code."""
    if not any(c in text for c in "\"`$\\\n'"):
        return f'"{text}"'
    return " + ".join(f"uchar({ord(c)})" for c in text)


def _covariates(case: _Case, formula: str) -> tuple[list[str], list[str]]:
    """Names of the variables x1, x2 ... of a formula, and the lines that make them."""

    def code(name: str, level: float | str | None) -> str:
        column = case.column(name)
        number = f'real(subinstr({column}, ",", ".", 1))'
        if level is None:
            return number
        if isinstance(level, float):
            return f"cond(missing({number}), ., {number} == {level!r})"
        return f'cond({column} == "", ., {column} == {stata_string(level)})'

    _, pieces = covariate_code(formula, case.payload, code)
    names = [f"x{i}" for i in range(1, len(pieces) + 1)]
    lines = [f"generate double {name} = {piece}" for name, piece in zip(names, pieces, strict=True)]
    return names, ["capture drop x*", *lines]


def _coefficients(rows: Sequence[Payload], names: Sequence[str], equation: str = "", *, errors: bool = True) -> Rows:
    found = []
    for row, name in zip(rows, ("_cons", *names), strict=True):
        found.append((row["name"], f"_b[{equation}{name}]", row["estimate"]["estimate"]))
        if errors:
            found.append((f"{row['name']}: se", f"_se[{equation}{name}]", row["estimate"]["se"]))
    return tuple(found)


def _regression(case: _Case, found: Any) -> list[Check]:
    random = _random(case)
    if found["ci"] not in ("Wald", "HK", "HK_adhoc"):
        raise _NotInStataError(f"meta regress has no interval {found['ci']}")
    names, lines = _covariates(case, found["formula"])
    se = {"HK": " se(khartung)", "HK_adhoc": " se(khartung, truncated)"}.get(found["ci"], "")
    lines.append(f"meta regress {' '.join(names)}, {random}{se} {case.level}")
    rows = (*_coefficients(found["coefficients"], names), ("residual tau2", "e(tau2)", found["tau2"]))
    return [Check(lines=tuple(lines), numbers=_named("regression", rows))]


def _leave_one_out(case: _Case, found: Any) -> list[Check]:
    random = _random(case)
    checks = []
    used = [row["study"] for row in case.payload["result"]["studies"] if row["model"]["y"] is not None]
    for fit in found:
        model = random if fit["random"] is not None else "common(invvariance)"
        line = f"meta summarize if _n != {used.index(fit['study']) + 1}, {model} {case.level}"
        rows = [("estimate", "r(theta)", (fit["random"] or fit["common"])["model"]["estimate"])]
        if fit["tau2"] is not None:
            rows.append(("tau2", "r(tau2)", fit["tau2"]))
        checks.append(Check(lines=(line,), numbers=_named(f"without {fit['study']}", rows)))
    return checks


def _small_study(case: _Case, found: Any) -> list[Check]:
    test = found["test"]
    if test == "Egger":
        line = "regress yi sei [aweight = 1 / sei^2]"
    elif test == "Macaskill":
        line = "regress yi total [aweight = 1 / sei^2]"
    elif test == "Pustejovsky":
        line = "regress yi size [aweight = 1 / sei^2]"
    elif test == "Peters":
        line = "regress yi inverse [aweight = 1 / (1 / (events1 + events2) + 1 / (total - events1 - events2))]"
    elif test == "Deeks":
        line = "regress yi half [aweight = 4 * n1 * n2 / total]"
    else:
        raise _NotInStataError(f"the do-file has no {test} test")
    variable = {"Egger": "sei", "Macaskill": "total", "Pustejovsky": "size", "Peters": "inverse", "Deeks": "half"}[test]
    lines = (
        "capture drop total size inverse half",
        "generate double total = n1 + n2",
        "generate double size = sqrt(1 / n1 + 1 / n2)",
        "generate double inverse = 1 / total",
        "generate double half = sqrt(total / (4 * n1 * n2))",
        line,
    )
    rows = (("bias", f"_b[{variable}]", found["bias"]), ("standard error", f"_se[{variable}]", found["se"]))
    return [Check(lines=lines, numbers=_named(f"small-study test, {test}", rows))]


def _trim_fill(case: _Case, found: Any) -> list[Check]:
    random = _random(case)
    filled = found["filled"]["random_wald"]
    if filled is None:
        raise _NotInStataError("there is no random-effects fit")
    estimator = {"L0": "linear", "R0": "run", "Q0": "quadratic"}[found["estimator"]]
    line = f"meta trimfill, {random} estimator({estimator}) side({found['side']}) {case.level}"
    rows = [("studies filled in", "r(K_imputed)", float(found["k0"])),
            ("estimate", "el(r(table), 2, 1)", filled["model"]["estimate"])]  # fmt: skip
    return [Check(lines=(line,), numbers=_named("trim-and-fill", rows))]


def _multilevel(case: _Case, found: Any) -> list[Check]:
    if found["rho"] != 0:
        raise _NotInStataError("meta meregress takes no correlated sampling errors")
    method = "reml" if found["method"] == "REML" else "mle"
    levels = "|| cluster: || effect:" if found["structure"] == "nested" else "|| cluster:"
    formula = case.payload.get("options", {}).get("regress")
    names, made = _covariates(case, formula) if formula else ([], [])
    lines = (
        *made,
        f"egen cluster = group({case.column(found['cluster'])})",
        "generate effect = _n",
        f"meta meregress yi {' '.join(names)} {levels}, essevariable(sei) {method}",
    )
    rows = _coefficients(found["coefficients"], names, "yi:", errors=found["test"] in ("z", "t"))
    return [Check(lines=lines, numbers=_named("multilevel", rows))]


_PARTS: dict[str, Callable[[_Case, Any], list[Check]]] = {
    "subgroups": _subgroups,
    "regression": _regression,
    "leave_one_out": _leave_one_out,
    "small_study_test": _small_study,
    "trim_and_fill": _trim_fill,
    "multilevel": _multilevel,
}


# ---- models of counts ---------------------------------------------------------------------------------------------


def count_checks(payload: Payload, not_refitted: NotRefitted) -> list[Check]:
    """Mixed models of the counts by melogit; what has person-time, or no such model in Stata, is said."""
    result = payload["result"]
    model, measure = result["spec"]["model"], result["spec"]["measure"]
    if result["random"] is None:
        return []
    if measure not in ("OR", "PLO") or model in ("CM.EL", "BB"):
        why = "studies.csv holds no person-time" if measure in ("IRR", "IRLN") else f"Stata has no model {model}"
        not_refitted.append((f"the model {model}", why))
        return []
    arms = (
        "reshape long events n, i(sid) j(arm)",
        "generate double treated = arm == 1",
        "generate double half = treated - 0.5",
    )
    points = "intmethod(mvaghermite) intpoints(15)"
    fits = {
        "UM.FS": (*arms, f"melogit events treated i.sid || sid: half, noconstant binomial(n) {points}"),
        "UM.RS": (*arms, "melogit events treated || sid: half, covariance(independent) binomial(n) intmethod(laplace)"),
        "CM.AL": ("generate double total = events1 + events2", "generate double offset = ln(n1 / n2)",
                  f"melogit events1 || sid:, binomial(total) offset(offset) {points}"),
        "BN": (f"melogit events1 || sid:, binomial(n1) {points}",),
    }  # fmt: skip
    outcome, term = ("events", "treated") if model.startswith("UM") else ("events1", "_cons")
    mean = result["random_wald"]["model"]
    rows = ((f"{model}: estimate", f"_b[{outcome}:{term}]", mean["estimate"]),
            (f"{model}: standard error", f"_se[{outcome}:{term}]", mean["se"]))  # fmt: skip
    lines = ("generate sid = _n", *fits[model])
    after = ("use studies, clear", "keep if !missing(yi, sei)", "meta set yi sei, studylabel(study)")
    return [Check(lines=lines, numbers=rows), Check(lines=after)]
