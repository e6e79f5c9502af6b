"""Votes, conflicts and their resolution; forms out and in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from toolkit.model.errors import InputError
from toolkit.model.events import NewEvent
from toolkit.model.review import FULL_TEXT, TITLE_ABSTRACT
from toolkit.project import Project
from toolkit.records.tables import read_form, write_form
from toolkit.screening import fulltext, run
from toolkit.screening.forms import FORM_COLUMNS, VERDICTS, raise_all
from toolkit.screening.state import load_state

AsPerson = Callable[[str], Project]


def write_csv(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def screen_events(project: Project) -> list[tuple[str, str | None, str]]:
    return [(e.actor, e.value, e.subject) for e in project.store.events(kind="screen")]


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_a_form_comes_back_as_votes_and_again_as_nothing(
    project: Project, four: list[str], as_person: AsPerson, tmp_path: Path, suffix: str
) -> None:
    rows = run.form_rows(project, TITLE_ABSTRACT, reviewer="李华")
    assert [row["report"] for row in rows] == four[:3]
    for row, verdict in zip(rows, ("include", "exclude", ""), strict=True):
        row["verdict"] = verdict
    rows[0]["note"] = "先纳入"
    path = tmp_path / f"表{suffix}"
    write_form(path, FORM_COLUMNS, rows)
    outcome = run.import_votes(as_person("李华"), path, stage=TITLE_ABSTRACT)
    assert (outcome.new, outcome.changed, outcome.unchanged) == (2, 0, 0)
    assert screen_events(project) == [("李华", "include", four[0]), ("李华", "exclude", four[1])]
    again = run.import_votes(as_person("李华"), path, stage=TITLE_ABSTRACT)
    assert (again.new, again.changed, again.unchanged) == (0, 0, 2)
    assert len(screen_events(project)) == 2


def test_a_form_shows_the_reviewers_own_votes_and_never_anothers(
    project: Project, four: list[str], as_person: AsPerson
) -> None:
    run.decide(as_person("AB"), four[0], "exclude", stage=TITLE_ABSTRACT, reason="2", note="secret")
    theirs = run.form_rows(project, TITLE_ABSTRACT, reviewer="李华")
    assert "exclude" not in str(theirs)
    assert "secret" not in str(theirs)
    own = run.form_rows(project, TITLE_ABSTRACT, reviewer="AB")[0]
    assert (own["verdict"], own["reason"], own["note"]) == ("exclude", "wrong outcome", "secret")
    assert [r["report"] for r in run.form_rows(project, TITLE_ABSTRACT, reviewer="AB", todo=True)] == four[1:3]


def test_a_title_that_starts_like_a_formula_survives_the_form(
    project: Project, four: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "form.csv"
    write_form(path, FORM_COLUMNS, run.form_rows(project, TITLE_ABSTRACT))
    assert "'=干细胞" in path.read_text(encoding="utf-8-sig")
    assert read_form(path).rows[2].values["title"] == "=干细胞移植治疗股骨头坏死"


def test_only_changed_cells_append_events(
    project: Project, four: list[str], as_person: AsPerson, tmp_path: Path
) -> None:
    person = as_person("AB")
    run.decide(person, four[0], "include", stage=TITLE_ABSTRACT)
    run.decide(person, four[1], "include", stage=TITLE_ABSTRACT)
    form = write_csv(tmp_path / "f.csv", "doi,decision\n10.1000/A1,yes\n10.1000/b2,0\n")
    outcome = run.import_votes(person, form, stage=TITLE_ABSTRACT)
    assert (outcome.new, outcome.changed, outcome.unchanged) == (0, 1, 1)
    assert set(outcome.notes) >= {"'yes' was read as 'include'", "'0' was read as 'exclude'"}
    assert screen_events(project)[-1] == ("AB", "exclude", four[1])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("report,verdict\ndoi:10.1000/a1,perhaps\n", r"row 2, column 'verdict': unknown verdict. Found: 'perhaps'"),
        ("report,verdict\ndoi:10.9/none,include\n", r"row 2, column 'report': no report is called so"),
        ("pmid,verdict,reason\n111,exclude,too old\n", r"row 2, column 'reason': this exclusion reason is not in"),
        ("pmid,verdict,reason\n111,include,wrong outcome\n", r"row 2, column 'reason': a reason stands beside"),
        ("pmid,verdict\n111,include\n111,exclude\n", r"row 3, column 'verdict': .* another verdict in row 2"),
        ("pmid,comment\n111,include\n", r"the column 'verdict' is missing"),
        ("verdict\ninclude\n", r"no column names the reports"),
        ("title,verdict\nA thesis,include\n", r"row 2: .* other methods, which go straight to the full text"),
    ],
)  # fmt: skip
def test_a_bad_cell_is_named_and_nothing_is_written(
    project: Project, four: list[str], as_person: AsPerson, tmp_path: Path, text: str, message: str
) -> None:
    form = write_csv(tmp_path / "f.csv", text)
    with pytest.raises(InputError, match=message):
        run.import_votes(as_person("AB"), form, stage=TITLE_ABSTRACT)
    assert project.store.events(kind="screen") == []


def test_all_bad_rows_are_named_at_once(four: list[str], as_person: AsPerson, tmp_path: Path) -> None:
    form = write_csv(tmp_path / "f.csv", "pmid,verdict\n111,perhaps\n222,include\n333,include\n")
    with pytest.raises(InputError, match=r"row 2.*Also: row 4 \(no report is called so\)"):
        run.import_votes(as_person("AB"), form, stage=TITLE_ABSTRACT)


def test_every_spelling_of_a_verdict_means_one_of_three() -> None:
    assert set(VERDICTS.values()) == {"include", "exclude", "maybe"}


def full_text(project: Project, reports: list[str], as_person: AsPerson) -> None:
    for name in ("AB", "李华"):
        for report in reports:
            run.decide(as_person(name), report, "include", stage=TITLE_ABSTRACT)
    fulltext.set_retrieval(project, reports, "retrieved")


def test_an_exclusion_at_full_text_needs_a_reason_of_the_protocol(
    project: Project, four: list[str], as_person: AsPerson
) -> None:
    full_text(project, four[:1], as_person)
    with pytest.raises(InputError, match=r"needs its reason\. Allowed: wrong population; wrong outcome; 重复发表"):
        run.decide(as_person("AB"), four[0], "exclude", stage=FULL_TEXT)
    run.decide(as_person("AB"), four[0], "exclude", stage=FULL_TEXT, reason="重复发表")
    run.decide(as_person("李华"), four[0], "exclude", stage=FULL_TEXT, reason="1")
    decision = load_state(project).decision(FULL_TEXT, four[0])
    assert (decision.status, decision.reason) == ("exclude", "wrong population")


def test_voting_needs_a_reviewer_of_the_review(project: Project, four: list[str], as_person: AsPerson) -> None:
    with pytest.raises(InputError, match="say who you are"):
        run.decide(project, four[0], "include", stage=TITLE_ABSTRACT)
    with pytest.raises(InputError, match=r"not in review\.toml"):
        run.decide(as_person("ZZ"), four[0], "include", stage=TITLE_ABSTRACT)


def test_a_report_out_of_reach_of_a_stage_is_refused_with_the_reason(four: list[str], as_person: AsPerson) -> None:
    with pytest.raises(InputError, match="has not been screened by title and abstract"):
        run.decide(as_person("AB"), four[0], "include", stage=FULL_TEXT)


def test_a_lone_maybe_at_full_text_shows_no_conflict_before_the_second_vote(
    project: Project, four: list[str], as_person: AsPerson
) -> None:
    full_text(project, four[:1], as_person)
    run.decide(as_person("AB"), four[0], "maybe", stage=FULL_TEXT)
    assert run.conflicts(project) == []
    run.decide(as_person("李华"), four[0], "maybe", stage=FULL_TEXT)
    assert [c.report for c in run.conflicts(project)] == [four[0]]


def test_a_resolution_settles_names_the_votes_it_saw_and_a_later_vote_reopens(
    project: Project, four: list[str], as_person: AsPerson
) -> None:
    run.decide(as_person("AB"), four[0], "include", stage=TITLE_ABSTRACT)
    run.decide(as_person("李华"), four[0], "exclude", stage=TITLE_ABSTRACT)
    (conflict,) = run.conflicts(project)
    assert {(v.actor, v.verdict) for v in conflict.votes} == {("AB", "include"), ("李华", "exclude")}
    run.resolve(as_person("EF"), "pmid:111", "include", stage=TITLE_ABSTRACT)
    (event,) = project.store.heads("resolve")
    assert (event.actor, event.payload["seen"]) == ("EF", [v.event_id for v in conflict.votes])
    assert run.resolve(as_person("EF"), four[0], "include", stage=TITLE_ABSTRACT).unchanged == 1
    assert run.conflicts(project) == []
    run.decide(as_person("李华"), four[0], "exclude", stage=TITLE_ABSTRACT, note="read the abstract again")
    assert len(run.conflicts(project)) == 1


def test_only_a_conflict_can_be_resolved(four: list[str], as_person: AsPerson) -> None:
    with pytest.raises(InputError, match="nobody has voted on it"):
        run.resolve(as_person("EF"), four[0], "include", stage=TITLE_ABSTRACT)
    run.decide(as_person("AB"), four[0], "include", stage=TITLE_ABSTRACT)
    with pytest.raises(InputError, match="a vote is still missing"):
        run.resolve(as_person("EF"), four[0], "include", stage=TITLE_ABSTRACT)
    run.decide(as_person("李华"), four[0], "include", stage=TITLE_ABSTRACT)
    with pytest.raises(InputError, match="the reviewers agree"):
        run.resolve(as_person("EF"), four[0], "include", stage=TITLE_ABSTRACT)


def test_conflicts_are_settled_from_a_file_with_the_excluding_reason_of_the_votes(
    project: Project, four: list[str], as_person: AsPerson, tmp_path: Path
) -> None:
    full_text(project, four[:2], as_person)
    for report in four[:2]:
        run.decide(as_person("AB"), report, "include", stage=FULL_TEXT)
        run.decide(as_person("李华"), report, "exclude", stage=FULL_TEXT, reason="wrong outcome")
    form = write_csv(tmp_path / "r.csv", "report,verdict,reason\ndoi:10.1000/a1,exclude,\ndoi:10.1000/b2,include,\n")
    outcome = run.resolve_file(as_person("EF"), form, stage=FULL_TEXT)
    assert outcome.new == 2
    state = load_state(project)
    assert [(state.decision(FULL_TEXT, r).status, state.decision(FULL_TEXT, r).reason) for r in four[:2]] == [
        ("exclude", "wrong outcome"),
        ("include", None),
    ]
    assert run.resolve_file(as_person("EF"), form, stage=FULL_TEXT).unchanged == 2


def test_votes_on_joined_reports_can_be_brought_together_by_voting_again(
    project: Project, four: list[str], as_person: AsPerson
) -> None:
    for name in ("AB", "李华"):
        run.decide(as_person(name), four[0], "include", stage=TITLE_ABSTRACT)
        run.decide(as_person(name), four[1], "exclude", stage=TITLE_ABSTRACT)
    with project.writing("dedup") as batch:
        batch.append([NewEvent(kind="assign", subject=four[1], value=four[0])])
    assert [c.report for c in run.conflicts(project)] == [four[0]]
    for name in ("AB", "李华"):
        run.decide(as_person(name), four[0], "include", stage=TITLE_ABSTRACT)
    assert load_state(project).decision(TITLE_ABSTRACT, four[0]).status == "include"


def test_two_resolutions_on_joined_reports_can_be_replaced_by_one(
    project: Project, four: list[str], as_person: AsPerson
) -> None:
    for report, verdict in ((four[0], "include"), (four[1], "exclude")):
        run.decide(as_person("AB"), report, "include", stage=TITLE_ABSTRACT)
        run.decide(as_person("李华"), report, "exclude", stage=TITLE_ABSTRACT)
        run.resolve(as_person("EF"), report, verdict, stage=TITLE_ABSTRACT)
    with project.writing("dedup") as batch:
        batch.append([NewEvent(kind="assign", subject=four[1], value=four[0])])
    assert load_state(project).decision(TITLE_ABSTRACT, four[0]).status == "conflict"
    run.resolve(as_person("EF"), four[0], "include", stage=TITLE_ABSTRACT)
    assert load_state(project).decision(TITLE_ABSTRACT, four[0]).status == "include"


def test_agreement_counts_first_votes_before_resolution_and_not_undone_ones(
    project: Project, four: list[str], as_person: AsPerson
) -> None:
    ab, li = as_person("AB"), as_person("李华")
    run.decide(ab, four[2], "exclude", stage=TITLE_ABSTRACT)  # a slip, undone
    project.store.undo(project.store.batches()[-1].id, actor="AB", command="undo")
    run.decide(ab, four[2], "include", stage=TITLE_ABSTRACT)
    run.decide(li, four[2], "include", stage=TITLE_ABSTRACT)
    run.decide(ab, four[0], "include", stage=TITLE_ABSTRACT)
    run.decide(li, four[0], "exclude", stage=TITLE_ABSTRACT)
    run.decide(li, four[0], "include", stage=TITLE_ABSTRACT)  # gives way: the first vote still counts
    run.decide(ab, four[1], "exclude", stage=TITLE_ABSTRACT)
    run.decide(li, four[1], "include", stage=TITLE_ABSTRACT)
    run.resolve(as_person("EF"), four[1], "include", stage=TITLE_ABSTRACT)
    run.decide(as_person("EF"), four[1], "include", stage=TITLE_ABSTRACT)  # after the resolution: not independent
    (pair,) = run.agreement(project, TITLE_ABSTRACT)
    assert (pair.first, pair.second, pair.n11, pair.n10, pair.n01, pair.n00) == ("AB", "李华", 1, 1, 1, 0)


def test_several_errors_of_a_command_line_have_no_rows() -> None:
    with pytest.raises(InputError, match=r"^a is not wanted\. Also: b is not wanted, row 4 \(c\)\.$"):
        raise_all([InputError("a is not wanted"), InputError("b is not wanted"), InputError("c", row=4)])
