"""Included reports that were retracted, corrected or withdrawn: said in the same words wherever it matters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.model.review import FULL_TEXT, Decision, Verdict
from toolkit.records.normalise import is_retracted
from toolkit.store import views

if TYPE_CHECKING:
    from toolkit.project import Project

__all__ = ["Notice", "notices"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What a source said of an included report.

    Attributes
    ----------
    report : its id
    word : "retracted", "corrected", "withdrawn" ...
    text : a sentence with the studies of the report, the word and what to do
    title : of the report, "" if no record has one
    weighs : whether the data may have to leave the review; a correction only asks whether they changed
    """

    report: str
    word: str
    text: str
    title: str
    weighs: bool


def notices(
    project: Project, decisions: Mapping[str, Decision] | Mapping[str, Verdict] | None = None
) -> tuple[Notice, ...]:
    """The notices about included reports, those that weigh first, in order of arrival.

    A notice was found by a search, or the record itself said when it came that its publication was retracted.

    Parameters
    ----------
    decisions : report -> decision at full text, where the caller has them already
    """
    store = project.store
    verdicts = project.verdicts(FULL_TEXT) if decisions is None else decisions
    members = {r: ids for r, ids in views.reports(store).items() if r in verdicts and verdicts[r].status == "include"}
    if not members:
        return ()
    studies: dict[str, list[str]] = {}
    for link in views.links(store):
        studies.setdefault(link.report, []).append(link.study)
    said = {report: event.value or "retracted" for report, event in views.retractions(store).items()}
    records = views.records(store, [i for ids in members.values() for i in ids])
    found = []
    for report, ids in members.items():
        own = [records[i].fields for i in ids if i in records]
        word = said.get(report) or ("retracted" if any(map(is_retracted, own)) else None)
        if word is None:
            continue
        weighs = word != "corrected"
        todo = "its data should be reconsidered" if weighs else "see whether its data changed"
        whose = f"report of {', '.join(studies[report])}" if report in studies else "included report without a study"
        title = next((one.title for one in own if one.title), "")
        text = f"A{'n' if whose.startswith('i') else ''} {whose} is marked {word}: {todo}."
        found.append(Notice(report=report, word=word, text=text, title=title, weighs=weighs))
    return tuple(sorted(found, key=lambda notice: not notice.weighs))
