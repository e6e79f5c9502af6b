"""The data of one analysis in the layouts that other programs read.

Each layout is a function from the stored arms of a result (``payload``) to a table; `LAYOUTS` is the list that the
command line and the documentation walk.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from toolkit.exchange.expected import Payload, data_type
from toolkit.model.errors import InputError
from toolkit.model.evidence import StudyFacts

__all__ = ["LAYOUTS", "Layout", "TableOut", "layout_tables"]

Arm = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableOut:
    """A table to be written: the end of its file name, its columns and its rows (None is an empty cell)."""

    suffix: str
    header: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    payload: Payload
    title: str
    outcome: str
    studies: Mapping[str, StudyFacts]

    @property
    def kind(self) -> str:
        return data_type(self.payload["spec"]["measure"])

    @property
    def arms(self) -> list[Arm]:
        return list(self.payload["selection"]["arms"])


@dataclass(frozen=True, slots=True)
class Layout:
    """A layout: what makes it, what reads it, and how the columns are called for each kind of data."""

    make: Callable[[_Request], list[TableOut]]
    help: str


def layout_tables(
    name: str, payload: Payload, *, title: str = "", outcome: str = "", studies: Mapping[str, StudyFacts] | None = None
) -> list[TableOut]:
    """The tables of layout ``name`` for one analysis.

    Raises
    ------
    InputError
        for an unknown layout, an analysis without data, or data the other program cannot hold.
    """
    if name not in LAYOUTS:
        raise InputError("unknown layout", value=name, allowed=", ".join(LAYOUTS))
    request = _Request(payload=payload, title=title or payload["analysis"], outcome=outcome, studies=studies or {})
    if not request.arms:
        raise InputError(f"analysis {payload['analysis']!r} has no data to export")
    if not any(arm[name] is not None for arm in request.arms for name in ("events", "mean", "sd")):
        raise InputError(
            f"analysis {payload['analysis']!r} rests on effects or correlations; this layout holds events or means",
            hint="data.csv beside its result holds them; 'evipool export scripts' writes it with scripts that read it.",
        )
    return LAYOUTS[name].make(request)


def _number(value: Any) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _cells(arm: Arm, names: Sequence[str]) -> tuple[object, ...]:
    return tuple(_number(arm[name]) for name in names)


def _long(request: _Request, study: str, treatment: str, columns: Mapping[str, Mapping[str, str]]) -> TableOut:
    """One row an arm; ``columns`` maps the kind of data to {our column: theirs}."""
    named = columns[request.kind]
    rows = tuple((arm["study"], arm["treatment"], *_cells(arm, list(named))) for arm in request.arms)
    return TableOut(suffix="", header=(study, treatment, *named.values()), rows=rows)


def _netmeta(request: _Request) -> list[TableOut]:
    """Arms for ``netmeta::pairwise(treat, event, n, studlab = studlab)``."""
    columns = {
        "binary": {"events": "event", "n": "n"},
        "continuous": {"n": "n", "mean": "mean", "sd": "sd"},
        "rate": {"events": "event", "time": "time"},
    }
    return [_long(request, "studlab", "treat", columns)]


def _gemtc(request: _Request) -> list[TableOut]:
    """``data.ab`` of ``gemtc::mtc.network``; treatment ids are letters, digits and underscores there."""
    columns = {
        "binary": {"events": "responders", "n": "sampleSize"},
        "continuous": {"mean": "mean", "sd": "std.dev", "n": "sampleSize"},
        "rate": {"events": "responders", "time": "exposure"},
    }
    table = _long(request, "study", "treatment", columns)
    ids = _identifiers([str(row[1]) for row in table.rows])
    rows = tuple((row[0], ids[str(row[1])], *row[2:]) for row in table.rows)
    names = tuple((short, name) for name, short in ids.items())
    return [
        TableOut(suffix="", header=table.header, rows=rows),
        TableOut(suffix="-treatments", header=("id", "description"), rows=names),
    ]


def _identifiers(names: Sequence[str]) -> dict[str, str]:
    """Name -> an id of letters, digits and underscores, distinct; T1, T2 ... for names in other scripts."""
    found: dict[str, str] = {}
    for at, name in enumerate(dict.fromkeys(names), start=1):
        short = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_") if name.isascii() else ""
        number, stem = 2, short or f"T{at}"
        short = stem
        while short in found.values():
            short, number = f"{stem}_{number}", number + 1
        found[name] = short
    return found


def _cinema(request: _Request) -> list[TableOut]:
    """CINeMA, one row an arm; its columns rob and indirectness (1 low, 2 some, 3 high) are left for the author."""
    if request.kind == "rate":
        raise InputError("CINeMA takes events out of n, or means; not events over person-time")
    ids = {study: i for i, study in enumerate(dict.fromkeys(arm["study"] for arm in request.arms), start=1)}
    binary = request.kind == "binary"
    ours = ("events", "n") if binary else ("mean", "sd", "n")
    theirs = ("r", "n") if binary else ("y", "sd", "n")
    rows = tuple(
        (arm["study"], ids[arm["study"]], arm["treatment"], *_cells(arm, ours), None, None) for arm in request.arms
    )
    return [TableOut(suffix="", header=("study", "id", "t", *theirs, "rob", "indirectness"), rows=rows)]


def _stata(request: _Request) -> list[TableOut]:
    """Pairwise: one row a study, as ``meta esize`` takes it; network: one row an arm, as ``network setup`` does."""
    if request.payload["kind"] == "network":
        columns = {
            "binary": {"events": "d", "n": "n"},
            "continuous": {"mean": "mean", "sd": "sd", "n": "n"},
            "rate": {"events": "d", "time": "exposure"},
        }
        return [_long(request, "study", "trt", columns)]
    rows = []
    for study, treated, control in _pairs(request):
        if request.kind == "binary":
            cells = [x for a in (treated, control) for x in (_number(a["events"]), _number(a["n"] - a["events"]))]
        else:
            names = ("n", "mean", "sd") if request.kind == "continuous" else ("events", "time")
            cells = [x for a in (treated, control) for x in _cells(a, names)]
        rows.append((study, *cells))
    header = {
        "binary": ("events1", "nonevents1", "events2", "nonevents2"),
        "continuous": ("n1", "mean1", "sd1", "n2", "mean2", "sd2"),
        "rate": ("events1", "time1", "events2", "time2"),
    }[request.kind]
    return [TableOut(suffix="", header=("study", *header), rows=tuple(rows))]


def _pairs(request: _Request) -> list[tuple[str, Arm, Arm]]:
    """(study, treated arm, control arm) of a pairwise analysis."""
    if request.payload["kind"] != "pairwise":
        raise InputError(
            f"analysis {request.payload['analysis']!r} is a network; this layout holds one comparison",
            hint="Export a pairwise analysis, or use netmeta, gemtc, cinema or stata.",
        )
    treatment, reference = _names(request.payload)
    if not reference:
        raise InputError(
            f"analysis {request.payload['analysis']!r} is of one group; this layout holds a comparison of two",
            hint="Export netmeta or gemtc (one row an arm), or take data.csv beside its result.",
        )
    own: dict[str, dict[str, Arm]] = {}
    for arm in request.arms:
        own.setdefault(arm["study"], {})[arm["treatment"]] = arm
    return [(s, a[treatment], a[reference]) for s, a in own.items() if treatment in a and reference in a]


def _names(payload: Payload) -> tuple[str, str]:
    source = payload["result"] or payload["spec"]
    return source["treatment"], source["reference"]


REVMAN_HEADER = (
    "Analysis group", "Analysis number", "Analysis name", "Subgroup", "Study", "Study year", "GIV Mean", "GIV SE",
    "Experimental mean", "Experimental SD", "Experimental cases", "Experimental N", "Control mean", "Control SD",
    "Control cases", "Control N",
)  # fmt: skip


def _revman(request: _Request) -> list[TableOut]:
    """The data rows that RevMan Web offers for download with a published review."""
    if request.kind == "rate":
        raise InputError("RevMan's study data hold events out of n, or means; not events over person-time")
    rows = []
    for study, treated, control in _pairs(request):
        facts = request.studies.get(study)
        sides = [x for a in (treated, control) for x in _cells(a, ("mean", "sd", "events", "n"))]
        year = facts.year if facts is not None else None
        rows.append(("1", "1", request.outcome or request.title, None, study, year, None, None, *sides))
    return [TableOut(suffix="", header=REVMAN_HEADER, rows=tuple(rows))]


LAYOUTS: dict[str, Layout] = {
    "revman": Layout(_revman, "RevMan Web study data (one comparison, one row a study)"),
    "netmeta": Layout(_netmeta, "R package netmeta: one row an arm for netmeta::pairwise"),
    "gemtc": Layout(_gemtc, "R package gemtc: data.ab and the table of treatments"),
    "cinema": Layout(_cinema, "CINeMA: one row an arm; risk of bias and indirectness are left to fill in"),
    "stata": Layout(_stata, "Stata: one row a study for meta esize, one row an arm for network setup"),
}
