"""Taking commands back is the inverse of giving them, in whatever order."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.store.test_store import import_records, ticking, vote
from toolkit.model.events import EVENT_KINDS, NewEvent
from toolkit.model.review import TITLE_ABSTRACT
from toolkit.store import Store, content_id, views

RECORDS = [content_id("a.ris", n) for n in range(4)]
KINDS = ("screen", "resolve", "assign", "apart", "void apart", "version", "extract")
Judgement = tuple[str, int, int, str, str]
judgements = st.tuples(
    st.sampled_from(KINDS), st.integers(0, 3), st.integers(0, 3), st.sampled_from("AB"), st.sampled_from("xyz")
)
commands = st.lists(st.lists(judgements, min_size=1, max_size=3), min_size=1, max_size=8)


@contextmanager
def fresh() -> Iterator[Store]:
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(Path(folder) / "evipool.db", create=True, clock=ticking())
        import_records(store, "a.ris", ["A", "B", "C", "D"])
        yield store
        store.close()


def event_of(store: Store, judgement: Judgement) -> NewEvent:
    kind, first, second, actor, word = judgement
    record, other = RECORDS[first], RECORDS[second]
    verdict = {"x": "include", "y": "exclude", "z": "maybe"}[word]
    if kind == "screen":
        return NewEvent(kind=kind, stage=TITLE_ABSTRACT, subject=record, value=verdict, actor=actor)
    if kind == "resolve":
        seen = [v.event_id for v in views.votes(store, TITLE_ABSTRACT).get(record, ())]
        value = "exclude" if word == "y" else "include"
        return NewEvent(kind=kind, stage=TITLE_ABSTRACT, subject=record, value=value, payload={"seen": seen})
    if kind == "assign":
        return NewEvent(kind=kind, subject=record, value=other, payload={"note": word}, actor=f"rule:{actor}")
    if kind == "version":
        return NewEvent(kind=kind, subject="review", value=word, payload={"n": first})
    if kind == "extract":
        return NewEvent(kind=kind, stage="arms", subject=record, field="n", value=word, actor=actor)
    pair = "|".join(sorted((record, other)))
    return NewEvent(kind="apart", subject=pair, value="apart", void=kind.startswith("void"))


def give(store: Store, words: Sequence[Judgement]) -> str:
    with store.batch("judge", "AB") as batch:
        batch.append([event_of(store, one) for one in words])
        return batch.id


def state(store: Store) -> dict[str, Any]:
    """All that stands, with its ids and times, and what the views make of it."""
    heads = [e._replace(seq=0, batch_id="") for kind in EVENT_KINDS for e in store.heads(kind)]
    return {
        "heads": sorted(heads, key=lambda e: e.id),
        "versions": views.versions(store),
        "assigned": dict(views.assignments(store)),
        "by": dict(views.assigned_by(store)),
        "decisions": {
            report: (d.status, d.reason, sorted(d.votes))
            for report, d in views.decisions(store, TITLE_ABSTRACT, votes_needed=2).items()
        },
        "verdicts": {r: v.status for r, v in views.verdicts(store, TITLE_ABSTRACT, votes_needed=2).items()},
        "first votes": views.first_votes(store, TITLE_ABSTRACT),
    }


def said(store: Store) -> dict[str, str | None]:
    """Fact -> what stands of it, whatever its id and time."""
    return {e.slot: e.value for kind in EVENT_KINDS for e in store.heads(kind)}


def undo(store: Store, batch: str) -> str:
    store.undo(batch, actor="AB", command="undo")
    return store.batches()[-1].id


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(commands)
def test_n_undos_lead_to_the_state_before_the_last_n_commands(given_commands: list[list[Judgement]]) -> None:
    with fresh() as store:
        before, batches = [], []
        for words in given_commands:
            before.append(state(store))
            batches.append(give(store, words))
        while batches:
            undo(store, batches.pop())
            assert state(store) == before.pop()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(commands, st.randoms(use_true_random=False))
def test_what_stands_is_what_the_commands_not_taken_back_say_in_whatever_order_they_were(
    given_commands: list[list[Judgement]], random: Any
) -> None:
    plain = [[one for one in words if one[0] != "resolve"] for words in given_commands]
    plain = [words for words in plain if words]
    with fresh() as store, fresh() as other:
        batches = [give(store, words) for words in plain]
        whole = state(store)
        gone = random.sample(range(len(plain)), random.randint(0, len(plain)))
        undos = [undo(store, batches[k]) for k in gone]
        for k, words in enumerate(plain):
            if k not in gone:
                give(other, words)
        assert said(store) == said(other)
        random.shuffle(undos)
        for one in undos:
            undo(store, one)
        assert state(store) == whole


def test_a_vote_changed_twice_and_taken_back_twice_leaves_none() -> None:
    with fresh() as store:
        vote(store, RECORDS[0], "AB", "include")
        vote(store, RECORDS[0], "AB", "exclude")
        first, last = [row.id for row in store.batches()][-2:]
        undo(store, last)
        assert [v.verdict for v in views.votes(store, TITLE_ABSTRACT)[RECORDS[0]]] == ["include"]
        undo(store, first)
        assert views.votes(store, TITLE_ABSTRACT) == {}
        assert views.first_votes(store, TITLE_ABSTRACT) == {}


def test_a_resolution_stands_when_the_votes_it_saw_stand_again() -> None:
    with fresh() as store:
        vote(store, RECORDS[0], "A", "include")
        vote(store, RECORDS[0], "B", "exclude")
        give(store, [("resolve", 0, 0, "A", "x")])
        vote(store, RECORDS[0], "B", "maybe")
        vote(store, RECORDS[0], "B", "exclude")
        assert views.decisions(store, TITLE_ABSTRACT, votes_needed=2)[RECORDS[0]].status == "conflict"
        for row in reversed(store.batches()[-2:]):
            undo(store, row.id)
        for found in (views.decisions, views.verdicts):
            assert found(store, TITLE_ABSTRACT, votes_needed=2)[RECORDS[0]].status == "include"


def test_what_an_undo_restores_keeps_who_said_it() -> None:
    with fresh() as store:
        give(store, [("assign", 1, 0, "A", "x")])
        give(store, [("assign", 1, 2, "B", "x")])
        undo(store, store.batches()[-1].id)
        assert views.assigned_by(store)[RECORDS[1]] == "rule:A"
