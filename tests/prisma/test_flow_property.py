"""Whatever people do, in whatever order, the flow balances."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.prisma.builders import Desk
from toolkit.model.events import NewEvent
from toolkit.model.review import FULL_TEXT, TITLE_ABSTRACT
from toolkit.prisma.boxes import Flow
from toolkit.prisma.flow import count_flow
from toolkit.prisma.identities import check
from toolkit.prisma.run import flow, open_stages
from toolkit.prisma.state import Decision, FlowState
from toolkit.project import Project
from toolkit.store import NewRecord, content_id

SOURCES = (
    ("PubMed", "database"),
    ("Embase", "database"),
    ("ICTRP", "register"),
    ("Citation searching", "other"),
    ("Site", "other"),
)
STANDINGS = ("included", "ongoing", "awaiting_classification", "removed")
VERDICTS = ("include", "exclude", "undecided")
pick = st.integers(0, 10_000)


def recount(state: FlowState) -> dict[str, int]:
    """A second count of the first boxes, by another road: straight from the columns."""
    new = {r.id for r in state.runs.values() if state.previous is None or r.round == state.round}
    records = state.records
    main = [i for i, run in enumerate(records.run) if run in new and state.runs[run].kind != "other"]
    older = {rep for rep, run in zip(records.report, records.run, strict=True) if run not in new}
    present = dict(zip(records.id, records.report, strict=True))
    held = {
        present.get(r, r) if r not in records.report else r for r in (state.previous.reports if state.previous else ())
    }
    entered = {records.report[i] for i in main} - older - held
    return {"records": len(main), "duplicates": len(main) - len(entered)}


def assert_balanced(counted: Flow) -> None:
    broken = [(f.code, f.message, f.ids) for f in check(counted) if f.hard]
    assert broken == []


class Review(RuleBasedStateMachine):
    """People, rules and searches working on one review."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk()
        self.made = 0

    @initialize(n=st.integers(1, 6))
    def first_search(self, n: int) -> None:
        self._find(0, n)

    def _find(self, source: int, n: int) -> None:
        name, kind = SOURCES[source % len(SOURCES)]
        self.desk.find(name, " ".join(f"r{self.made + i}" for i in range(n)), kind=kind)
        self.made += n

    def _record(self, i: int) -> str:
        ids = list(self.desk.record_run)
        return ids[i % len(ids)]

    def _report(self, i: int) -> str:
        reports = sorted(set(self.desk.report.values()))
        return reports[i % len(reports)]

    @rule(source=pick, n=st.integers(0, 5))
    def find(self, source: int, n: int) -> None:
        self._find(source, n)

    @rule(a=pick, b=pick, by=st.sampled_from(["tool", "person"]))
    def join(self, a: int, b: int, by: str) -> None:
        kept, gone = self._report(a), self._report(b)
        for record, report in list(self.desk.report.items()):
            if report == gone and kept != gone:
                self.desk.join(record, kept, by)

    @rule(a=pick)
    def apart(self, a: int) -> None:
        self.desk.apart(self._record(a))

    @rule(a=pick, verdict=st.sampled_from(VERDICTS), by=st.sampled_from(["human", "tool"]))
    def screen(self, a: int, verdict: str, by: str) -> None:
        self.desk.screen(self._report(a), verdict, by)

    @rule(a=pick, verdict=st.sampled_from(VERDICTS), reason=st.sampled_from([None, "Wrong population", "Other"]))
    def judge(self, a: int, verdict: str, reason: str | None) -> None:
        self.desk.judged[self._report(a)] = Decision(verdict=verdict, reason=reason if verdict == "exclude" else None)

    @rule(a=pick)
    def change_of_mind(self, a: int) -> None:
        self.desk.screened.pop(self._report(a), None)
        self.desk.judged.pop(self._report(a), None)

    @rule(a=pick, status=st.sampled_from(["sought", "retrieved", "not_retrieved"]))
    def get(self, a: int, status: str) -> None:
        self.desk.retrievals[self._report(a)] = status

    @rule(a=pick, study=st.integers(1, 5))
    def link(self, a: int, study: int) -> None:
        self.desk.links[(self._report(a), f"S{study}")] = None

    @precondition(lambda self: self.desk.links)
    @rule(a=pick)
    def unlink(self, a: int) -> None:
        del self.desk.links[list(self.desk.links)[a % len(self.desk.links)]]

    @rule(a=pick, study=st.integers(1, 5))
    def take(self, a: int, study: int) -> None:
        self.desk.take(self._report(a), f"S{study}")

    @rule(study=st.integers(1, 5), standing=st.sampled_from(STANDINGS))
    def stand(self, study: int, standing: str) -> None:
        self.desk.standings[f"S{study}"] = standing

    @rule(a=pick)
    def retract(self, a: int) -> None:
        self.desk.retractions[self._report(a)] = "retracted"

    @rule(a=pick, how=st.sampled_from(["automation", "other"]))
    def remove(self, a: int, how: str) -> None:
        self.desk.removals[self._report(a)] = how

    @rule(a=pick)
    def put_back(self, a: int) -> None:
        self.desk.removals.pop(self._report(a), None)

    @rule(a=pick)
    def further_report(self, a: int) -> None:
        parent = self._report(a)
        self.desk.extra[f"{parent}+"] = parent

    @rule()
    def mark(self) -> None:
        self.desk.mark()

    @invariant()
    def balances(self) -> None:
        state = self.desk.state()
        counted = count_flow(state)
        assert_balanced(counted)
        again = recount(state)
        assert again["records"] == counted.database_records.n + counted.register_records.n
        assert again["duplicates"] == counted.duplicates.n
        assert not {f.code for f in check(counted)} & {"W4", "W7"}
        # Total boxes do not depend on where versions were marked.
        cumulative = count_flow(self.desk.state(previous=None))
        assert_balanced(cumulative)
        assert set(cumulative.total_studies.ids or ()) == set(counted.total_studies.ids or ())
        assert set(cumulative.total_reports.ids or ()) == set(counted.total_reports.ids or ())


Review.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestReview = Review.TestCase


# ---- the same on a real project, through events ---------------------------------------------------------------------

TOML = """
[review]
title = "股骨头坏死"
[eligibility]
exclusion_reasons = ["Wrong population", "No comparator"]
[[reviewers]]
name = "AB"
[[reviewers]]
name = "CD"
[[sources]]
name = "PubMed"
[[sources]]
name = "ICTRP"
kind = "register"
[[sources]]
name = "Reference lists"
kind = "citation"
"""


def ticking() -> Callable[[], str]:
    moment = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

    def clock() -> str:
        nonlocal moment
        moment += dt.timedelta(seconds=1)
        return moment.isoformat(timespec="microseconds")

    return clock


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    def make() -> Path:
        folder = tmp_path_factory.mktemp("review")
        (folder / "review.toml").write_text(TOML, encoding="utf-8")
        return folder

    return make


OPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["find", "assign", "apart", "ta", "ta", "ft", "resolve", "get", "link", "study", "remove", "retract",
             "void", "undo", "mark"]
        ),
        pick,
        pick,
    ),
    min_size=5,
    max_size=45,
)  # fmt: skip


def do(project: Project, step: int, op: str, a: int, b: int, ids: list[str], batches: list[str]) -> None:
    """One thing that somebody does to the review."""
    if op == "find" or not ids:
        source, kind = (("PubMed", "database"), ("ICTRP", "register"), ("Reference lists", "other"))[a % 3]
        run = content_id(f"{step}")
        with project.store.batch("import", "AB") as batch:
            batch.add_run(
                run_id=run, kind="import", source=source, source_kind=kind, file_name="f", sha256=str(step),
                searched_on="2026-01-01", detail={},
            )  # fmt: skip
            new = [content_id(f"{step}", i) for i in range(b % 4)]
            batch.add_records(
                run,
                [
                    NewRecord(id=r, ordinal=i, external_id="", format="ris", raw=b"x", fields={"title": f"标题 {r}"})
                    for i, r in enumerate(new)
                ],
            )
            batch.append([NewEvent(kind="run", subject=run, value="complete")])
        ids.extend(new)
        return
    if op == "undo":
        if batches:
            project.store.undo(batches[a % len(batches)], actor="AB", command="undo")
        return
    one, other = ids[a % len(ids)], ids[b % len(ids)]
    verdict = ("include", "exclude", "maybe")[b % 3]
    actor = ("AB", "CD", "rule:filter")[(a + b) % 3]
    reason = {"reason": "No comparator"} if verdict == "exclude" and b % 2 else {}
    event = {
        "assign": NewEvent(kind="assign", subject=one, value=other, actor="rule:dedup" if b % 2 else "AB"),
        "apart": NewEvent(kind="assign", subject=one, value=one),
        "ta": NewEvent(kind="screen", stage=TITLE_ABSTRACT, subject=one, value=verdict, actor=actor),
        "ft": NewEvent(kind="screen", stage=FULL_TEXT, subject=one, value=verdict, actor=actor, payload=reason),
        "resolve": NewEvent(
            kind="resolve", stage=(TITLE_ABSTRACT, FULL_TEXT)[a % 2], subject=one, value=("include", "exclude")[b % 2]
        ),
        "get": NewEvent(kind="retrieve", subject=one, value=("sought", "retrieved", "not_retrieved")[b % 3]),
        "link": NewEvent(kind="link", subject=one, field=f"S{b % 4}", value="primary"),
        "study": NewEvent(
            kind="study", subject=f"S{a % 4}", value=STANDINGS[b % 4]
        ),
        "remove": NewEvent(kind="remove", subject=one, value=("automation", "other")[b % 2]),
        "retract": NewEvent(kind="retract", subject=one, value="retracted"),
        "void": NewEvent(kind="screen", stage=TITLE_ABSTRACT, subject=one, value=None, void=True, actor=actor),
        "mark": NewEvent(
            kind="version", subject="review", value=f"v{step}", payload={"open_stages": list(open_stages(project))}
        ),
    }[op]  # fmt: skip
    with project.store.batch(op, "AB") as batch:
        batch.append([event])
        batches.append(batch.id)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(ops=OPS)
def test_the_flow_of_a_project_balances_after_every_event(
    folders: Callable[[], Path], ops: list[tuple[str, int, int]]
) -> None:
    with Project.open(folders(), clock=ticking()) as project:
        ids: list[str] = []
        batches: list[str] = []
        past: list[tuple[str, Flow]] = []
        for step, (op, a, b) in enumerate(ops):
            do(project, step, op, a, b, ids, batches)
            if step % 5 == 0 or op == "mark":
                assert_balanced(flow(project))
        assert_balanced(flow(project))
        assert_balanced(flow(project, template="new"))
        moments = [event.at for event in project.store.events()][::7]
        past = [(moment, flow(project, moment)) for moment in moments]
        for _, counted in past:
            assert_balanced(counted)
        # What is done later does not change the past.
        do(project, len(ops), "find", 0, 3, ids, batches)
        assert [(moment, flow(project, moment)) for moment in moments] == past
