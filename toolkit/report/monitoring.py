"""The section on monitoring: only of what [[monitoring]] declares, beside the analyses and never in them."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

from toolkit.analysis.monitor import Watched
from toolkit.analysis.monitor_blocks import monitor_blocks
from toolkit.analysis.monitored import Monitored
from toolkit.engine.fragility import Fragility
from toolkit.engine.monitoring import ADVICE, IteratedLogarithm, SequentialResult
from toolkit.engine.monitoring_network import KINDS, SequentialNetwork
from toolkit.engine.tabulate import plain
from toolkit.report.context import Context
from toolkit.report.html import Markup, bullets, callout, figure, heading, join, paragraph, table
from toolkit.report.xlsx import Sheet

__all__ = ["draw_monitoring", "monitoring", "monitoring_json", "monitoring_sheets"]

_METHODS = {
    "sequential": "trial sequential analysis",
    "network": "sequential network meta-analysis",
    "lil": "law of the iterated logarithm",
    "fragility": "fragility index",
}


def _figure(folder: Path, one: Monitored, kind: str = "svg") -> Path:
    return folder / f"monitoring-{one.analysis}.{kind}"


def draw_monitoring(c: Context, folder: Path, *, kind: str = "svg") -> list[Path]:
    """Draw Z and boundaries of each sequential analysis; figures of what is no longer declared go."""
    wanted = {_figure(folder, one, kind): one for one in c.monitoring if {"sequential", "network"} & one.found.keys()}
    for old in folder.glob(f"monitoring-*.{kind}"):
        if old not in wanted:
            old.unlink()
    for path, one in wanted.items():
        from toolkit.plots.monitoring import draw_sequential, draw_sequential_network
        from toolkit.plots.style import save_figure

        result = one.found.get("sequential") or one.found["network"]
        made = (
            draw_sequential(result, title=one.title)
            if isinstance(result, SequentialResult)
            else draw_sequential_network(result, title=one.title)  # type: ignore[arg-type]
        )
        save_figure(made, path, title=one.title)
    return list(wanted)


def monitoring(c: Context, folder: Path) -> Markup:
    """The section: Cochrane's advice, then each declared analysis; empty where nothing is declared."""
    if not c.monitoring:
        return Markup("")
    return join([callout(ADVICE, "caution"), *(_one(one, folder) for one in c.monitoring)])


def _one(one: Monitored, folder: Path) -> Markup:
    parts = [heading(one.title, one.analysis, anchor=f"monitoring-{one.analysis}"), paragraph(_named(one))]
    if one.late:
        text = f"Named after version {one.late} held a result of this analysis: not before the data were seen."
        parts.append(callout(text, "caution"))
    for name, why in one.problems.items():
        parts.append(callout(f"{_capital(_METHODS.get(name, 'monitoring'))}: not computed ({why})", "caution"))
    for block, _ in monitor_blocks(one.found):
        if block.rows:
            rows = [list(row) for row in block.rows]
            parts.append(table(list(block.header), rows, caption="Study by study.", numeric=block.right))
        parts.append(bullets(list(block.lines)))
    parts.append(figure(_figure(folder, one), f"Z with each study and its boundaries: {one.title}"))
    return join(parts)


def _named(one: Monitored) -> str:
    """What was named, since when, and in which order the studies stand."""
    m = one.declared
    words = "No effect is named."
    if m.control_risk is not None and m.risk_reduction is not None:
        words = f"Effect named: a relative risk reduction of {m.risk_reduction:.3g} from a control risk of "
        words += f"{m.control_risk:.3g}."
    elif m.difference is not None and m.sd is not None:
        words = f"Effect named: a difference of {m.difference:g} at a standard deviation of {m.sd:g}."
    elif m.compare is not None and m.effect is not None:
        words = f"Effect named: {m.effect:g} of {m.compare[0]} against {m.compare[1]}, on the scale that is shown."
    since = "" if one.since is None else f" It stands so in review.toml since {one.since[:10]}."
    return f"{words}{since} The studies are in the order of their year, those of unknown year last."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def monitoring_json(c: Context) -> list[dict[str, Any]]:
    """The section as JSON-able data: the numbers of every look."""
    return [
        {
            "analysis": one.analysis,
            "declared": one.declared.model_dump(exclude_none=True),
            "since": one.since,
            "named_after_version": one.late or None,
            "found": plain(dict(one.found)),
            "problems": dict(one.problems),
        }
        for one in c.monitoring
    ]


def monitoring_sheets(c: Context) -> tuple[Sheet, ...]:
    """Two sheets: one row a method with what was named and concluded, and one row a look."""
    methods, looks = [], []
    for one in c.monitoring:
        for name, found in one.found.items():
            methods.append((one.analysis, _METHODS[name], *_facts(found), one.since))
            looks += [(one.analysis, _METHODS[name], *row) for row in _looks(found)]
    sheets = (
        Sheet(name="monitoring", header=("analysis", "method", *_FACTS, "named since"), rows=tuple(methods)),
        Sheet(name="monitoring looks", header=("analysis", "method", *_LOOK), rows=tuple(looks)),
    )
    return tuple(s for s in sheets if s.rows)


_FACTS = (
    "alpha", "power", "effect", "control", "d2", "required", "required_diversity", "planned", "power_of_looks",
    "last_boundary", "factor", "limit", "index", "significant", "conclusion",
)  # fmt: skip
_LOOK = ("evidence", "study", "n", "information", "fraction", "z", "boundary", "futility", "penalised")


def _facts(found: Watched) -> list[object]:
    known = {f.name: getattr(found, f.name) for f in fields(found)}
    if isinstance(found, SequentialNetwork):
        known["conclusion"] = "; ".join(f"{kind}: {found.conclusion(kind)}" for kind in KINDS)
    elif not isinstance(found, Fragility):
        known["conclusion"] = found.conclusion
    return [known.get(name) for name in _FACTS]


def _looks(found: Watched) -> list[list[object]]:
    if isinstance(found, SequentialNetwork):
        return [[kind, *_look(look)] for kind in KINDS for look in getattr(found, kind)]
    if isinstance(found, (SequentialResult, IteratedLogarithm)):
        return [["", *_look(look)] for look in found.looks]
    return []


def _look(look: Any) -> list[object]:
    return [getattr(look, name, None) for name in _LOOK[1:]]
