"""Views of the evidence: typed rows of the extraction tables, and which studies the review includes."""

from __future__ import annotations

from collections.abc import Sequence

from toolkit.model.evidence import (
    CHARACTERISTICS,
    RESULTS,
    STUDIES,
    ArmResult,
    StudyFacts,
    arm_result,
    row_key,
    study_facts,
)
from toolkit.model.review import FULL_TEXT, Standing
from toolkit.store import views
from toolkit.store.store import Store

__all__ = ["arm_results", "study_columns", "study_rows", "study_standings"]


def study_rows(store: Store, *, as_of: str | None = None) -> dict[str, StudyFacts]:
    """Study id -> its row of the studies table; cells in conflict are None."""
    table = views.evidence(store, STUDIES, as_of=as_of)
    return {
        key: study_facts(key, {name: cell.value for name, cell in cells.items()}) for key, cells in table.rows.items()
    }


def study_columns(store: Store, names: Sequence[str], studies: Sequence[str]) -> dict[str, dict[str, str]]:
    """Column -> {study: text}, of the studies form or of the characteristics; cells in conflict or empty are absent.

    A name that nothing is known of is absent as a whole.
    """
    facts, further = views.evidence(store, STUDIES).rows, views.evidence(store, CHARACTERISTICS).rows
    found: dict[str, dict[str, str]] = {}
    for name in names:
        for study in studies:
            cell = facts.get(study, {}).get(name)
            if cell is None:
                key = row_key(CHARACTERISTICS, {"study": study, "characteristic": name})
                cell = further.get(key, {}).get("value")
            if cell is not None and cell.value is not None:
                found.setdefault(name, {})[study] = cell.value
    return found


def arm_results(store: Store, *, as_of: str | None = None) -> list[ArmResult]:
    """Rows of the results table in the order of extraction; cells in conflict are None and named."""
    table = views.evidence(store, RESULTS, as_of=as_of)
    rows = []
    for key, cells in table.rows.items():
        conflicts = tuple(name for name, cell in cells.items() if cell.conflict)
        rows.append(arm_result(key, {name: cell.value for name, cell in cells.items()}, conflicts))
    return rows


def study_standings(
    store: Store, *, votes_needed: int, reason_order: Sequence[str] = (), as_of: str | None = None
) -> dict[str, Standing]:
    """Study id -> where it stands, by what was decided on its reports at full text or stated of the study itself.

    A study is included when one of its reports is, unless a person stated otherwise ("ongoing",
    "awaiting_classification", "removed").
    """
    decided = views.verdicts(store, FULL_TEXT, votes_needed=votes_needed, reason_order=reason_order, as_of=as_of)
    stated = views.study_statuses(store, as_of=as_of)
    reports: dict[str, list[str]] = {}
    for link in sorted(views.links(store, as_of=as_of), key=lambda link: link.role != "primary"):
        reports.setdefault(link.study, []).append(link.report)
    found = {}
    for study, ids in reports.items():
        verdicts = [decided[r].status if r in decided else "unseen" for r in ids]
        if "include" in verdicts:
            status = "included"
        elif all(v == "exclude" for v in verdicts):
            status = "excluded"
        else:
            status = "pending"
        reason = next((decided[r].reason for r in ids if r in decided and decided[r].reason), None)
        if study in stated and (status == "included" or stated[study].status != "included"):
            status, reason = stated[study].status, stated[study].reason
        found[study] = Standing(
            study=study,
            status=status,
            reason=reason,
            reports=tuple(ids),
            included_reports=tuple(r for r, v in zip(ids, verdicts, strict=True) if v == "include"),
        )
    return found
