"""The report's numbers as a workbook: flow, results, league tables, data; numbers are numbers, not text."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from toolkit.analysis.words import shown_model
from toolkit.model.evidence import RESULTS, TABLES
from toolkit.prisma.numbers import flow_rows
from toolkit.records.tables import escape_cell
from toolkit.report.changes import numbers_of
from toolkit.report.context import Context

__all__ = ["Sheet", "report_sheets", "report_xlsx"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A sheet: its name, header and rows; None is an empty cell."""

    name: str
    header: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]


def report_sheets(c: Context) -> tuple[Sheet, ...]:
    """Flow, results of analyses, league tables, studies of each analysis, what changed, risk of bias, evidence."""
    sheets = [_flow(c), _pairwise(c), _network(c), _studies_of(c), _left_out(c)]
    sheets += _leagues(c)
    sheets += [_changes(c), _studies(c), _risk_of_bias(c), _evidence(c)]
    return tuple(s for s in sheets if s.rows)


def _flow(c: Context) -> Sheet:
    rows = tuple(tuple(row) for row in flow_rows(c.flow))
    return Sheet(name="flow", header=("stage", "box", "name", "n"), rows=rows)


def _payloads(c: Context, kind: str) -> Iterable[tuple[Any, dict[str, Any]]]:
    for o in c.analyses:
        if o.payload is not None and o.payload["kind"] == kind and o.payload["result"] is not None:
            yield o.analysis, o.payload


_ESTIMATE = ("estimate", "ci_low", "ci_high", "p")


def _pairwise(c: Context) -> Sheet:
    header = [
        "analysis", "title", "role", "planned", "measure", "treatment", "reference", "studies",
        *(f"random_{x}" for x in _ESTIMATE), *(f"common_{x}" for x in _ESTIMATE), "tau2", "i2_from_tau2", "q", "q_df",
        "q_p", "prediction_low", "prediction_high", "level", "tau2_method", "interval", "fingerprint",
    ]  # fmt: skip
    rows = []
    for a, payload in _payloads(c, "pairwise"):
        r = payload["result"]
        h, t, p = r["heterogeneity"] or {}, r["tau2"] or {}, r["prediction"] or {}
        rows.append(
            (
                a.id, a.title, a.role, "planned" if a.planned else "post hoc", a.measure, r["treatment"],
                r["reference"], r["k"], *_numbers(r["random"]), *_numbers(r["common"]), t.get("value"),
                h.get("i2_tau2"), h.get("q"),
                h.get("df"), h.get("p"), p.get("low"), p.get("high"), r["spec"]["level"], r["spec"]["tau2"],
                r["spec"]["ci"], payload["fingerprint"],
            )
        )  # fmt: skip
    return Sheet(name="pairwise results", header=tuple(header), rows=tuple(rows))


def _numbers(estimate: dict[str, Any] | None) -> list[object]:
    return [None if estimate is None else estimate[x] for x in _ESTIMATE]


def _network(c: Context) -> Sheet:
    rows = []
    for a, payload in _payloads(c, "network"):
        r = payload["result"]
        scores = {}
        if r["ranking"] is not None:
            values = r["ranking"]["p_score_random"] or r["ranking"]["p_score_common"]
            scores = dict(zip(r["ranking"]["treatments"], values, strict=True))
        tau2 = r["heterogeneity"]["tau2"] or {}
        for row in r["effects"]:
            p = row["prediction"] or {}
            rows.append(
                (
                    a.id, a.title, a.measure, row["treatment"], row["reference"], *_numbers(row["random"]),
                    *_numbers(row["common"]), p.get("low"), p.get("high"), scores.get(row["treatment"]), r["k"],
                    tau2.get("value"), r["heterogeneity"]["i2"], payload["fingerprint"],
                )
            )  # fmt: skip
    header = (
        "analysis", "title", "measure", "treatment", "reference", *(f"random_{x}" for x in _ESTIMATE),
        *(f"common_{x}" for x in _ESTIMATE), "prediction_low", "prediction_high", "p_score", "studies", "tau2", "i2",
        "fingerprint",
    )  # fmt: skip
    return Sheet(name="network results", header=header, rows=tuple(rows))


def _leagues(c: Context) -> list[Sheet]:
    """One sheet a network: row against column, estimate with its interval in three blocks."""
    found = []
    for a, payload in _payloads(c, "network"):
        r = payload["result"]
        league = r["league"][shown_model(r)]
        names = league["treatments"]
        rows: list[tuple[object, ...]] = []
        for block, words in (("estimate", "estimate"), ("ci_low", "lower limit"), ("ci_high", "upper limit")):
            rows.append((words, *names))
            for i, name in enumerate(names):
                values = [None if i == k else league[block][i][k] for k in range(len(names))]
                rows.append((name, *values))
            rows.append((None,) * (len(names) + 1))
        header = (f"{a.title or a.id}: {league['direction']}", *("" for _ in names))
        found.append(Sheet(name=f"league {a.id}", header=header, rows=tuple(rows[:-1])))
    return found


def _studies_of(c: Context) -> Sheet:
    header = (
        "analysis", "study", "treatment", "n", "events", "mean", "sd", "time", "months", "unit", "how", "arms",
        "effect", "effect_ci_low", "effect_ci_high", "weight_random",
    )  # fmt: skip
    rows = []
    for o in c.analyses:
        if o.payload is None:
            continue
        result = o.payload["result"] or {}
        of = {s["study"]: s for s in result.get("studies", []) if isinstance(s, dict)}
        seen: set[str] = set()
        for arm in o.payload["selection"]["arms"]:
            effect = of.get(arm["study"], {}) if arm["study"] not in seen else {}
            seen.add(arm["study"])
            rows.append(
                (
                    o.analysis.id, *(arm[x] for x in header[1:10]), arm["status"], " + ".join(arm["arms"]),
                    effect.get("estimate"), effect.get("ci_low"), effect.get("ci_high"), effect.get("weight_random"),
                )
            )  # fmt: skip
    return Sheet(name="data of analyses", header=header, rows=tuple(rows))


def _left_out(c: Context) -> Sheet:
    rows = []
    for o in c.analyses:
        rows += [(o.analysis.id, x.study, x.arm, x.reason) for x in o.left_out]
        excluded = (o.payload["result"] or {}).get("excluded", []) if o.payload is not None else []
        rows += [(o.analysis.id, x["study"], x["treatment"], x["reason"]) for x in excluded]
    return Sheet(name="left out", header=("analysis", "study", "arm", "reason"), rows=tuple(rows))


_NUMBERS = ("k", "estimate", "ci_low", "ci_high", "tau2", "i2", "prediction_low", "prediction_high")


def _changes(c: Context) -> Sheet:
    """Every analysis before and now, with what is said of it."""
    header = ("analysis", "status", *(f"{when}_{x}" for when in ("before", "now") for x in _NUMBERS))
    rows = []
    for x in c.changes:
        numbers = [(numbers_of(payload) or {}).get(name) for payload in (x.before, x.after) for name in _NUMBERS]
        came, left = (", ".join(move.study for move in moves) for moves in (x.came, x.left))
        settings = "; ".join((*x.settings, *x.data))
        rows.append((x.analysis, x.status, *numbers, came, left, settings, x.sentence, x.looks))
    words = ("came in", "left", "settings and numbers", "in words", "looks")
    return Sheet(name="what changed", header=(*header, *words), rows=tuple(rows))


def _studies(c: Context) -> Sheet:
    header = (
        "study", "standing", "first_author", "year", "design", "country", "patients", "units", "unit", "paired",
        "cohort", "follow_up_months", "registration", "source", "note", "reports",
    )  # fmt: skip
    rows = []
    for study, standing in c.standings.items():
        f = c.studies.get(study)
        facts = [getattr(f, x) if f is not None else None for x in header[2:15]]
        rows.append((study, standing.status, *facts, len(standing.reports)))
    return Sheet(name="studies", header=header, rows=tuple(sorted(rows, key=lambda row: str(row[0]))))


def _risk_of_bias(c: Context) -> Sheet:
    """The judgements of the included studies; an empty cell was not judged."""
    included = sorted(study for study, standing in c.standings.items() if standing.status == "included")
    rows = [(study, *(values.get(study) for values in c.risk_of_bias.values())) for study in included]
    return Sheet(name="risk of bias", header=("study", *c.risk_of_bias), rows=tuple(rows) if c.risk_of_bias else ())


def _evidence(c: Context) -> Sheet:
    header = (
        "study", "arm", "treatment", "outcome", "months", "unit", "n", "events", "mean", "sd", "time", "status",
        "source", "note",
    )  # fmt: skip
    known = [dict(r.reported) for r in c.results]
    further = [name for name in TABLES[RESULTS].columns if any(name in own for own in known)]
    words = [name for name in ("score", "reversed", "versus") if any(getattr(r, name) is not None for r in c.results)]
    rows = tuple(
        (*(getattr(r, x) for x in (*header, *words)), *(own.get(x) for x in further))
        for r, own in zip(c.results, known, strict=True)
    )
    return Sheet(name="extracted data", header=(*header, *words, *further), rows=rows)


def report_xlsx(sheets: Sequence[Sheet]) -> bytes:
    """The sheets as the bytes of a workbook; text that a spreadsheet would run as a formula is escaped."""
    from openpyxl import Workbook
    from openpyxl.styles import Alignment, Font, PatternFill
    from openpyxl.utils import get_column_letter

    book = Workbook()
    book.remove(book.worksheets[0])
    taken: set[str] = set()
    for sheet in sheets:
        page = book.create_sheet(_sheet_name(sheet.name, taken))
        page.append([_cell(x) for x in sheet.header])
        for row in sheet.rows:
            page.append([_cell(x) for x in row])
        for cell in page[1]:
            cell.font, cell.fill = Font(bold=True), PatternFill("solid", fgColor="EDEDED")
            cell.alignment = Alignment(vertical="top", wrap_text=True)
        page.freeze_panes = "B2"
        for i in range(1, len(sheet.header) + 1):
            longest = max((len(str(row[i - 1])) for row in sheet.rows if row[i - 1] is not None), default=0)
            page.column_dimensions[get_column_letter(i)].width = min(max(longest, 8) + 2, 48)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or isinstance(value, (int, float)):
        return value
    # Control characters are not allowed in a workbook.
    return escape_cell(re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f]", "", str(value)))


def _sheet_name(name: str, taken: set[str]) -> str:
    """At most 31 characters, none that Excel forbids, distinct without case."""
    stem = re.sub(r"[\[\]:*?/\\']", "-", name)[:31]
    found, number = stem, 2
    while found.casefold() in taken:
        found, number = f"{stem[:27]} ({number})", number + 1
    taken.add(found.casefold())
    return found
