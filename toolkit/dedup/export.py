"""Tables of what was joined, best records per report, and labelled sets read back."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toolkit.dedup.columns import RecordColumns
from toolkit.dedup.decide import says_of, shown_score
from toolkit.model.errors import InputError
from toolkit.model.records import ParsedRecord
from toolkit.project import Project
from toolkit.store import views

__all__ = ["EXPORT_COLUMNS", "best_records", "export_rows", "read_labelled"]

EXPORT_COLUMNS = (
    "record", "report", "source", "own_id", "title", "authors", "year", "journal", "doi", "pmid", "joined_by",
    "joined_with", "rule", "why", "score",
)  # fmt: skip


def export_rows(project: Project) -> list[dict[str, Any]]:
    """One row per record (`EXPORT_COLUMNS`), reports together, in order of arrival."""
    store = project.store
    now = views.assignments(store)
    heads = {event.subject: event for event in store.heads("assign")}
    stored, runs = views.records(store), views.record_runs(store)
    rows = []
    for report, members in views.reports(store).items():
        for rid in members:
            fields, event = stored[rid].fields, heads.get(rid)
            joined = event is not None and now[rid] != rid
            said: Mapping[str, Any] = event.payload if event is not None and joined else {}
            evidence: Mapping[str, Any] = said.get("evidence", {})
            rows.append(
                {
                    "record": rid,
                    "report": report,
                    "source": runs[rid].source,
                    "own_id": stored[rid].external_id,
                    "title": fields.title,
                    "authors": "; ".join(fields.authors),
                    "year": fields.year,
                    "journal": fields.journal,
                    "doi": fields.doi,
                    "pmid": fields.pmid,
                    "joined_by": said.get("joined_by", event.actor) if event is not None and joined else None,
                    "joined_with": evidence.get("with"),
                    "rule": evidence.get("rule"),
                    "why": says_of(evidence["rule"]) if "rule" in evidence else said.get("note"),
                    "score": shown_score(evidence["score"]) if "score" in evidence else None,
                }
            )
    return rows


def best_records(project: Project) -> list[ParsedRecord]:
    """The best record of each report, in order of arrival."""
    stored = views.records(project.store)
    found = (project.best_of(members, stored) for members in views.reports(project.store).values())
    return [best for best in found if best is not None]


def read_labelled(path: str | Path) -> tuple[RecordColumns, list[str]]:
    """Records and their labels: a CSV with a column cluster_id, or a folder with records.csv and clusters.csv (or .gz).

    Raises
    ------
    InputError
        for a missing file or column, and for records without a label.
    """
    place = Path(path)
    rows = _rows(place / "records.csv") if place.is_dir() else _rows(place)
    if not rows:
        raise InputError("the labelled set is empty", file=place)
    if "id" not in rows[0]:
        raise InputError("the labelled set needs a column id", file=place, allowed=", ".join(rows[0]))
    if place.is_dir():
        labels = {row["id"]: row["cluster_id"] for row in _rows(place / "clusters.csv")}
    elif "cluster_id" in rows[0]:
        labels = {row["id"]: row["cluster_id"] for row in rows}
    else:
        raise InputError("the labelled set needs a column cluster_id", file=place, allowed=", ".join(rows[0]))
    missing = next((row["id"] for row in rows if not labels.get(row["id"])), None)
    if missing is not None:
        raise InputError("this record has no label", file=place, value=missing)
    return RecordColumns.from_rows(rows), [labels[row["id"]] for row in rows]


def _rows(path: Path) -> list[dict[str, str]]:
    packed = path if path.suffix == ".gz" else path.with_name(path.name + ".gz")
    csv.field_size_limit(2**31 - 1)
    if packed.exists():
        with gzip.open(packed, "rt", encoding="utf-8-sig", newline="") as handle:
            return list(csv.DictReader(handle))
    if not path.exists():
        raise InputError("there is no such file", file=path)
    with path.open(encoding="utf-8-sig", newline="") as handle:
        return list(csv.DictReader(handle))
