"""evipool prisma on a project: the flow from events, files, lists, dates, versions, exit codes."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.prisma.test_flow_property import TOML, ticking
from toolkit.cli.common import run
from toolkit.model.errors import InputError
from toolkit.model.events import NewEvent
from toolkit.model.review import FULL_TEXT, TITLE_ABSTRACT
from toolkit.prisma.checklist_items import CHECKLISTS
from toolkit.prisma.checklists import checklist
from toolkit.prisma.run import flow, open_stages, syntheses_of
from toolkit.project import Project
from toolkit.store import NewRecord, content_id


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    (tmp_path / "review.toml").write_text(TOML, encoding="utf-8")
    with Project.open(tmp_path, clock=ticking()) as opened:
        yield opened


def find(project: Project, name: str, n: int, source: str = "PubMed", kind: str = "database") -> list[str]:
    ids = [content_id(name, i) for i in range(n)]
    with project.store.batch("import", "AB") as batch:
        batch.add_run(
            run_id=content_id(name), kind="import", source=source, source_kind=kind, file_name=name, sha256=name,
            searched_on="2026-01-01", detail={},
        )  # fmt: skip
        fields = [{"title": f"骨髓干细胞 {name} {i}", "authors": ["王, 伟"], "year": 2019} for i in range(n)]
        batch.add_records(
            content_id(name),
            [
                NewRecord(id=r, ordinal=i, external_id="", format="ris", raw=b"x", fields=fields[i])
                for i, r in enumerate(ids)
            ],
        )
        batch.append([NewEvent(kind="run", subject=content_id(name), value="complete")])
    return ids


def say(project: Project, *events: NewEvent) -> str:
    with project.store.batch("test", "AB") as batch:
        batch.append(events)
        return batch.at


def vote(project: Project, stage: str, verdict: str, *ids: str, reason: str | None = None) -> None:
    payload = {"reason": reason} if reason else {}
    for actor in ("AB", "CD"):
        say(
            project,
            *(
                NewEvent(kind="screen", stage=stage, subject=i, value=verdict, actor=actor, payload=payload)
                for i in ids
            ),
        )


def include(project: Project, report: str, study: str) -> None:
    vote(project, TITLE_ABSTRACT, "include", report)
    say(project, NewEvent(kind="retrieve", subject=report, value="retrieved"))
    vote(project, FULL_TEXT, "include", report)
    say(project, NewEvent(kind="link", subject=report, field=study, value="primary"))


@pytest.fixture
def screened(project: Project) -> list[str]:
    """Four records of two sources, one a duplicate, one excluded, one excluded at full text, one included."""
    first, second = find(project, "a", 3), find(project, "b", 1, source="ICTRP", kind="register")
    say(project, NewEvent(kind="assign", subject=second[0], value=first[0], actor="rule:dedup"))
    include(project, first[0], "Wang 2019")
    vote(project, TITLE_ABSTRACT, "exclude", first[1])
    vote(project, TITLE_ABSTRACT, "include", first[2])
    say(project, NewEvent(kind="retrieve", subject=first[2], value="retrieved"))
    vote(project, FULL_TEXT, "exclude", first[2], reason="No comparator")
    return [*first, *second]


def mark(project: Project, label: str) -> str:
    stages = list(open_stages(project))
    return say(project, NewEvent(kind="version", subject="review", value=label, payload={"open_stages": stages}))


def test_the_flow_of_a_project_counts_its_events(project: Project, screened: list[str]) -> None:
    counted = flow(project)
    assert (counted.database_records.n, counted.register_records.n) == (3, 1)
    assert counted.duplicates_tool.ids == (screened[3],)
    assert (counted.screened.n, counted.excluded.n, counted.main.assessed.n) == (3, 1, 2)
    assert [(line.label, line.box.n) for line in counted.main.excluded] == [("No comparator", 1)]
    assert counted.new_studies.ids == ("Wang 2019",)
    assert open_stages(project) == ()


def test_one_vote_of_two_awaits_a_decision(project: Project) -> None:
    ids = find(project, "a", 1)
    say(project, NewEvent(kind="screen", stage=TITLE_ABSTRACT, subject=ids[0], value="exclude"))
    assert flow(project).undecided.ids == (ids[0],)
    assert open_stages(project) == ("title-abstract",)


def test_votes_of_rules_alone_are_exclusions_by_automation_tools(project: Project) -> None:
    ids = find(project, "a", 1)
    for actor in ("rule:one", "rule:two"):
        say(project, NewEvent(kind="screen", stage=TITLE_ABSTRACT, subject=ids[0], value="exclude", actor=actor))
    assert (flow(project).excluded_tool.n, flow(project).excluded_human.n) == (1, 0)


def test_a_marked_version_is_shown_until_something_changes_and_is_then_the_previous_one(
    project: Project, screened: list[str]
) -> None:
    mark(project, "1.0")
    closed = flow(project)
    assert (closed.template, closed.label, len(closed.closed)) == ("new", "1.0", 4)
    new = find(project, "c", 2)
    say(project, NewEvent(kind="assign", subject=new[1], value=screened[0], actor="rule:dedup"))
    updated = flow(project)
    assert (updated.template, updated.previous_label) == ("updated", "1.0")
    assert (updated.previous_studies.n, updated.duplicates_known.ids, updated.undecided.ids) == (
        1,
        (new[1],),
        (new[0],),
    )
    include(project, new[0], "Li 2025")
    assert (flow(project).new_studies.ids, flow(project).total_studies.n) == (("Li 2025",), 2)
    assert flow(project, project.store.heads("version")[0].at) == closed
    assert flow(project, template="new").database_records.n == 5
    mark(project, "2.0")
    second = flow(project)
    assert (second.template, second.label, second.previous_label, second.total_studies.n) == (
        "updated",
        "2.0",
        "1.0",
        2,
    )


def test_work_left_open_by_a_version_is_named_as_open_and_does_not_block_its_flow(project: Project) -> None:
    ids = find(project, "a", 1)
    mark(project, "1.0")
    assert run(["-C", str(project.root), "prisma"]) == 0
    find(project, "b", 1)
    assert flow(project).carried.ids == (ids[0],)


def test_updated_needs_a_completed_version(project: Project) -> None:
    with pytest.raises(InputError, match="no completed version"):
        flow(project, template="updated")


def test_every_file_is_written_and_a_rerun_writes_the_same(
    project: Project, screened: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    out = project.root / "图"
    names = ["flow.svg", "flow.png", "flow.pdf", "flow.json", "flow.csv", "flow.html", "flow.docx"]
    args = ["-C", str(project.root), "prisma", *(word for name in names for word in ("--output", str(out / name)))]
    assert run(args) == 0
    assert sorted(path.name for path in out.iterdir()) == sorted(names)
    before = {name: (out / name).read_bytes() for name in names}
    assert run(args) == 0
    assert {name: (out / name).read_bytes() for name in names} == before
    numbers = json.loads((out / "flow.json").read_text(encoding="utf-8"))
    assert numbers["boxes"]["screened"] == {"n": 3, "unit": "report"}
    page = (out / "flow.html").read_text(encoding="utf-8")
    assert "骨髓干细胞 a 0" in page
    assert not re.search(r'(src|href)="https?:', page.split("<svg", 1)[0])
    capsys.readouterr()


def test_a_broken_hard_identity_ends_with_2_names_the_records_and_writes_nothing(
    project: Project, screened: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    ids = find(project, "late", 1)
    say(project, NewEvent(kind="version", subject="review", value="1.0"))
    target = project.root / "flow.svg"
    assert run(["-C", str(project.root), "prisma", "--output", str(target)]) == 2
    shown = capsys.readouterr()
    assert ids[0] in shown.err and "E3" in shown.err
    assert not target.exists()


def test_an_unknown_suffix_writes_nothing_at_all(project: Project, screened: list[str]) -> None:
    good, bad = project.root / "flow.json", project.root / "flow.docm"
    assert run(["-C", str(project.root), "prisma", "--output", str(good), "--output", str(bad)]) == 2
    assert not good.exists()


def test_the_records_behind_a_box_are_listed(
    project: Project, screened: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["-C", str(project.root), "prisma", "--ids", "main.excluded:No comparator", "--format", "csv"]) == 0
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert rows == [["report", "title"], [screened[2], "王 2019. 骨髓干细胞 a 2"]]
    assert run(["-C", str(project.root), "prisma", "--ids", "database:PubMed", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["n"] == 3
    assert run(["-C", str(project.root), "prisma", "--ids", "screend"]) == 2
    assert "Did you mean screened" in capsys.readouterr().err


def test_the_flow_of_a_past_day(project: Project, screened: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-C", str(project.root), "prisma", "--as-of", "2025-12-31", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["boxes"]["screened"]["n"] == 0
    assert run(["-C", str(project.root), "prisma", "--as-of", "2026-01-01", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["boxes"]["screened"]["n"] == 3
    assert "As it stood at the end of 2026-01-01 (UTC)." in told(project, capsys, "--as-of", "2026-01-01")["notes"]
    assert not [note for note in told(project, capsys)["notes"] if "As it stood" in note]
    for wrong, words in (("yesterday", "YYYY-MM-DD"), ("2026-02-30", "YYYY-MM-DD"), ("2099-01-01", "still to come")):
        assert run(["-C", str(project.root), "prisma", "--as-of", wrong]) == 2
        assert words in capsys.readouterr().err


def told(project: Project, capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    """What the command prints as JSON."""
    capsys.readouterr()
    assert run(["-C", str(project.root), "prisma", "--format", "json", *words]) == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def test_exclusions_by_an_automation_tool_that_votes_are_apart(tmp_path: Path) -> None:
    more = '[screening]\ntitle_abstract = 1\n[[reviewers]]\nname = "Ranker"\nrole = "tool"\n'
    (tmp_path / "review.toml").write_text(TOML + more, encoding="utf-8")
    with Project.open(tmp_path, clock=ticking()) as project:
        ids = find(project, "a", 3)
        for report, who in ((ids[0], "Ranker"), (ids[1], "AB")):
            vote = ["screen", "decide", report, "exclude", "--stage", "title-abstract"]
            assert run(["-C", str(tmp_path), "--as", who, *vote]) == 0
        counted = flow(project)
    assert (counted.excluded_tool.ids, counted.excluded_human.ids) == ((ids[0],), (ids[1],))
    assert counted.undecided.ids == (ids[2],)


def test_records_accepted_as_lost_on_import_are_told_below_the_diagram(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export = tmp_path / "export.ris"
    export.write_text("TY  - JOUR\nTI  - One\nER  - \n\nTY  - JOUR\nTI  - Two\nER  - \n", encoding="utf-8")
    words = ["import", str(export), "--source", "PubMed", "--date", "2025-12-30", "--expect", "5", "--accept-loss"]
    assert run(["-C", str(project.root), "--as", "AB", *words]) == 0
    (note,) = [note for note in told(project, capsys)["notes"] if note.startswith("Accepted")]
    assert "PubMed (export.ris), 2025-12-30: 5 records were expected and 2 are in it (accepted by AB)" in note


def test_numbers_of_the_r_package_are_drawn_without_a_project(
    project: Project, screened: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "PRISMA.csv"
    assert run(["-C", str(project.root), "prisma", "--output", str(table)]) == 0
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    drawn = elsewhere / "flow.svg"
    assert run(["-C", str(elsewhere), "prisma", "--numbers", str(table), "--output", str(drawn)]) == 0
    assert "Records screened (n = 3)" in drawn.read_text(encoding="utf-8")
    capsys.readouterr()


def test_the_table_shows_the_numbers_and_the_names_of_the_lists(
    project: Project, screened: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["-C", str(project.root), "prisma"]) == 0
    text = capsys.readouterr().out
    assert re.search(r"Records screened\s+3\s+screened", text)
    assert re.search(r"No comparator\s+1\s+main\.excluded:No comparator", text)


def test_studies_of_a_synthesis_are_read_from_its_result() -> None:
    payload = {"selection": {"arms": [{"study": "A"}, {"study": "A"}, {"study": "B"}]}}
    assert syntheses_of([("THA", payload)]) == (("THA", ("A", "B")),)


def test_the_checklist_says_what_the_project_knows_and_leaves_the_rest_to_the_author(
    project: Project, screened: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    rows = {row.number: row.answer for row in checklist(project, "2020")}
    assert len(rows) == 42
    assert "3 records from databases and 1 from registers, 1 duplicate removed, 3 screened" in (rows["16a"] or "")
    assert rows["17"] == "1 study: Wang 2019."
    assert "No comparator (n = 1)" in (rows["16b"] or "")
    assert rows["23d"] is None and rows["1"] is None
    assert run(["-C", str(project.root), "prisma", "--checklist", "S", "--format", "csv"]) == 0
    lines = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert len(lines) == 17
    assert lines[15] == [
        "15",
        "Total records",
        "Document the total number of records identified from each database and other information sources.",
        "PubMed (n = 3); ICTRP (n = 1).",
    ]
    assert lines[14][3] == "[for the author to write]"
    assert run(["-C", str(project.root), "prisma", "--checklist", "NMA", "--format", "json"]) == 0
    items = json.loads(capsys.readouterr().out)["items"]
    before = {"12": "S1", "15": "S2", "18": "S3", "22": "S5"}  # Hutton 2015: the five new items stand among the 27
    expected = [name for i in range(1, 28) for name in ([before[str(i)]] if str(i) in before else []) + [str(i)]]
    expected.insert(expected.index("S3") + 1, "S4")
    assert [item["number"] for item in items] == expected
    answers = {item["number"]: item["answer"] for item in items}
    assert answers["17"].startswith("3 records from databases and 1 from registers, 1 duplicate removed")
    assert answers["17"].endswith("No comparator (n = 1). Listed by: evipool prisma --ids main.excluded.")
    assert answers["18"] == "1 study: Wang 2019."
    assert [answers[number] for number in ("1", "12", "S2", "S3", "25", "27")] == [None] * 6


def test_every_checklist_works_on_an_empty_project(project: Project) -> None:
    for which in CHECKLISTS:
        assert len(checklist(project, which)) == len(CHECKLISTS[which][1])


def test_each_completed_version_has_its_row_of_counts(
    project: Project, screened: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    mark(project, "1.0")
    new = find(project, "c", 2)
    include(project, new[0], "Li 2025")
    assert run(["-C", str(project.root), "prisma", "--versions", "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["version"], row["records"], row["new studies"], row["total studies"]) for row in rows] == [
        ("1.0", 4, 1, 1),
        ("now", 2, 1, 2),
    ]
    assert run(["-C", str(project.root), "prisma", "--versions", "--as-of", "2026-01-01"]) == 2


def test_counting_a_flow_loads_neither_numpy_nor_matplotlib() -> None:
    heavy = "{'numpy', 'pandas', 'matplotlib'}"
    code = f"import sys, toolkit.prisma.run, toolkit.prisma.numbers; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_an_explanation_is_stored_under_a_name_and_printed(
    project: Project, screened: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    mark(project, "1.0")
    say(project, NewEvent(kind="study", subject="Wang 2019", value="removed"))
    words = ["prisma", "--explain", "W9", "撤稿：2026 年 5 月"]
    assert run(["-C", str(project.root), *words]) == 2
    assert "say who you are" in capsys.readouterr().err
    assert run(["-C", str(project.root), "--as", "AB", *words]) == 0
    assert "撤稿：2026 年 5 月" in capsys.readouterr().out
    assert project.store.heads("explain")[0].actor == "AB"
    assert run(["-C", str(project.root), "--as", "AB", "prisma", "--explain", "E3", "so it is"]) == 2
    assert "cannot be explained away" in capsys.readouterr().err
    assert run(["-C", str(project.root), "--as", "AB", "prisma", "--explain", "W4", "so it is"]) == 2
    refused = capsys.readouterr().err
    assert "the flow has no difference in reports sought and records taken forward now" in refused
    assert "Allowed: W9." in refused
    assert set(project.store.heads("explain")[0].payload["ids"]) == {"Wang 2019", screened[0]}


def test_a_checklist_says_what_analyses_ask_for_and_who_extracted_and_rated(tmp_path: Path) -> None:
    (tmp_path / "review.toml").write_text(
        TOML
        + """
[[outcomes]]
id = "pain"
name = "Pain"
type = "continuous"
better = "lower"
[[treatments]]
id = "CD"
name = "Core decompression"
labels = ["drilling", "CD alone"]
[[treatments]]
id = "CD+cells"
[[treatments]]
id = "CD+graft"
[[analyses]]
id = "pain"
title = "Pain"
kind = "pairwise"
outcome = "pain"
measure = "MD"
treatment = "CD+cells"
reference = "CD"
impute_sd = "pooled"
subgroup = "design"
bias = "auto"
trim_fill = "L0"
[[analyses]]
id = "net"
title = "Network of pain"
kind = "network"
outcome = "pain"
measure = "MD"
reference = "CD"
lump = { "CD+graft" = "CD" }
also = ["small-studies", { name = "regression", covariate = "year" }]
""",
        encoding="utf-8",
    )
    with Project.open(tmp_path, clock=ticking()) as project:
        say(
            project,
            NewEvent(kind="extract", stage="study", subject="Wang 2019", field="year", value="2019", actor="CD"),
            NewEvent(kind="certainty", subject="pain", value="low", payload={"reasons": ["imprecision"]}),
        )
        rows = {row.number: row.answer for row in checklist(project, "2020")}
        network = {row.number: row.answer for row in checklist(project, "NMA")}
    assert rows["9"] == network["10"] == "Extracted into forms by: CD."
    assert rows["13b"] == "Pain: missing SDs imputed (pooled)."
    assert rows["13e"] == "Pain: subgroups (design); Network of pain: network meta-regression."
    assert (
        rows["14"]
        == network["15"]
        == ("Pain: test of small-study effects (auto), trim and fill (L0); Network of pain: regression on the SE.")
    )
    assert rows["22"] == "Rated by people, with reasons kept: pain: low."
    assert network["6"] == (
        "Treatments: Core decompression (drilling, CD alone); CD+cells; CD+graft. Read as another: CD+graft as CD."
    )
    assert (network["S3"] or "").endswith("Network of pain.")
    assert rows["15"] is None and network["22"] is None


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ({"missing": ["11", "12"]}, "2 records listed and not delivered: 11, 12"),
        (
            {
                "missing": ["11"],
                "warnings": ["PubMed counts 9 results and delivered 8 different ones", "not delivered: 11 (1 in all)"],
                "accepted_by": "AB",
            },
            "1 record listed and not delivered: 11, and PubMed counts 9 results and delivered 8 different ones "
            "(accepted by AB)",
        ),
        ({"warnings": ["phrase not found: osteonecrosys"], "accepted_by": "AB"}, None),
        ({"missing": []}, None),
    ],
)
def test_records_that_a_search_did_not_deliver_are_told_and_other_warnings_are_not(
    project: Project, payload: dict[str, Any], words: str | None
) -> None:
    find(project, "a", 2)
    say(project, NewEvent(kind="run", subject=content_id("a"), value="complete", payload=payload))
    assert flow(project).losses == (() if words is None else (f"PubMed (a), 2026-01-01: {words}",))
