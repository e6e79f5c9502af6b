"""What is kept between commands never changes an answer: with it, without it, torn, foreign, or written meanwhile."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.model.events import NewEvent
from toolkit.model.review import FULL_TEXT, STAGES, TITLE_ABSTRACT
from toolkit.store import NewRecord, Store, content_id, kept, views
from toolkit.store.cache import FOLDER

REASONS = ("population", "design")
PEOPLE = ("AB", "CD", "rule:x")


def clock() -> Callable[[], str]:
    counter = itertools.count()
    return lambda: f"2026-01-01T{next(counter):06d}"


def arrive(store: Store, run: str, n: int) -> None:
    ids = [content_id(run, i) for i in range(n)]
    with store.batch("import", "AB") as batch:
        batch.add_run(
            run_id=run, kind="import", source="PubMed", source_kind="database", file_name=run, sha256=run,
            searched_on="2026-01-01", detail={},
        )  # fmt: skip
        batch.add_records(
            run,
            [NewRecord(id=i, ordinal=k, external_id="", format="ris", raw=b"x", fields={}) for k, i in enumerate(ids)],
        )


RECORDS = [content_id(run, i) for run in ("a", "b") for i in range(4)]
one = st.sampled_from(RECORDS)
who = st.sampled_from(PEOPLE)
stage = st.sampled_from(STAGES)
verdict = st.sampled_from(["include", "exclude", "maybe"])
steps = st.one_of(
    st.builds(lambda r, v: [NewEvent(kind="run", subject=r, value=v)], st.sampled_from("ab"),
              st.sampled_from(["complete", "discarded"])),
    st.builds(lambda r, to, by, ask: [NewEvent(kind="assign", subject=r, value=to, actor=by,
                                               payload={"ask": [{"with": to}]} if ask else {})],
              one, one, who, st.booleans()),
    st.builds(lambda r, s, a, v, why: [NewEvent(kind="screen", stage=s, subject=r, value=v, actor=a,
                                                payload={"reason": why} if why else {})],
              one, stage, who, verdict, st.sampled_from([None, *REASONS])),
    st.builds(lambda rs, a, v: [NewEvent(kind="screen", stage=TITLE_ABSTRACT, subject=r, value=v, actor=a) for r in rs],
              st.sets(one, min_size=3), who, verdict),
    st.builds(lambda r, s, a: [NewEvent(kind="screen", stage=s, subject=r, value=None, actor=a, void=True)],
              one, stage, who),
    st.tuples(st.just("resolve"), one, stage, st.sampled_from(["include", "exclude"])),
    st.tuples(st.just("undo"), st.integers(0, 5)),
)  # fmt: skip


def take(store: Store, step: Any) -> None:
    """One command: events, the resolution of a report by somebody who sees its votes, or the undoing of a command."""
    if isinstance(step, list):
        with store.batch("do", "AB") as batch:
            batch.append(step)
    elif step[0] == "resolve":
        _, record, at, value = step
        votes = views.votes(store, at).get(views.assignments(store).get(record, ""), ())
        seen = [vote.event_id for vote in votes]
        with store.batch("resolve", "EF") as batch:
            batch.append([NewEvent(kind="resolve", stage=at, subject=record, value=value, payload={"seen": seen})])
    else:
        done = store.batches()
        store.undo(done[-1 - step[1] % len(done)].id, actor="AB", command="undo")


def answers(store: Store) -> dict[str, Any]:
    """Everything that rests on what is kept."""
    found: dict[str, Any] = {
        "assignments": dict(views.assignments(store)),
        "reports": list(views.reports(store).items()),
        "runs": [(rid, run.id) for rid, run in views.record_runs(store).items()],
        "by": dict(views.assigned_by(store)),
        "compared": set(views.compared_records(store)),
        "asked": views.asked(store),
        "voted": {stage: set(views.voted_on(store, stage)) for stage in STAGES},
    }
    for stage in STAGES:
        found[stage] = dict(views.verdicts(store, stage, votes_needed=2, reason_order=REASONS))
    return found


def truth(store: Store) -> dict[str, Any]:
    """The same from the votes and events themselves."""
    rows = store.head_values("assign", ("subject", "value", "actor"))
    asked = [(e.subject, e.payload["ask"]) for e in store.heads("assign") if "ask" in e.payload]
    now = {rid: {s: v for s, v, _ in rows}.get(rid) or rid for rid in views.record_runs(store)}
    reports: dict[str, tuple[str, ...]] = {}
    for rid, report in now.items():
        reports[report] = (*reports.get(report, ()), rid)
    found: dict[str, Any] = {
        "assignments": now,
        "reports": list(reports.items()),
        "runs": [(rid, run.id) for rid, run in views.record_runs(store).items()],
        "by": {s: a for s, _, a in rows},
        "compared": {s for s, _, _ in rows},
        "asked": asked,
        "voted": {stage: {e.subject for e in store.heads("screen", stage=stage)} for stage in STAGES},
    }
    for stage in STAGES:
        decisions = views.decisions(store, stage, votes_needed=2, reason_order=REASONS)
        found[stage] = {report: decision.verdict for report, decision in decisions.items()}
    return found


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(steps, st.booleans()), max_size=14),
    st.sampled_from([(0, 2), (0, 100), (2, 100), (100, 100)]),
)
def test_any_history_gives_the_same_answers_with_and_without_what_was_kept(
    tmp_path_factory: pytest.TempPathFactory, history: list[tuple[Any, bool]], limits: tuple[int, int]
) -> None:
    path = tmp_path_factory.mktemp("kept") / "evipool.db"
    few, many = kept._FEW, kept._MANY
    kept._FEW, kept._MANY = limits
    ticks = clock()
    try:
        with_cache = Store.open(path, create=True, clock=ticks)
        for run in "ab":
            arrive(with_cache, run, 4)
            take(with_cache, [NewEvent(kind="run", subject=run, value="complete")])
        for step, asks in history:
            take(with_cache, step)
            if asks:  # another command, which reads what the last one kept
                with_cache.close()
                with_cache = Store.open(path, clock=ticks)
                plain = Store.open(path, clock=ticks)
                plain.cache = None
                expected = truth(plain)
                assert answers(plain) == expected
                assert answers(with_cache) == expected
                plain.close()
        with_cache.close()
    finally:
        kept._FEW, kept._MANY = few, many


@pytest.fixture
def path(tmp_path: Path) -> Path:
    store = Store.open(tmp_path / "evipool.db", create=True, clock=clock())
    arrive(store, "a", 4)
    take(store, [NewEvent(kind="run", subject="a", value="complete")])
    for actor in ("AB", "CD"):
        take(store, [NewEvent(kind="screen", stage=TITLE_ABSTRACT, subject=RECORDS[0], value="include", actor=actor)])
    take(store, [NewEvent(kind="assign", subject=RECORDS[1], value=RECORDS[0], actor="rule:x")])
    answers(store)
    store.close()
    return store.path


def files(path: Path) -> list[Path]:
    return sorted(path.with_name(FOLDER).glob("*.json"))


def asked_again(path: Path) -> dict[str, Any]:
    store = Store.open(path)
    try:
        return answers(store)
    finally:
        store.close()


def test_answers_are_kept_and_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [file.stem for file in files(path)] == [
        "assignments", "records", f"votes-{FULL_TEXT}", f"votes-{TITLE_ABSTRACT}",
    ]  # fmt: skip
    expected = asked_again(path)
    monkeypatch.setattr(kept, "read_run_records", None)  # what is kept is used, or this fails
    monkeypatch.setattr(kept, "_standing", None)
    assert asked_again(path) == expected


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "other version", "folder"])
def test_a_damaged_file_is_as_good_as_none(path: Path, damage: str) -> None:
    expected = asked_again(path)
    for file in files(path):
        data = file.read_bytes()
        if damage == "folder":
            file.unlink()
            file.mkdir()
            continue
        middle = len(data) // 2
        file.write_bytes({
            "cut": data[:-3],
            "flip": data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :],
            "empty": b"",
            "other version": data.replace(b"evipool ", b"evipool 0.0.", 1),
        }[damage])  # fmt: skip
    assert asked_again(path) == expected


def test_what_another_history_left_is_not_believed(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "evipool.db"
    other.parent.mkdir()
    store = Store.open(other, create=True, clock=clock())
    arrive(store, "a", 4)
    for actor in ("AB", "CD"):
        take(store, [NewEvent(kind="screen", stage=TITLE_ABSTRACT, subject=RECORDS[0], value="exclude", actor=actor)])
    take(store, [NewEvent(kind="run", subject="a", value="complete")])
    expected = answers(store)
    store.close()
    for file in files(path):
        shutil.copy(file, other.with_name(FOLDER) / file.name)
    assert asked_again(other) == expected
    assert expected[TITLE_ABSTRACT][RECORDS[0]].status == "exclude"


def test_a_folder_that_cannot_be_written_only_keeps_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = asked_again(path)
    shutil.rmtree(path.with_name(FOLDER))

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("toolkit.store.cache.tempfile.mkstemp", refuse)
    assert asked_again(path) == expected
    assert files(path) == []


def test_killed_while_it_keeps_the_old_file_stays(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = [file.read_bytes() for file in files(path)]
    monkeypatch.setattr(kept, "_FEW", 0)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    store = Store.open(path)
    take(store, [NewEvent(kind="screen", stage=TITLE_ABSTRACT, subject=RECORDS[0], value="exclude", actor="AB")])
    with monkeypatch.context() as patch:
        patch.setattr("toolkit.store.cache.Path.replace", die)
        with pytest.raises(KeyboardInterrupt):
            answers(store)
    store.close()
    assert [file.read_bytes() for file in files(path)] == before
    assert asked_again(path)[TITLE_ABSTRACT][RECORDS[0]].status == "conflict"


def test_what_somebody_writes_while_another_reads_is_not_kept_under_the_old_mark(path: Path) -> None:
    """Two programs: one computes while the other appends; the mixture must not be found under either history."""
    first, second = Store.open(path), Store.open(path)

    def slow() -> int:
        take(second, [NewEvent(kind="extract", stage="results", subject="S", field="n", value="1", actor="AB")])
        return len(second.heads("extract"))

    assert kept.kept(first, "count", [("extract", None)], "", slow) == 1
    assert kept.kept(second, "count", [("extract", None)], "", lambda: len(second.heads("extract"))) == 1
    take(second, [NewEvent(kind="extract", stage="results", subject="T", field="n", value="1", actor="AB")])
    assert kept.kept(first, "count", [("extract", None)], "", lambda: len(first.heads("extract"))) == 2
    assert kept.kept(first, "count", [("extract", None)], "other settings", lambda: -1) == -1
    first.close()
    second.close()
