"""What views keep between commands, each with the mark of the history it was read from.

The history is append-only and its hash chain names it, so what was read up to one event holds for good: only what came
later is read again. A mark is the position and the hash of the last event of the kinds that a part rests on; in a
history that lacks this event (another copy, an older backup) the part counts as missing. Past moments are never kept.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar, cast

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select

from toolkit.store import schema
from toolkit.store.rows import heads_query, payloads, plain_rows
from toolkit.store.store import Store
from toolkit.store.undo import was

__all__ = ["Ballots", "Joined", "Mark", "ballots", "joined", "kept", "read_run_records", "run_records", "standing_on"]

_MANY = 2_000  # with more subjects judged since, everything is read again
_FEW = 100  # so many are looked up each time; with more, what was found is kept
_AT_ONCE = 100  # conditions of one query
_AFTER = "}"  # the character that follows the "|" between the parts of a slot

Kinds = Sequence[tuple[str, str | None]] | None
T = TypeVar("T")


class Mark(NamedTuple):
    """The last event of some kinds: its position in the history and its hash; (0, "") while there is none."""

    seq: int
    hash: str


@dataclass(slots=True)
class Joined:
    """Records that were compared with the others: where each belongs, who said so, what was asked of a person.

    Attributes
    ----------
    actor : record -> who assigned it, to another or to itself
    moved : record -> the other record whose report it belongs to
    asks : (place, record, questions) of each assignment that asks something, in order; its place is the time it was
        made, also of one that stands again, and its position in the history
    """

    actor: dict[str, str] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    asks: list[tuple[tuple[str, int], str, list[dict[str, Any]]]] = field(default_factory=list)


# A vote without its circumstances: reviewer, verdict, reason, and the event's id ("" in a ballot on which all agree).
Ballot = tuple[tuple[str, str, str | None, str], ...]


@dataclass(slots=True)
class Ballots:
    """Subject -> number of its ballot -> the votes that stand on it; equal ballots have one number."""

    number: dict[str, int] = field(default_factory=dict)
    ballots: list[Ballot] = field(default_factory=list)


def kept(store: Store, name: str, kinds: Kinds, depends: str, make: Callable[[], T]) -> T:
    """What ``make`` returns (JSON-able), kept until an event of these kinds is appended or ``depends`` changes.

    Parameters
    ----------
    kinds : (kind, stage) of every event that the answer rests on; the stage None stands for all. None itself stands
        for the whole history, runs that nothing has completed yet among it
    depends : everything else that it rests on, such as a hash of the settings
    """
    if store.cache is None:
        return make()
    stamp = [depends, _newest(store, kinds)]
    content = store.cache.read(name)
    if content is not None and content["stamp"] == stamp:
        return cast(T, content["value"])
    value = make()
    if _newest(store, kinds) == stamp[1]:  # else somebody wrote meanwhile, and what was read may be mixed
        store.cache.write(name, {"stamp": stamp, "value": value})
    return value


def run_records(store: Store, finished: Iterable[str]) -> dict[str, list[str]]:
    """Finished run -> ids of its records in order of arrival."""
    record = schema.record.c
    wanted = list(finished)
    with store.reading() as connection:
        # Records are never changed, only added, and only to open runs: their numbers tell that none was.
        counts = dict(plain_rows(connection, select(record.run_id, func.count()).group_by(record.run_id)))
    depends = json.dumps([[run, counts.get(run, 0)] for run in wanted])

    def read() -> dict[str, list[str]]:
        before = store.cache.read("records") if store.cache is not None else None
        value = before["value"] if before is not None else {}
        known = {run: value[run] for run in wanted if run in value and len(value[run]) == counts.get(run, 0)}
        if not known:
            return read_run_records(store, wanted)
        rest = read_run_records(store, [run for run in wanted if run not in known], others=False)
        return {run: known[run] if run in known else rest[run] for run in wanted}

    return kept(store, "records", [("run", None)], depends, read)


def read_run_records(store: Store, finished: Iterable[str], *, others: bool = True) -> dict[str, list[str]]:
    """As `run_records`, read afresh; ``others``: whether most runs are wanted, and all are looked through."""
    record = schema.record.c
    query = select(record.run_id, record.id).order_by(record.run_id, record.ordinal)
    found: dict[str, list[str]] = {run: [] for run in finished}
    if not others:
        query = query.where(record.run_id.in_(list(found)))
    with store.reading() as connection:
        for run, one in plain_rows(connection, query):
            if run in found:
                found[run].append(one)
    return found


def joined_by(payload: str, actor: str) -> str:
    """Who joined a record to its report, from an assignment: not who moved it along with the report later."""
    return str(json.loads(payload)["joined_by"]) if '"joined_by":' in payload else actor


def joined(store: Store) -> Joined:
    """Who belongs where by the assignments that stand now; records that nobody compared are not in it."""
    return store.remember("kept joined", lambda: _joined(store))


def _joined(store: Store) -> Joined:
    part = _Part(store, "assignments", "assign", None, ("seq", "subject", "value", "actor", "payload", "at"))
    content, rows, changed = part.read()
    found = Joined()
    if content is not None:
        found.actor = dict.fromkeys(content["records"], content["usual_actor"]) | content["other_actors"]
        found.moved = content["moved"]
        found.asks = [
            ((at, seq), record, asked) for (at, seq), record, asked in content["asks"] if record not in changed
        ]
    for record in changed:
        found.actor.pop(record, None)
        found.moved.pop(record, None)
    for seq, record, report, actor, text, at in rows:
        found.actor[record] = joined_by(text, actor)
        found.moved[record] = report or record
        if found.moved[record] == record:
            del found.moved[record]
        if '"ask":' in text:
            payload = json.loads(text)
            found.asks.append(((was(payload, "", at)[1], seq), record, payload.get("ask", [])))
    found.asks.sort(key=lambda ask: ask[0])
    if part.is_worth_keeping:
        usual = Counter(found.actor.values()).most_common(1)[0][0] if found.actor else ""
        part.keep(
            {
                "records": list(found.actor),
                "usual_actor": usual,
                "other_actors": {record: actor for record, actor in found.actor.items() if actor != usual},
                "moved": found.moved,
                "asks": found.asks,
            }
        )
    return found


def ballots(store: Store, stage: str) -> Ballots:
    """The votes that stand now at a stage of screening, by the record or report that they were given to."""
    return store.remember(("kept ballots", stage), lambda: _ballots(store, stage))


def _ballots(store: Store, stage: str) -> Ballots:
    part = _Part(store, f"votes-{stage}", "screen", stage, ("seq", "subject", "actor", "value", "payload", "id"))
    content, rows, changed = part.read()
    found = Ballots()
    if content is not None:
        found.number = dict(zip(content["subjects"], content["numbers"], strict=True))
        found.ballots = [tuple((a, v, r, i) for a, v, r, i in ballot) for ballot in content["ballots"]]
    for subject in changed:
        found.number.pop(subject, None)
    numbers: dict[Ballot, int] = {ballot: i for i, ballot in enumerate(found.ballots)}
    given: dict[str, list[tuple[str, str, str | None, str]]] = {}
    said = payloads()
    for _, subject, actor, value, text, event in rows:
        vote = said[text]
        given.setdefault(subject, []).append((actor, value or "", vote.get("reason"), was(vote, event, "")[0]))
    for subject, votes in given.items():
        verdicts = {verdict for _, verdict, _, _ in votes}
        agreed = len(verdicts) == 1 and verdicts <= {"include", "exclude"}
        ballot = tuple((a, v, r, "") for a, v, r, _ in votes) if agreed else tuple(votes)
        found.number[subject] = numbers.setdefault(ballot, len(numbers))
    found.ballots = list(numbers)
    if part.is_worth_keeping:
        part.keep({"subjects": list(found.number), "numbers": list(found.number.values()), "ballots": found.ballots})
    return found


class _Part:
    """The standing events of one kind, as far as they were kept, and what came later.

    Attributes
    ----------
    is_worth_keeping : whether so much came later that it is to be kept
    """

    def __init__(self, store: Store, name: str, kind: str, stage: str | None, columns: Sequence[str]) -> None:
        self._store, self._name, self._kind, self._stage = store, name, kind, stage
        self._columns = columns
        self._mark = Mark(0, "")
        self.is_worth_keeping = False

    def read(self) -> tuple[dict[str, Any] | None, list[tuple[Any, ...]], frozenset[str]]:
        """What was kept, standing events that it lacks in order, and the subjects that were judged since.

        All standing events come, and nothing kept, where nothing valid is kept or too much came later.
        """
        cache = self._store.cache
        content = cache.read(self._name) if cache is not None else None
        with self._store.moment() as connection:
            self._mark = _last(connection, self._kind, self._stage)
            if content is not None and _is_in(connection, Mark(*content["mark"])):
                changed = self._changed_since(connection, content["mark"][0])
                if len(changed) <= _MANY:
                    self.is_worth_keeping = len(changed) > _FEW
                    rows = standing_on(connection, self._kind, self._stage, self._columns, sorted(changed))
                    return content, sorted(rows, key=lambda row: row[0]), changed
            self.is_worth_keeping = True
            query = _standing(self._kind, self._stage, self._columns).order_by(schema.event.c.seq)
            return None, plain_rows(connection, query), frozenset()

    def keep(self, content: dict[str, Any]) -> None:
        """Keep what was made of it, for the history up to the moment of `read`."""
        if self._store.cache is not None:
            self._store.cache.write(self._name, {"mark": self._mark, **content})

    def _changed_since(self, connection: Connection, seq: int) -> frozenset[str]:
        event = schema.event.c
        query = select(event.subject).where(event.kind == self._kind, event.seq > seq).distinct().limit(_MANY + 1)
        if self._stage is not None:
            query = query.where(event.stage == self._stage)
        return frozenset(connection.execute(query).scalars())


def standing_on(
    connection: Connection, kind: str, stage: str | None, columns: Sequence[str], subjects: Sequence[str]
) -> list[tuple[Any, ...]]:
    """These columns of the standing events on some subjects, found by their slots; in no order.

    A slot begins with the kind, the stage (of kinds that have one) and the subject: see `toolkit.model.events.slot_of`.
    """
    if not subjects:
        return []
    event = schema.event.c
    query = _standing(kind, stage, columns)
    found: list[tuple[Any, ...]] = []
    for at in range(0, len(subjects), _AT_ONCE):
        some = subjects[at : at + _AT_ONCE]
        if stage is None:
            slots: ColumnElement[bool] = event.slot.in_([f"{kind}|{subject}" for subject in some])
        else:
            starts = [f"{kind}|{stage}|{subject}" for subject in some]
            slots = or_(*(and_(event.slot > f"{start}|", event.slot < f"{start}{_AFTER}") for start in starts))
        found += plain_rows(connection, query.where(slots, event.subject.in_(some)))
    return found


def _standing(kind: str, stage: str | None, columns: Sequence[str]) -> Select[Any]:
    event = schema.event.c
    query = heads_query(None, [event[column] for column in columns]).where(event.kind == kind, event.void.is_(False))
    return query if stage is None else query.where(event.stage == stage)


def _newest(store: Store, kinds: Kinds) -> str:
    """What names the history of these kinds: the hash of its last event, and for all of it the number of runs."""
    if kinds is None:
        with store.reading() as connection:
            runs = connection.execute(select(func.count()).select_from(schema.run)).scalar()
        return f"{store.head_hash()} {runs}"
    with store.reading() as connection:
        return max(_last(connection, kind, stage) for kind, stage in kinds).hash


def _last(connection: Connection, kind: str, stage: str | None) -> Mark:
    event = schema.event.c
    query = select(func.max(event.seq)).where(event.kind == kind)
    if stage is not None:
        query = query.where(event.stage == stage)
    seq = connection.execute(query).scalar()
    return Mark(0, "") if seq is None else Mark(seq, _hash_at(connection, seq))


def _hash_at(connection: Connection, seq: int) -> str:
    return connection.execute(select(schema.event.c.hash).where(schema.event.c.seq == seq)).scalar() or ""


def _is_in(connection: Connection, mark: Mark) -> bool:
    """Whether the history holds the event of a mark; the mark of none fits every history."""
    return mark.seq == 0 or _hash_at(connection, mark.seq) == mark.hash
