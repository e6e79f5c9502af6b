"""What review.toml said when, and how the review differs from what was planned first.

Every command that computes or reports keeps the text of review.toml if it differs from the text kept last: as raw
material under its sha256, with a dated event. The differences from protocol are read off these texts; nobody has to
remember them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from toolkit.model.events import NewEvent
from toolkit.project import SETTINGS, Project

__all__ = [
    "RECORD_COMMAND",
    "Differences",
    "ProtocolDifference",
    "SettingsText",
    "differences",
    "kept_since",
    "record_settings",
    "settings_history",
]

RECORD_COMMAND = "settings kept"

# Tables of review.toml by what names a row of them, and what the report calls them.
_TABLES = {"analyses": "id", "outcomes": "id", "treatments": "id", "sources": "name", "monitoring": "analysis"}
_ONE = {"analyses": "analysis", "outcomes": "outcome", "treatments": "treatment", "sources": "source"}
_ONE |= {"monitoring": "monitoring of"}
_SECTIONS = ("eligibility", "screening")
# Words for readers, not choices: changing them is no difference from a plan.
_WORDING = {"title", "notes", "name", "url", "planned", "post_hoc_reason"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsText:
    """One text of review.toml: when and by whom it was first seen by a command, and its content."""

    at: str
    actor: str
    sha256: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtocolDifference:
    """One difference between what was planned and what is done.

    ``on`` is the day (UTC) it was first seen, ``part`` and ``field`` say where in review.toml; ``before`` and
    ``after`` are None where something was added or dropped. ``planned`` is what review.toml says of an analysis,
    None for other parts; ``reason`` is the reason stated there, "" for none.
    """

    on: str
    part: str
    field: str
    before: str | None
    after: str | None
    planned: bool | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """All of them, and the day of the text they are measured against (None while no text was kept)."""

    since: str | None
    rows: tuple[ProtocolDifference, ...]


def record_settings(project: Project) -> bool:
    """Keep the present text of review.toml if it is not the one kept last; whether it was new."""
    import hashlib

    data = project.path(SETTINGS).read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    heads = project.store.heads("settings")
    if heads and heads[-1].value == digest:
        return False
    with project.writing(RECORD_COMMAND) as batch:
        batch.add_blob(data)
        batch.append([NewEvent(kind="settings", subject=SETTINGS, value=digest)])
    return True


def settings_history(project: Project) -> tuple[SettingsText, ...]:
    """The texts of review.toml in the order they were seen, repeats of the one before left out."""
    found: list[SettingsText] = []
    for event in project.store.events(kind="settings"):
        if event.void or event.value is None or (found and found[-1].sha256 == event.value):
            continue
        text = project.store.blob(event.value).decode("utf-8-sig", errors="replace")
        found.append(SettingsText(at=event.at, actor=event.actor, sha256=event.value, text=text))
    return tuple(found)


def kept_since(project: Project, table: str, name: str) -> str | None:
    """The moment (UTC) since which a row of a table of review.toml says what it says now; None if no text has it."""
    found, now = None, None
    for text in reversed(settings_history(project)):
        row = _tables(text.text).get((table, name))
        now = row if found is None else now
        if row is None or row != now:
            break
        found = text.at
    return found


def differences(project: Project) -> Differences:
    """How the review differs from its plan, oldest first.

    The plan is the last text seen up to ``[protocol] date``, or the first one seen where there is no date or nothing
    was seen by then. Changes that were taken back leave no difference; analyses marked post hoc are listed whatever
    the texts say.
    """
    history = settings_history(project)
    texts = [(x.at[:10], _tables(x.text)) for x in history]
    registered = project.config.protocol.date
    start = 0
    if registered is not None:
        start = max((i for i, (day, _) in enumerate(texts) if day <= registered.isoformat()), default=0)
    texts = texts[start:]
    found: list[ProtocolDifference] = []
    if texts:
        plan, now = texts[0][1], texts[-1][1]
        for part in sorted({*plan, *now}, key=lambda p: (list(_TABLES).index(p[0]) if p[0] in _TABLES else -1, p[1])):
            found += _part_differences(project, part, plan.get(part), now.get(part), texts)
    listed = {d.part for d in found if d.before is None and d.field == ""}
    for a in project.config.analyses:
        own = f"analysis {a.id}"
        if not a.planned and own not in listed:
            day = next((day for day, tables in texts if ("analyses", a.id) in tables), "")
            found.append(
                ProtocolDifference(
                    on=day, part=own, field="", before=None, after="added", planned=False, reason=a.post_hoc_reason
                )
            )
    return Differences(since=texts[0][0] if texts else None, rows=tuple(sorted(found, key=lambda d: d.on)))


_Part = tuple[str, str]


def _tables(text: str) -> dict[_Part, Mapping[str, Any]]:
    """(table, name) -> its keys; a text that is no TOML any more says nothing."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}
    found: dict[_Part, Mapping[str, Any]] = {(name, ""): data.get(name, {}) for name in _SECTIONS}
    for table, key in _TABLES.items():
        for row in data.get(table, []):
            if isinstance(row, Mapping):
                found[table, str(row.get(key, ""))] = row
    return found


def _part_differences(
    project: Project,
    part: _Part,
    plan: Mapping[str, Any] | None,
    now: Mapping[str, Any] | None,
    texts: list[tuple[str, dict[_Part, Mapping[str, Any]]]],
) -> list[ProtocolDifference]:
    table, name = part
    words = f"{_ONE[table]} {name}" if table in _ONE else table
    planned, reason = None, ""
    if table == "analyses":
        own = next((a for a in project.config.analyses if a.id == name), None)
        planned = own.planned if own is not None else None
        reason = own.post_hoc_reason if own is not None else ""

    def since(field: str | None) -> str:
        """The day since which the part (or its field) has been as it is now."""
        day = texts[-1][0]
        for earlier, tables in reversed(texts):
            there = tables.get(part)
            same = there is not None if now is not None and field is None else there == now
            if field is not None:
                same = there is not None and now is not None and there.get(field) == now.get(field)
            if not same:
                break
            day = earlier
        return day

    def difference(field: str, before: str | None, after: str | None) -> ProtocolDifference:
        return ProtocolDifference(
            on=since(field or None), part=words, field=field, before=before, after=after, planned=planned, reason=reason
        )

    if plan is None or now is None:
        return [difference("", "planned", "dropped") if now is None else difference("", None, "added")]
    fields = sorted(({*plan} | {*now}) - _WORDING)
    return [difference(f, _shown(plan.get(f)), _shown(now.get(f))) for f in fields if plan.get(f) != now.get(f)]


def _shown(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, Mapping):
        return "; ".join(f"{k}: {_shown(v)}" for k, v in value.items())
    if isinstance(value, list):
        return ", ".join(str(_shown(v)) for v in value)
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
