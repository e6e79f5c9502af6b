"""Reading many events quickly says the same as reading them one by one."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.model.events import Event, NewEvent
from toolkit.store import Store, schema, views
from toolkit.store.store import NewRecord, content_id


def test_the_columns_of_the_event_table_begin_with_the_fields_of_an_event() -> None:
    assert tuple(column.name for column in schema.event.columns)[: len(Event._fields)] == Event._fields


@pytest.fixture
def store(tmp_path: Path) -> Store:
    ticks = iter(range(1, 1000))
    store = Store.open(tmp_path / "x.db", create=True, clock=lambda: f"2026-01-01T00:00:{next(ticks):09.6f}+00:00")
    for run in ("b", "a"):
        own = [
            NewRecord(
                id=content_id(run, i), ordinal=i, external_id="", format="ris", raw=b"x", fields={"title": f"{run}{i}"}
            )
            for i in range(3)
        ]
        with store.batch("import", "AB") as batch:
            batch.add_run(
                run_id=run, kind="import", source="S", source_kind="database", file_name="f", sha256="0",
                searched_on="2026-01-01", detail={},
            )  # fmt: skip
            batch.add_records(run, own)
            batch.append([NewEvent(kind="run", subject=run, value="complete")])
    return store


def say(store: Store, *events: NewEvent) -> None:
    with store.batch("test", "AB") as batch:
        batch.append(events)


def test_records_come_in_the_order_of_their_runs_and_places(store: Store) -> None:
    titles = [record.fields.title for record in views.records(store).values()]
    assert titles == ["b0", "b1", "b2", "a0", "a1", "a2"]
    few = [content_id("a", 2), content_id("b", 1)]
    assert [r.fields.title for r in views.records(store, few).values()] == ["b1", "a2"]


def test_values_of_standing_events_are_those_of_the_events_themselves(store: Store) -> None:
    first, second = content_id("a", 0), content_id("a", 1)
    say(
        store,
        *(
            NewEvent(kind="assign", subject=x, value=first, payload={"ask": [1]} if x == first else {})
            for x in (first, second)
        ),
    )
    say(store, NewEvent(kind="assign", subject=second, value=second))
    say(store, NewEvent(kind="assign", subject=first, value=None, void=True))
    columns = ("subject", "value", "at")
    assert store.head_values("assign", columns) == [
        tuple(getattr(e, c) for c in columns) for e in store.heads("assign")
    ]
    assert [e.subject for e in store.heads("assign")] == [second]
    early = store.head_values("assign", ("subject",), as_of="2026-01-01T00:00:08.000000+00:00", containing='"ask":')
    assert early == [(first,)]
    assert views.compared_records(store) == {second}


def test_what_is_remembered_gives_way_to_the_next_event(store: Store) -> None:
    report = content_id("a", 0)
    vote = NewEvent(kind="screen", stage="full-text", subject=report, value="include", payload={"reason": None})
    say(store, vote)
    before = views.votes(store, "full-text")
    assert before is not views.votes(store, "full-text"), "a caller may change what it gets"
    before.clear()
    assert views.decisions(store, "full-text", votes_needed=1)[report].status == "include"
    say(store, NewEvent(kind="screen", stage="full-text", subject=report, value="exclude", payload={"reason": "x"}))
    again = views.decisions(store, "full-text", votes_needed=1, reason_order=["x"])[report]
    assert (again.status, again.reason, [v.reason for v in again.votes]) == ("exclude", "x", ["x"])
    assert [e.value for e in store.heads("screen")] == ["exclude"]


@pytest.mark.parametrize("verdict", ["include", "exclude", "maybe"])
@pytest.mark.parametrize("people", [("AB",), ("AB", "CD"), ("AB", "AB2", "CD")])
@pytest.mark.parametrize("stage", ["title-abstract", "full-text"])
def test_the_short_way_to_a_decision_is_the_long_one(verdict: str, people: tuple[str, ...], stage: str) -> None:
    given = [
        views.Vote(who, verdict, "r" if verdict == "exclude" else None, None, "t", f"e{who}", "s") for who in people
    ]
    decision = views.decide(given, [], stage=stage, votes_needed=2, reason_order=["r"])
    if len(people) < 2:
        expected = ("waiting", None)
    elif verdict == "maybe":
        expected = ("include", None) if stage == "title-abstract" else ("conflict", None)
    else:
        expected = (verdict, "r" if verdict == "exclude" else None)
    assert (decision.status, decision.reason) == expected
