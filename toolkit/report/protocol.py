"""The section "Differences from protocol": what the settings said first, what they say now, and why."""

from __future__ import annotations

from toolkit.analysis.settings import Differences, ProtocolDifference
from toolkit.report.html import Markup, join, paragraph, table

__all__ = ["difference_rows", "differences_section"]


def difference_rows(found: Differences) -> list[list[object]]:
    """One row a difference: since when, where, before, now, reason."""
    return [[d.on, f"{d.part}: {d.field}" if d.field else d.part, _before(d), d.after, _reason(d)] for d in found.rows]


def _before(d: ProtocolDifference) -> str:
    if d.before is not None:
        return d.before
    return "not there" if not d.field else "not set"


def _reason(d: ProtocolDifference) -> str:
    if d.planned is False:
        return f"post hoc: {d.reason}" if d.reason else "post hoc"
    return d.reason or "no reason stated"


def differences_section(found: Differences) -> Markup:
    """The section; it says so where nothing differs, and is empty while no settings were kept."""
    if found.since is None:
        return Markup("")
    text = f"Read off the dated texts of review.toml, against that of {found.since}; mere wording is left out."
    if not found.rows:
        return paragraph(f"None. {text}")
    return join([paragraph(text), table(["since", "what", "planned", "now", "why"], difference_rows(found))])
