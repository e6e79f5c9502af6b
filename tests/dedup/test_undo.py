"""What a person says of duplicates, taken back command by command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.dedup.conftest import ABSTRACTED, ARTICLE, OTHER, AddRecords
from tests.dedup.test_commands import call
from toolkit.dedup.export import export_rows
from toolkit.dedup.judge import find_record, merge, split
from toolkit.dedup.run import dedup
from toolkit.model.errors import InputError
from toolkit.model.events import NewEvent
from toolkit.prisma.run import flow
from toolkit.project import Project
from toolkit.store import NewRecord, views


def state(project: Project) -> dict[str, Any]:
    store = project.store
    return {
        "reports": {report: set(members) for report, members in views.reports(store).items()},
        "by": dict(views.assigned_by(store)),
        "apart": views.apart_pairs(store),
    }


@pytest.mark.parametrize("commands", [("merge", "split"), ("apart", "merge"), ("apart", "merge", "split", "merge")])
def test_as_many_undos_as_commands_restore_the_first_state(
    folder: Path, project: Project, add: AddRecords, commands: tuple[str, ...]
) -> None:
    a, _, b, _ = add([ARTICLE, ABSTRACTED, OTHER, {**OTHER, "authors": ["Mayerhoefer M."]}])
    dedup(project)
    first = state(project)
    assert len(first["reports"]) == 2
    done = 0
    for command in commands:
        words = (b,) if command == "split" else (a, b)
        done += call("-C", str(folder), "--as", "AB", "dedup", command, *words).exit_code == 0
    for _ in range(done):
        result = call("-C", str(folder), "--as", "AB", "undo", "--last")
        assert (result.exit_code, "replaced by later work" in result.output) == (0, False)
    assert done >= 2
    assert state(project) == first


def counts(folder: Path) -> tuple[int, int, int, int]:
    """Removed by the tool and by a person: as the overlap of sources, and as the flow diagram, say."""
    removed = json.loads(call("-C", str(folder), "dedup", "overlap", "--format", "json").output)["removed"]
    with Project.open(folder) as project:
        found = flow(project)
    return removed["by_tool"], removed["by_person"], found.duplicates_tool.n, found.duplicates_person.n


def test_a_merge_by_hand_counts_once_and_not_at_all_when_it_is_taken_back(
    folder: Path, project: Project, add: AddRecords
) -> None:
    a, _, b, _ = add([ARTICLE, ABSTRACTED, OTHER, {**OTHER, "authors": ["Mayerhoefer M."]}])
    dedup(project)
    assert counts(folder) == (2, 0, 2, 0)
    merge(project, [a, b])
    assert counts(folder) == (2, 1, 2, 1)
    day = project.store.clock()[:10]
    assert views.removed_by(project.store, as_of=day) == views.removed_by(project.store)
    assert call("-C", str(folder), "--as", "AB", "undo", "--last").exit_code == 0
    assert counts(folder) == (2, 0, 2, 0)
    rows = {row["record"]: row for row in export_rows(project)}
    assert all(row["rule"] and row["joined_by"] == "rule:dedup" for row in rows.values() if row["joined_by"])


def test_a_record_joined_by_hand_stays_so_when_a_rule_moves_its_report(project: Project, add: AddRecords) -> None:
    first, second = add([{**ARTICLE, "title": ARTICLE["title"]}, OTHER])
    dedup(project)
    merge(project, [first, second])
    (earlier,) = add([ABSTRACTED], source="Embase")
    assert dedup(project).merged == 1
    assert views.removed_by(project.store) == {second: "person", earlier: "tool"}


def test_the_flow_and_the_overlap_agree_when_the_record_that_named_a_report_left(
    folder: Path, project: Project, add: AddRecords
) -> None:
    (root,) = add([ARTICLE])
    others = add([ABSTRACTED, OTHER], source="Embase")
    dedup(project)
    merge(project, [root, *others])
    project.store.undo(project.store.batches()[0].id, actor="AB", command="undo")
    by_tool, by_person, tool, person = counts(folder)
    assert (by_tool, by_person) == (tool, person) == (0, 1)


def test_merging_what_is_one_report_changes_nothing(folder: Path, project: Project, add: AddRecords) -> None:
    add([{**ARTICLE, "pmid": "15173287", "doi": "10.1000/a"}, {**ABSTRACTED, "pmid": "15173287"}, OTHER])
    dedup(project)
    before = len(project.store.batches())
    result = call("-C", str(folder), "--as", "AB", "dedup", "merge", "pmid:15173287", "doi:10.1000/A")
    assert (result.exit_code, "one report already" in result.output) == (0, True)
    assert len(project.store.batches()) == before


def test_records_are_called_by_doi_and_pmid(project: Project, add: AddRecords) -> None:
    (a,) = add([{**ARTICLE, "doi": "10.1000/Abc"}])
    with project.writing("import") as batch:  # a PMID among the fields, another id of the source
        batch.add_run(
            run_id="r", kind="import", source="Embase", source_kind="database", file_name="b", sha256="b",
            searched_on="2026-01-01", detail={},
        )  # fmt: skip
        fields = {**OTHER, "pmid": "38773066"}
        batch.add_records(
            "r", [NewRecord(id="ffff-1", ordinal=0, external_id="L2001", format="ris", raw=b"x", fields=fields)]
        )
        batch.append([NewEvent(kind="run", subject="r", value="complete")])
    names = ("38773066", "pmid:38773066", "PMID 38773066", "L2001", "ffff")
    assert {find_record(project, name) for name in names} == {"ffff-1"}
    assert find_record(project, "doi:10.1000/ABC") == find_record(project, "https://doi.org/10.1000/abc") == a
    with pytest.raises(InputError, match="no such record"):
        find_record(project, "pmid:1")


def test_a_pmid_that_two_records_share_names_their_report_but_neither_of_them(
    project: Project, add: AddRecords
) -> None:
    a, b, c = add([{**ARTICLE, "pmid": "7"}, {**ABSTRACTED, "pmid": "7"}, OTHER])
    dedup(project)
    with pytest.raises(InputError, match="more than one record"):
        split(project, ["pmid:7"])
    assert merge(project, ["pmid:7", c]).records == 3
    assert set(views.assignments(project.store).values()) == {a}
    assert b != a


def two_reports_of_two(project: Project, add: AddRecords) -> list[str]:
    ids = add([ARTICLE, ABSTRACTED, OTHER, {**OTHER, "authors": ["Mayerhoefer M."]}])
    dedup(project)
    merge(project, [ids[0], ids[2]])
    return ids


def test_the_copy_of_a_record_that_is_split_off_goes_along(folder: Path, project: Project, add: AddRecords) -> None:
    a, a2, b, b2 = two_reports_of_two(project, add)
    result = call("-C", str(folder), "--as", "AB", "dedup", "split", b2)
    assert f"{b} went along with {b2[:8]}" in result.output
    assert views.reports(project.store) == {a: (a, a2), b: (b, b2)}
    assert views.removed_by(project.store) == {a2: "tool", b2: "tool"}
    assert dedup(project, recompare=True).merged == 0


def test_alone_leaves_the_copy_and_says_what_to_type(folder: Path, project: Project, add: AddRecords) -> None:
    a, _, b, b2 = two_reports_of_two(project, add)
    result = call("-C", str(folder), "--as", "AB", "dedup", "split", "--alone", b2)
    assert f"{b} stays, though the rules join it to {b2[:8]}" in result.output
    assert f"evipool dedup merge {b2[:8]} {b[:8]}" in result.output
    assert views.assignments(project.store)[b] == a
    for words in (("split", "--alone", b[:8]), ("merge", b2[:8], b[:8])):
        assert call("-C", str(folder), "--as", "AB", "dedup", *words).exit_code == 0
    assert views.assignments(project.store)[b] == views.assignments(project.store)[b2] != a


def test_where_the_rules_join_all_records_only_the_named_one_goes(project: Project, add: AddRecords) -> None:
    a, b, c = add([ARTICLE, ABSTRACTED, {**ARTICLE, "journal": "J Bone Joint Surg"}])
    dedup(project)
    assert len(views.reports(project.store)) == 1
    done = split(project, [b])
    assert (done.along, done.staying) == ({}, {a: b, c: b})
    assert views.reports(project.store) == {a: (a, c), b: (b,)}
