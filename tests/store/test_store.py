"""The store keeps every judgement, refuses to change one, and answers for any moment."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from toolkit.model.errors import InputError, SourceError
from toolkit.model.events import EVENT_KINDS, NewEvent
from toolkit.model.review import FULL_TEXT, TITLE_ABSTRACT
from toolkit.store import NewRecord, Store, content_id, views


def ticking(start: int = 0) -> Callable[[], str]:
    counter = itertools.count(start)

    def clock() -> str:
        n = next(counter)
        return f"2026-01-{1 + n // 1000:02d}T00:{n // 60 % 60:02d}:{n % 60:02d}.000000+00:00"

    return clock


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(tmp_path / "evipool.db", create=True, clock=ticking())
    yield opened
    opened.close()


def import_records(store: Store, name: str, titles: list[str], source: str = "PubMed") -> list[str]:
    """Put a finished run of records into the store; returns their ids."""
    run_id = content_id(name)
    ids = [content_id(name, i) for i in range(len(titles))]
    with store.batch("import", "AB") as batch:
        batch.add_run(
            run_id=run_id, kind="import", source=source, source_kind="database", file_name=name, sha256=name,
            searched_on="2026-01-01", detail={},
        )  # fmt: skip
        batch.add_records(
            run_id,
            [
                NewRecord(id=i, ordinal=n, external_id="", format="ris", raw=t.encode(), fields={"title": t})
                for n, (i, t) in enumerate(zip(ids, titles, strict=True))
            ],
        )
        batch.append([NewEvent(kind="run", subject=run_id, value="complete")])
    return ids


def vote(store: Store, report: str, actor: str, verdict: str, stage: str = TITLE_ABSTRACT, reason: str = "") -> None:
    with store.batch("screen", actor) as batch:
        payload = {"reason": reason} if reason else {}
        batch.append([NewEvent(kind="screen", stage=stage, subject=report, value=verdict, payload=payload)])


@pytest.mark.parametrize("table", ["event", "record", "blob", "run", "hit", "batch", "supersedes", "run_body"])
@pytest.mark.parametrize("verb", ["update", "delete", "replace"])
def test_history_refuses_update_delete_and_replace(store: Store, table: str, verb: str) -> None:
    ids = import_records(store, "a.ris", ["股骨头坏死"])
    vote(store, ids[0], "AB", "include")
    vote(store, ids[0], "AB", "exclude")
    with store.batch("raw", "AB") as batch:
        batch.add_body(content_id("a.ris"), 0, "file", b"raw")
        batch.add_hits(content_id("a.ris"), ["1"])
    raw = sqlite3.connect(store.path)
    raw.execute("PRAGMA recursive_triggers=ON")
    column = raw.execute(f"SELECT name FROM pragma_table_info('{table}')").fetchone()[0]
    statement = {
        "update": f"UPDATE {table} SET {column} = {column}",
        "delete": f"DELETE FROM {table}",
        "replace": f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}",
    }[verb]
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        raw.execute(statement)
    raw.close()


def test_records_of_an_open_run_are_invisible(store: Store) -> None:
    with store.batch("import", "AB") as batch:
        batch.add_run(
            run_id="r", kind="import", source="Embase", source_kind="database", file_name="e", sha256="e",
            searched_on="2026-01-01", detail={},
        )  # fmt: skip
        batch.add_records(
            "r", [NewRecord(id="x", ordinal=0, external_id="", format="ris", raw=b"", fields={"title": "T"})]
        )
    assert views.records(store) == {}
    assert [run.id for run in views.runs(store, include_open=True)] == ["r"]
    with store.batch("import", "AB") as batch:
        batch.append([NewEvent(kind="run", subject="r", value="complete")])
    assert list(views.records(store)) == ["x"]


def test_an_exception_inside_a_batch_leaves_nothing(store: Store) -> None:
    with pytest.raises(RuntimeError), store.batch("screen", "AB") as batch:
        batch.append([NewEvent(kind="note", subject="x", value="hello")])
        raise RuntimeError
    assert store.events() == []
    assert store.batches() == []


def test_the_latest_vote_of_each_reviewer_counts_and_the_earlier_is_kept(store: Store) -> None:
    (report,) = import_records(store, "a.ris", ["T"])
    vote(store, report, "AB", "include")
    vote(store, report, "AB", "exclude")
    assert [v.verdict for v in views.votes(store, TITLE_ABSTRACT)[report]] == ["exclude"]
    assert [e.value for e in store.events(subject=report)] == ["include", "exclude"]


def test_two_reviewers_who_differ_conflict_until_someone_resolves_and_a_new_vote_reopens(store: Store) -> None:
    (report,) = import_records(store, "a.ris", ["T"])
    vote(store, report, "AB", "include")
    assert views.decisions(store, TITLE_ABSTRACT, votes_needed=2)[report].status == "waiting"
    vote(store, report, "CD", "exclude")
    decision = views.decisions(store, TITLE_ABSTRACT, votes_needed=2)[report]
    assert decision.status == "conflict"
    with store.batch("resolve", "EF") as batch:
        seen = [v.event_id for v in decision.votes]
        batch.append(
            [NewEvent(kind="resolve", stage=TITLE_ABSTRACT, subject=report, value="include", payload={"seen": seen})]
        )
    resolved = views.decisions(store, TITLE_ABSTRACT, votes_needed=2)[report]
    assert (resolved.status, resolved.resolved_by) == ("include", "EF")
    vote(store, report, "CD", "maybe")  # at title and abstract "maybe" carries forward: it agrees
    assert views.decisions(store, TITLE_ABSTRACT, votes_needed=2)[report].status == "include"
    vote(store, report, "CD", "exclude")
    assert views.decisions(store, TITLE_ABSTRACT, votes_needed=2)[report].status == "conflict"


def test_merging_two_reports_keeps_both_sets_of_votes_and_reopens_a_conflict(store: Store) -> None:
    first, second = import_records(store, "a.ris", ["T", "T."])
    for report, verdict in ((first, "include"), (second, "exclude")):
        vote(store, report, "AB", verdict)
        vote(store, report, "CD", verdict)
    with store.batch("dedup", "AB") as batch:
        batch.append([NewEvent(kind="assign", subject=second, value=first)])
    merged = views.decisions(store, TITLE_ABSTRACT, votes_needed=2)
    assert list(merged) == [first]
    assert merged[first].status == "conflict"
    assert len(merged[first].votes) == 4
    with store.batch("split", "AB") as batch:
        batch.append([NewEvent(kind="assign", subject=second, value=second)])
    apart = views.decisions(store, TITLE_ABSTRACT, votes_needed=2)
    assert (apart[first].status, apart[second].status) == ("include", "exclude")


def test_of_two_reasons_the_first_of_the_protocol_counts(store: Store) -> None:
    (report,) = import_records(store, "a.ris", ["T"])
    vote(store, report, "AB", "exclude", FULL_TEXT, "wrong outcome")
    vote(store, report, "CD", "exclude", FULL_TEXT, "wrong population")
    order = ("wrong population", "wrong outcome")
    decision = views.decisions(store, FULL_TEXT, votes_needed=2, reason_order=order)[report]
    assert (decision.status, decision.reason) == ("exclude", "wrong population")


def test_undo_restores_the_state_before_and_can_itself_be_undone(store: Store) -> None:
    (report,) = import_records(store, "a.ris", ["T"])
    vote(store, report, "AB", "include")
    vote(store, report, "AB", "exclude")
    last = store.batches()[-1]
    store.undo(last.id, actor="AB", command="undo")
    assert views.votes(store, TITLE_ABSTRACT)[report][0].verdict == "include"
    store.undo(store.batches()[-1].id, actor="AB", command="undo")
    assert views.votes(store, TITLE_ABSTRACT)[report][0].verdict == "exclude"
    first = store.batches()[1]
    assert store.undo(first.id, actor="AB", command="undo") == 0  # later work stands on it
    import_batch = store.batches()[0]
    store.undo(import_batch.id, actor="AB", command="undo")
    assert views.records(store) == {}


def test_a_past_moment_shows_what_was_true_then(store: Store) -> None:
    (report,) = import_records(store, "a.ris", ["T"])
    vote(store, report, "AB", "include")
    then = store.events()[-1].at
    vote(store, report, "AB", "exclude")
    assert views.votes(store, TITLE_ABSTRACT, as_of=then)[report][0].verdict == "include"
    assert views.votes(store, TITLE_ABSTRACT)[report][0].verdict == "exclude"


def test_the_hash_chain_shows_tampering(store: Store) -> None:
    (report,) = import_records(store, "a.ris", ["T"])
    vote(store, report, "AB", "include")
    vote(store, report, "CD", "exclude")
    assert store.verify_chain() is None
    raw = sqlite3.connect(store.path)
    raw.execute("DROP TRIGGER event_no_update")
    raw.execute("UPDATE event SET value = 'exclude' WHERE actor = 'AB' AND kind = 'screen'")
    raw.commit()
    raw.close()
    assert store.verify_chain() is not None


def test_a_store_written_by_a_newer_version_is_refused_with_the_version_it_needs(store: Store) -> None:
    raw = sqlite3.connect(store.path)
    raw.execute("INSERT INTO migration VALUES ('0999_future', '2030-01-01', '9.0.0')")
    raw.commit()
    raw.close()
    with pytest.raises(InputError, match=r"9\.0\.0"):
        Store.open(store.path)


def test_a_locked_database_says_that_another_program_writes(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    import toolkit.store.database as database

    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    second = Store.open(store.path)
    with pytest.raises(SourceError, match="another program is writing"), second.batch("x", "AB"):
        pass
    other.execute("ROLLBACK")
    other.close()


def test_a_full_disk_says_so_and_leaves_the_state_before(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    import_records(store, "a.ris", ["T"])
    store.close()
    pages = sqlite3.connect(store.path).execute("PRAGMA page_count").fetchone()[0]
    monkeypatch.setenv("EVIPOOL_MAX_PAGES", str(pages + 2))
    small = Store.open(store.path)
    with pytest.raises(SourceError, match="full"), small.batch("import", "AB") as batch:
        batch.add_blob(bytes(range(256)) * 4000 + __import__("os").urandom(200_000))
    assert list(views.records(small)) == [content_id("a.ris", 0)]


def test_a_file_that_is_not_a_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "evipool.db"
    path.write_bytes(b"this is not a database, it is a text file that is long enough to have a header" * 20)
    with pytest.raises(SourceError, match="not an intact evipool database"):
        Store.open(path)


def test_a_wrong_verdict_is_refused_with_what_is_allowed(store: Store) -> None:
    with pytest.raises(InputError, match="include, exclude, maybe"), store.batch("x", "AB") as batch:
        batch.append([NewEvent(kind="screen", stage=TITLE_ABSTRACT, subject="r", value="yes")])


def test_every_kind_of_event_names_the_fact_it_judges() -> None:
    columns = {"subject", "stage", "field", "actor", "value"}
    assert all(kind.key and set(kind.key) <= columns for kind in EVENT_KINDS.values())
