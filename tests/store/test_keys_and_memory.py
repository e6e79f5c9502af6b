"""What a store remembers between events equals what it would read anew; maintenance leaves history alone."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from toolkit.model.events import NewEvent
from toolkit.store import NewRecord, Store, content_id, views
from toolkit.store.maintenance import damage, replace_parsed


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(tmp_path / "evipool.db", create=True)
    yield opened
    opened.close()


def add(store: Store, name: str, *, complete: bool) -> list[str]:
    run_id = content_id(name)
    with store.batch("import", "AB") as batch:
        batch.add_run(
            run_id=run_id, kind="import", source="Embase", source_kind="database", file_name=name, sha256=name,
            searched_on="2026-01-01", detail={},
        )  # fmt: skip
        ids = [content_id(name, n) for n in range(3)]
        batch.add_records(
            run_id,
            [NewRecord(id=i, ordinal=n, external_id="", format="ris", raw=b"", fields={}) for n, i in enumerate(ids)],
        )
        if complete:
            batch.append([NewEvent(kind="run", subject=run_id, value="complete")])
    return ids


def test_remembered_views_equal_those_of_a_store_opened_anew(store: Store) -> None:
    def agree() -> None:
        for _ in range(2):  # the second reading is the remembered one
            fresh = Store.open(store.path)
            for view in (views.assignments, views.record_runs, views.reports):
                assert view(store) == view(fresh)
                assert view(store, as_of="2999-01-01") == view(fresh, as_of="2999-01-01")
                assert view(store, as_of="2000-01-01") == {}
            fresh.close()

    agree()
    a = add(store, "a.ris", complete=True)
    agree()
    b = add(store, "b.ris", complete=False)
    agree()
    assert len(views.assignments(store)) == 3
    with store.batch("import", "AB") as batch:
        batch.append([NewEvent(kind="run", subject=content_id("b.ris"), value="complete")])
    agree()
    with store.batch("dedup", "AB") as batch:
        batch.append([NewEvent(kind="assign", subject=b[0], value=a[0])])
    agree()
    assert len(views.reports(store)) == 5
    store.undo(store.batches()[0].id, actor="AB", command="undo")
    agree()


def test_another_connections_events_are_seen(store: Store) -> None:
    add(store, "a.ris", complete=True)
    assert len(views.assignments(store)) == 3
    other = Store.open(store.path)
    add(other, "b.ris", complete=True)
    other.close()
    assert len(views.assignments(store)) == 6


def test_a_view_handed_out_cannot_be_changed(store: Store) -> None:
    ids = add(store, "a.ris", complete=True)
    for view in (views.assignments(store), views.record_runs(store), views.reports(store)):
        with pytest.raises(TypeError):
            view[ids[0]] = "other"  # type: ignore[index]


def test_what_a_run_says_when_completed_counts_before_what_it_said_when_opened(store: Store) -> None:
    add(store, "a.ris", complete=False)
    payload = {"source": "CNKI", "source_kind": "other", "searched_on": "2026-02-02", "file_name": "b.ris"}
    with store.batch("import", "AB") as batch:
        batch.append([NewEvent(kind="run", subject=content_id("a.ris"), value="complete", payload=payload)])
    (run,) = views.runs(store)
    assert (run.source, run.source_kind, run.searched_on, run.file_name) == ("CNKI", "other", "2026-02-02", "b.ris")


def test_a_lone_maybe_at_full_text_waits_and_two_are_a_conflict(store: Store) -> None:
    (report, *_) = add(store, "a.ris", complete=True)
    for actor, status in (("AB", "waiting"), ("CD", "conflict")):
        with store.batch("screen", actor) as batch:
            batch.append([NewEvent(kind="screen", stage="full-text", subject=report, value="maybe")])
        assert views.decisions(store, "full-text", votes_needed=2)[report].status == status


def test_new_parsed_fields_replace_old_ones_and_touch_no_history(store: Store) -> None:
    ids = add(store, "a.ris", complete=True)
    events = store.events()
    assert replace_parsed(store, {ids[0]: {"title": "骨"}, "unknown": {"title": "x"}}, 2) == 1
    titles = [record.fields.title for record in views.records(store).values()]
    assert titles == ["骨", None, None]
    assert store.events() == events
    assert damage(store) is None


def test_first_votes_leave_out_changed_undone_and_late_ones(store: Store) -> None:
    (report, *_) = add(store, "a.ris", complete=True)
    verdicts = itertools.cycle(["include", "exclude"])
    for _ in range(2):
        with store.batch("screen", "AB") as batch:
            batch.append([NewEvent(kind="screen", stage="title-abstract", subject=report, value=next(verdicts))])
    assert views.first_votes(store, "title-abstract") == {report: {"AB": "include"}}
    with store.batch("resolve", "EF") as batch:
        batch.append([NewEvent(kind="resolve", stage="title-abstract", subject=report, value="include")])
    with store.batch("screen", "CD") as batch:
        batch.append([NewEvent(kind="screen", stage="title-abstract", subject=report, value="include")])
    assert views.first_votes(store, "title-abstract") == {report: {"AB": "include"}}
