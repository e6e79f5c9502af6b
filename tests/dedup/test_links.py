"""Reports that belong together: what is proposed, what a person says of it, what becomes of it."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.dedup.conftest import ABSTRACTED, ARTICLE, OTHER, AddRecords, Fields
from toolkit.cli import cli
from toolkit.dedup.block import likely_pairs
from toolkit.dedup.columns import RecordColumns
from toolkit.dedup.export import read_labelled
from toolkit.dedup.judge import merge, split
from toolkit.dedup.keys import read_keys
from toolkit.dedup.links import add_link, group_into_studies, links, unrelate
from toolkit.dedup.normalise import encode, read_values
from toolkit.dedup.pipeline import match_pairs
from toolkit.dedup.relations import Relation, find_relations
from toolkit.dedup.run import dedup
from toolkit.model.errors import InputError
from toolkit.model.events import RELATIONS, NewEvent
from toolkit.project import Project
from toolkit.store import views

WORK: dict[str, str] = {
    "title": "Core decompression with bone marrow cells for osteonecrosis of the femoral head in adults",
    "authors": "Gangji, Valérie; Hauzeur, Jean-Philippe; Toungouz, Michel",
    "journal": "Bone", "year": "2011", "volume": "49", "issue": "5", "pages": "1005-1009", "doi": "10.1016/j.bone.1",
}  # fmt: skip
ELSEWHERE = {**WORK, "volume": "", "issue": "", "pages": "", "doi": ""}
TITLE = WORK["title"]


def relations_of(*rows: dict[str, str]) -> list[Relation]:
    columns = RecordColumns.from_rows({**row, "id": str(k)} for k, row in enumerate(rows))
    values = read_values(columns)
    encoded = encode(values, len(columns))
    matches = match_pairs(tuple(columns.ids), encoded, likely_pairs(read_keys(values)))
    return find_relations(matches, encoded)


CASES: dict[str, tuple[dict[str, str], str]] = {
    "a preprint": ({**ELSEWHERE, "journal": "medRxiv", "doi": "10.1101/2020.05.05.20091"}, "preprint_of"),
    "an erratum": ({**WORK, "title": f"Erratum: {TITLE}", "pages": "77", "doi": "10.1016/e"}, "erratum_of"),
    "a retraction": ({**WORK, "title": f"Retraction: {TITLE}", "pages": "7", "volume": "60", "doi": ""}, "erratum_of"),
    "a comment": (
        {**ELSEWHERE, "title": f"Comment on: {TITLE}", "authors": "Smith, Jo", "journal": "Bone"}, "comment_on",
    ),
    "a reply": ({**ELSEWHERE, "title": f"Authors' reply: {TITLE}", "journal": "Bone"}, "reply_to"),
    "a protocol": (
        {**ELSEWHERE, "title": f"{TITLE}: study protocol for a trial", "journal": "Trials", "year": "2008"},
        "protocol_of",
    ),
    "an abstract": (
        {**WORK, "journal": "Cytotherapy", "volume": "12 Suppl 1", "pages": "S45", "year": "2010", "doi": ""},
        "abstract_of",
    ),
    "a follow-up": ({**WORK, "title": f"{TITLE}: long-term follow-up", "year": "2014", "volume": "52", "pages": "9-19",
                     "doi": "10.1016/f"}, "followup_of"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_kind_of_document_is_linked_with_its_article_and_not_joined(name: str) -> None:
    other, kind = CASES[name]
    for rows, dependent in (((WORK, other), 1), ((other, WORK), 0)):
        (found,) = relations_of(*rows)
        assert (found.kind, found.first, found.has_direction) == (kind, dependent, True)


def test_versions_of_a_cochrane_review_point_to_the_earlier_one() -> None:
    review = {**WORK, "journal": "Cochrane Database of Systematic Reviews", "pages": "CD001", "volume": ""}
    old = {**review, "doi": "10.1002/14651858.CD001.pub2", "year": "2009", "issue": "2"}
    new = {**review, "doi": "10.1002/14651858.CD001.pub3", "year": "2013", "issue": "7"}
    (found,) = relations_of(new, old)
    assert (found.first, found.second, found.kind) == (0, 1, "version_of")


def test_parts_of_one_work_have_no_direction() -> None:
    (found,) = relations_of(
        {**WORK, "title": f"{TITLE}: part 1"}, {**WORK, "title": f"{TITLE}: part 2", "pages": "1010-1020", "doi": ""}
    )
    assert (found.kind, found.has_direction) == ("part_with", False)


def test_a_registry_number_in_any_field_joins_the_reports_of_a_trial() -> None:
    registration = {
        "title": "Bone marrow implantation in hip necrosis", "journal": "ClinicalTrials.gov", "year": "2007",
        "registry_numbers": "NCT00821470", "url": "https://clinicaltrials.gov/study/NCT00821470",
    }  # fmt: skip
    reported = {**WORK, "abstract": "Aim: to compare cells with decompression. Trial registration: NCT 00821470."}
    other = {
        "title": "Quality of life after hip surgery", "authors": "Toungouz, Michel", "year": "2013",
        "mentions": "NCT00821470",
    }  # fmt: skip
    found = {(r.first, r.second, r.kind) for r in relations_of(reported, registration, other)}
    assert found == {(1, 0, "registration_of"), (1, 2, "registration_of")}
    assert {(r.first, r.second, r.kind) for r in relations_of(reported, other)} == {(1, 0, "same_trial")}


def test_a_review_of_many_trials_is_no_report_of_one() -> None:
    many = " ".join(f"NCT0000000{k}" for k in range(5))
    review = {"title": "Cells for hip necrosis: a systematic review", "mentions": many}
    assert relations_of(review, {**WORK, "mentions": "NCT00000001"}) == []


def test_unlike_titles_of_the_same_authors_are_not_linked() -> None:
    other = {
        **WORK,
        "title": "Iloprost for bone marrow oedema of the knee: a randomised trial",
        "pages": "3-9",
        "doi": "",
    }
    assert relations_of(WORK, other) == []


ERRATUM: Fields = {**ARTICLE, "title": f"Erratum: {ARTICLE['title']}", "pages": "2401", "year": 2005}
PREPRINT: Fields = {**ARTICLE, "journal": "medRxiv", "volume": None, "issue": None, "pages": None, "year": 2003}


def linked(project: Project) -> list[tuple[str, str, str]]:
    return [(one.first, one.second, one.kind) for one in links(project)]


def test_dedup_proposes_a_link_once(project: Project, add: AddRecords) -> None:
    article, preprint, _ = add([ARTICLE, PREPRINT, OTHER])
    outcome = dedup(project)
    assert (outcome.merged, outcome.linked) == (0, 1)
    assert linked(project) == [(preprint, article, "preprint_of")]
    before = len(project.store.events())
    assert dedup(project, recompare=True).linked == 0
    assert len(project.store.events()) == before
    add([ABSTRACTED], source="Embase")
    assert dedup(project).linked == 0
    assert linked(project) == [(preprint, article, "preprint_of")]


def test_a_new_record_is_linked_by_way_of_the_index(project: Project, add: AddRecords) -> None:
    old = {**OTHER, "registry_numbers": ["NCT00821470"]}
    (first, _) = add([old, ARTICLE])
    dedup(project)
    (late,) = add([{"title": "Quality of life after surgery", "abstract": f"{'x ' * 30}(NCT00821470)"}], source="CNKI")
    assert dedup(project).linked == 1
    assert {linked(project)[0][:2]} <= {(first, late), (late, first)}


def test_what_a_person_takes_out_is_not_proposed_again(project: Project, add: AddRecords) -> None:
    article, preprint = add([ARTICLE, PREPRINT])
    dedup(project)
    unrelate(project, article, preprint)
    assert links(project) == []
    add([ABSTRACTED, PREPRINT], source="Embase")
    assert dedup(project).linked == 0
    assert links(project) == []
    add_link(project, preprint, article, "preprint_of")
    assert linked(project) == [(preprint, article, "preprint_of")]
    assert links(project)[0].actor == "AB"


def test_a_link_ends_when_its_reports_become_one_and_comes_back_when_they_part(
    project: Project, add: AddRecords
) -> None:
    article, preprint = add([ARTICLE, PREPRINT])
    dedup(project)
    merge(project, [article, preprint])
    assert links(project) == []
    with pytest.raises(InputError, match="one report"):
        unrelate(project, article, preprint)
    split(project, [preprint])
    assert linked(project) == [(preprint, article, "preprint_of")]


def test_a_persons_kind_replaces_the_proposed_one(project: Project, add: AddRecords) -> None:
    article, preprint, abstracted = add([ARTICLE, PREPRINT, ABSTRACTED])
    dedup(project)
    add_link(project, abstracted, preprint, "companion_of", note="seen")
    assert linked(project) == [(article, preprint, "companion_of")]
    with pytest.raises(InputError, match="no such kind"):
        add_link(project, article, preprint, "sibling_of")
    with pytest.raises(InputError, match="no such kind"):
        links(project, kind="sibling_of")


def test_included_reports_join_the_study_their_links_lead_to(project: Project, add: AddRecords) -> None:
    article, preprint, erratum, other = add([ARTICLE, PREPRINT, ERRATUM, OTHER])
    dedup(project)
    assert {(erratum, article, "erratum_of"), (preprint, article, "preprint_of")} <= set(linked(project))
    votes = [
        NewEvent(kind="screen", stage="full-text", subject=rid, value="include", actor=person)
        for rid in (article, preprint, other)
        for person in ("AB", "李华")
    ]
    with project.writing("screen") as batch:
        batch.append([*votes, NewEvent(kind="link", subject=article, field="Gangji 2004", value="primary")])
    assert group_into_studies(project) == [(preprint, "Gangji 2004")]
    assert group_into_studies(project) == []
    placed = {(link.report, link.study, link.role) for link in views.links(project.store)}
    assert placed == {(article, "Gangji 2004", "primary"), (preprint, "Gangji 2004", "secondary")}
    assert erratum not in {report for report, _, _ in placed}


def test_links_that_lead_to_two_studies_place_nothing(project: Project, add: AddRecords) -> None:
    article, _, erratum = add([ARTICLE, PREPRINT, ERRATUM])
    dedup(project)
    with project.writing("screen") as batch:
        batch.append(
            [
                NewEvent(kind="link", subject=rid, field=study, value="primary")
                for rid, study in ((article, "Gangji 2004"), (erratum, "Gangji 2011"))
            ]
        )
    assert group_into_studies(project) == []


def call(root: Path, *words: str) -> str:
    result = CliRunner().invoke(cli, ["-C", str(root), "--as", "AB", *words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_the_commands_list_add_and_take_out(folder: Path, project: Project, add: AddRecords) -> None:
    article, preprint = add([ARTICLE, PREPRINT])
    assert "No reports are linked" in call(folder, "dedup", "links")
    assert "1 pair of reports linked, not joined" in call(folder, "dedup")
    assert "is the preprint of" in call(folder, "dedup", "links")
    (row,) = json.loads(call(folder, "dedup", "links", "--kind", "preprint_of", "--format", "json"))
    assert (row["first"], row["second"], row["said_by"]) == (preprint, article, "rule:dedup")
    assert "not linked" in call(folder, "dedup", "unlink", article[:8], preprint)
    assert "is a conference abstract of" in call(folder, "dedup", "link", preprint, article, "abstract_of")
    assert call(folder, "dedup", "links", "--format", "csv").count("\n") == 2
    assert "0 reports put under a study" in call(folder, "dedup", "links", "--to-studies")
    refused = CliRunner().invoke(cli, ["-C", str(folder), "dedup", "link", article, preprint, "sibling_of"])
    assert refused.exit_code == 2


def test_every_kind_that_can_be_proposed_can_be_read() -> None:
    from toolkit.dedup.relations import KINDS

    assert {*KINDS, "registration_of", "same_trial"} == set(RELATIONS)


def test_generated_relations_are_found_and_few_others(shared: Path, tmp_path: Path) -> None:
    """10,000 records of make_large.py (seed 1); sisters ("in men / in women") are two studies and not looked for."""
    script = shared / "bench" / "dedup" / "make_large.py"
    subprocess.run([sys.executable, str(script), "10000", str(tmp_path)], check=True, capture_output=True)
    columns, labels = read_labelled(tmp_path)
    values = read_values(columns)
    encoded = encode(values, len(columns))
    matches = match_pairs(tuple(columns.ids), encoded, likely_pairs(read_keys(values)))
    found = {frozenset((labels[r.first], labels[r.second])): r.kind for r in find_relations(matches, encoded)}
    label = dict(zip(columns.ids, labels, strict=True))
    with (tmp_path / "relations.csv").open(encoding="utf-8", newline="") as handle:
        true = {frozenset((label[r["id_a"]], label[r["id_b"]])): r["relation"] for r in csv.DictReader(handle)}
    sought = {key: kind for key, kind in true.items() if kind != "sibling_of"}
    assert sum(key in found for key in sought) >= 0.9 * len(sought)
    assert sum(key not in true for key in found) <= 0.06 * len(found)
    surely = ("preprint_of", "protocol_of", "erratum_of", "reply_to", "comment_on")
    wrong = {(kind, found[key]) for key, kind in sought.items() if kind in surely and found.get(key, kind) != kind}
    assert wrong <= {("comment_on", "version_of")}
