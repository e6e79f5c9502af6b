"""Searching PubMed: every id first, then the records in batches by id, each proved against what was asked.

PubMed serves at most 9,999 records of a result. A larger one is cut into slices by the day the record was created
([crdt]: print and electronic dates would overlap), and the union must agree with the undivided count.

References
----------
NLM, Entrez Programming Utilities Help, NBK25499 (ESearch, EFetch).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from lxml import etree

from toolkit.model.errors import InputError, SourceError
from toolkit.model.wording import counted
from toolkit.search.faults import PERMANENT, EntrezError, Fault, Reply
from toolkit.search.transport import Transport

__all__ = [
    "BATCH_SIZE",
    "CAP",
    "SLICE_SIZE",
    "WINDOW_FIELDS",
    "Answer",
    "Batch",
    "IdList",
    "QueryWarning",
    "Slice",
    "collect_ids",
    "esearch",
    "fetch_batches",
    "with_window",
]

CAP = 9999  # records of one result that PubMed serves; retmax beyond it is silently clipped
SLICE_SIZE = 9000  # below the cap, so that records added while we ask do not push a slice over it
BATCH_SIZE = 200  # ids a request; about 2 MB of XML
WINDOW_FIELDS = ("crdt", "edat", "mhda")  # created, entered, MeSH added: when PubMed learnt of a record
FIRST_DAY, LAST_DAY = date(1800, 1, 1), date(3000, 12, 31)
OLDEST_CREATED = date(1965, 1, 1)  # where halving starts; earlier days stay inside the first slice


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryWarning:
    """PubMed's word that it did not search what was written: the element's name and its text."""

    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One reply of esearch.

    Attributes
    ----------
    count : records that match, whether or not they were all listed
    ids : PMIDs listed
    translation : the query as PubMed read it
    translations : (words, what they were mapped to), the automatic term mapping
    warnings : where the query searched differs from the one written
    reply : the checked reply, for keeping
    """

    count: int
    ids: tuple[str, ...]
    translation: str | None
    translations: tuple[tuple[str, str], ...]
    warnings: tuple[QueryWarning, ...]
    reply: Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """One piece of a large result: the days of creation it covers and its count."""

    first: date
    last: date
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IdList:
    """Every id of a search, agreed with PubMed's own count.

    Attributes
    ----------
    ids : PMIDs without repeats, in PubMed's order (newest first), or slice by slice
    first : the reply to the undivided query: count, translation, warnings
    slices : how the result was cut; empty if it was not
    replies : (what was asked, reply) of every esearch, for keeping
    """

    ids: tuple[str, ...]
    first: Answer
    slices: tuple[Slice, ...]
    replies: tuple[tuple[str, Reply], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One batch of records.

    Attributes
    ----------
    requested : the ids asked for
    returned : the ids of the records that came
    missing : asked for and not delivered (PubMed answers by leaving out: deleted, merged or not yet there)
    deleted : ids that the reply itself says were withdrawn (DeleteCitation)
    reply : the checked reply
    """

    requested: tuple[str, ...]
    returned: tuple[str, ...]
    missing: tuple[str, ...]
    deleted: tuple[str, ...]
    reply: Reply


def esearch(transport: Transport, query: str, *, retmax: int = CAP) -> Answer:
    """What PubMed answers to a query.

    Raises
    ------
    EntrezError
        the service failed; a failure is never an answer of zero.
    """
    if not query.strip():
        raise InputError("The query is empty.")
    reply = transport.call("esearch", db="pubmed", term=query, retmax=retmax, retmode="xml")
    root = _parse(reply)
    count = root.findtext("Count")
    if count is None or not count.strip().isdigit():
        raise _broken("the reply of esearch has no count")
    return Answer(
        count=int(count),
        ids=tuple((element.text or "").strip() for element in root.iterfind("IdList/Id")),
        translation=root.findtext("QueryTranslation"),
        translations=tuple(
            ((t.findtext("From") or "").strip(), (t.findtext("To") or "").strip())
            for t in root.iterfind("TranslationSet/Translation")
        ),
        warnings=tuple(_warnings(root, int(count))),
        reply=reply,
    )


def with_window(query: str, field: str, first: date | None, last: date | None) -> str:
    """The query limited to a window of days in a date field, or in "any" of `WINDOW_FIELDS`; open ends where None."""
    if first is None and last is None:
        return query
    if first is not None and last is not None and first > last:
        raise InputError("The window ends before it begins.", value=f"{first} to {last}")
    span = f"{_day(first or FIRST_DAY)}:{_day(last or LAST_DAY)}"
    if field == "any":
        return f"({query}) AND ({' OR '.join(f'{span}[{name}]' for name in WINDOW_FIELDS)})"
    return f"({query}) AND {span}[{field}]"


def collect_ids(
    transport: Transport, query: str, *, today: date, progress: Callable[[int, int], None] | None = None
) -> IdList:
    """Every id that matches, however many, reconciled with PubMed's count.

    Parameters
    ----------
    today : the day of the search; halving of large results looks no further ahead
    progress : called with (ids so far, count)

    Raises
    ------
    SourceError
        ids and count disagree (the result was cut or changed while it was read), or one single day holds more than
        9,999 records, which PubMed does not serve.
    """
    first = esearch(transport, query)
    replies: list[tuple[str, Reply]] = [(query, first.reply)]
    if first.count <= CAP:
        if len(set(first.ids)) != first.count:
            raise _broken(f"PubMed counts {counted(first.count, 'record')} but listed {len(set(first.ids)):,}")
        if progress:
            progress(first.count, first.count)
        return IdList(ids=first.ids, first=first, slices=(), replies=tuple(replies))
    found: dict[str, None] = {}
    slices: list[Slice] = []
    for piece, answer in _slices(transport, query, today, replies):
        slices.append(piece)
        found.update(dict.fromkeys(answer.ids))
        if progress:
            progress(len(found), first.count)
    again = esearch(transport, query, retmax=0)
    replies.append((query, again.reply))
    summed = sum(piece.count for piece in slices)
    if not len(found) == summed == again.count:
        raise _broken(
            f"the slices hold {counted(len(found), 'different record')} ({summed:,} counted), "
            f"the undivided query {again.count:,}; PubMed may have been updated meanwhile"
        )
    return IdList(ids=tuple(found), first=first, slices=tuple(slices), replies=tuple(replies))


def fetch_batches(transport: Transport, ids: Sequence[str], *, size: int = BATCH_SIZE) -> Iterator[Batch]:
    """The records of these ids, batch by batch; a batch that PubMed cannot make is asked for in halves.

    Raises
    ------
    SourceError
        a reply holds records that were not asked for, or the service failed for good.
    """
    for start in range(0, len(ids), size):
        yield from _fetch(transport, tuple(ids[start : start + size]))


def _fetch(transport: Transport, ids: tuple[str, ...]) -> Iterator[Batch]:
    try:
        reply = transport.call("efetch", db="pubmed", id=",".join(ids), retmode="xml")
    except EntrezError as error:
        if not error.halve or len(ids) == 1:
            raise
        middle = len(ids) // 2
        yield from _fetch(transport, ids[:middle])
        yield from _fetch(transport, ids[middle:])
        return
    returned, deleted = _ids_of(reply.body)
    extra = sorted(set(returned) - set(ids))
    if extra:
        raise _broken(f"PubMed sent records that were not asked for ({', '.join(extra[:5])})")
    came = set(returned)
    yield Batch(
        requested=ids,
        returned=tuple(returned),
        missing=tuple(pmid for pmid in ids if pmid not in came),
        deleted=tuple(deleted),
        reply=reply,
    )


def _slices(
    transport: Transport, query: str, today: date, replies: list[tuple[str, Reply]]
) -> Iterator[tuple[Slice, Answer]]:
    waiting = [(FIRST_DAY, LAST_DAY)]
    while waiting:
        first, last = waiting.pop()
        asked = with_window(query, "crdt", first, last)
        answer = esearch(transport, asked)
        if answer.count <= SLICE_SIZE or (first == last and answer.count <= CAP):
            replies.append((asked, answer.reply))
            listed = len(set(answer.ids))
            if listed != answer.count:
                raise _broken(f"a slice counts {counted(answer.count, 'record')} but listed {listed:,} ({asked[-40:]})")
            yield Slice(first=first, last=last, count=answer.count), answer
        elif first == last:
            raise SourceError(
                f"{answer.count:,} records of this search were created on one day ({first}), and PubMed serves only "
                f"{CAP:,} of a result. Narrow the query, or split it into parts that together mean the same."
            )
        else:
            middle = _middle(first, last, today)
            waiting += [(first, middle), (middle + timedelta(days=1), last)]


def _middle(first: date, last: date, today: date) -> date:
    low, high = max(first, OLDEST_CREATED), min(last, today + timedelta(days=1))
    if low >= high:  # wholly outside the years in which records are created
        low, high = first, last
    return min(low + (high - low) // 2, last - timedelta(days=1))


def _warnings(root: Any, count: int) -> Iterator[QueryWarning]:
    for path in ("ErrorList", "WarningList"):
        for element in root.iterfind(f"{path}/*"):
            kind, text = str(element.tag), (element.text or "").strip()
            # "No items found." only says that the count is zero.
            if text and not (count == 0 and kind == "OutputMessage" and text.startswith("No items found")):
                yield QueryWarning(kind=kind, text=text)


def _ids_of(body: bytes) -> tuple[list[str], list[str]]:
    root = _parse_body(body)
    records = [root] if root.tag == "PubmedArticle" else list(root)
    returned, deleted = [], []
    for element in records:
        if element.tag == "DeleteCitation":
            deleted += [(pmid.text or "").strip() for pmid in element.iterfind("PMID")]
        elif isinstance(element.tag, str):
            pmid = element.findtext("MedlineCitation/PMID") or element.findtext("BookDocument/PMID")
            if pmid:
                returned.append(pmid.strip())
    return returned, deleted


def _parse(reply: Reply) -> Any:
    return _parse_body(reply.body)


def _parse_body(body: bytes) -> Any:
    try:
        return etree.fromstring(
            body, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)
        )
    except etree.XMLSyntaxError as error:
        raise _broken(f"the reply is not well-formed XML ({re.sub(r'[^ -~]', '?', str(error))[:120]})") from None


def _broken(message: str) -> EntrezError:
    text = f"PubMed: {message}. Nothing was counted; run the search again."
    return EntrezError(text, fault=Fault(kind=PERMANENT, message=message))


def _day(day: date) -> str:
    return f"{day.year:04d}/{day.month:02d}/{day.day:02d}"
