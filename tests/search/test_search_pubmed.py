"""Searching and fetching: counts proved, slices reconciled, batches compared with what was asked."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from tests.emulator import Article, Emulator
from tests.search.conftest import FakeTime, made_article, make_transport
from toolkit.model.errors import InputError, SourceError
from toolkit.search import pubmed
from toolkit.search.faults import EntrezError, Reply
from toolkit.search.transport import Settings, Transport

TODAY = date(2026, 3, 1)


class OneReply:
    """An opener that answers everything with one body."""

    paced = False

    def __init__(self, body: bytes) -> None:
        self.body = body

    def __call__(self, request: object, timeout: float) -> Reply:
        return Reply(status=200, headers=(), body=self.body)


def answer(shared: Path, name: str) -> pubmed.Answer:
    body = (shared / "samples" / "entrez" / name).read_bytes()
    return pubmed.esearch(Transport(settings=Settings(), opener=OneReply(body)), "x")


def ids(transport: Transport, query: str = "osteonecrosis[tiab]") -> pubmed.IdList:
    return pubmed.collect_ids(transport, query, today=TODAY)


def test_real_reply_gives_count_ids_and_translation(shared: Path):
    found = answer(shared, "bp_esearch2.xml")
    assert (found.count, len(found.ids), found.ids[0]) == (42249, 100, "41297076")
    assert found.translation is not None
    assert found.translation.endswith("2025/09/27:2025/11/26[Date - Entry]")
    assert found.translations[0][0] == "cancer"
    assert found.warnings == ()


def test_real_zero_is_zero_and_names_the_phrase_not_found(shared: Path):
    found = answer(shared, "bp_esearch8.xml")
    assert (found.count, found.ids) == (0, ())
    assert [str(w) for w in found.warnings] == ["PhraseNotFound: abcXYZ"]


def test_real_hits_with_a_dropped_term_carry_a_warning(shared: Path):
    found = answer(shared, "klortho_esearch.error.xml")
    assert found.count == 5163
    assert [str(w) for w in found.warnings] == ["PhraseNotFound: fleegle[MeSH Terms]"]


def test_real_clipping_carries_a_warning(shared: Path):
    found = answer(shared, "warn_esearch_restrictions_achieved.xml")
    assert [w.kind for w in found.warnings] == ["OutputMessage"]


def test_zero_hits_and_an_error_are_different(emulator: Emulator, transport: Transport):
    assert ids(transport, "nonsense[tiab]").first.count == 0
    emulator.fail("esearch", "backend_502", times=20)
    with pytest.raises(EntrezError):
        ids(transport, "nonsense[tiab]")


def test_a_list_shorter_than_its_count_is_refused(emulator: Emulator, transport: Transport):
    emulator.fail("esearch:list", "short_list")
    with pytest.raises(SourceError, match="counts 12 records but listed 11"):
        ids(transport)


def test_an_empty_query_is_refused_before_it_is_sent(emulator: Emulator, transport: Transport):
    with pytest.raises(InputError):
        ids(transport, "  ")
    assert not emulator.requests


@pytest.fixture
def small_cap(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(pubmed, "CAP", 49)
    monkeypatch.setattr(pubmed, "SLICE_SIZE", 40)
    return 49


def spread(count: int, per_day: int, first: date = date(1975, 6, 1)) -> list[Article]:
    return [made_article(n, created=first + timedelta(days=37 * (n // per_day))) for n in range(1, count + 1)]


def test_a_result_above_the_cap_is_sliced_and_complete(small_cap: int, fake_time: FakeTime):
    with Emulator(spread(400, 7), cap=small_cap) as emulator:
        seen: list[tuple[int, int]] = []
        found = pubmed.collect_ids(
            make_transport(emulator, fake_time), "osteonecrosis[tiab]", today=TODAY, progress=lambda *x: seen.append(x)
        )
    assert len(found.ids) == len(set(found.ids)) == found.first.count == 400
    assert sum(s.count for s in found.slices) == 400
    assert all(s.count <= 40 for s in found.slices)
    days = sorted((s.first, s.last) for s in found.slices)
    assert days[0][0] == date(1800, 1, 1)
    assert days[-1][1] == date(3000, 12, 31)
    assert all(b[0] - a[1] == timedelta(days=1) for a, b in pairwise(days))
    assert seen[-1] == (400, 400)


def test_records_dated_before_and_after_every_usual_day_are_found(small_cap: int, fake_time: FakeTime):
    early = [made_article(900 + n, created=date(1850, 1, 1 + n)) for n in range(20)]
    late = [made_article(950 + n, created=date(2027, 1, 1 + n)) for n in range(20)]
    with Emulator([*spread(100, 5), *early, *late], cap=small_cap) as emulator:
        assert len(ids(make_transport(emulator, fake_time)).ids) == 140


def test_a_single_day_above_the_cap_fails_with_its_reason(small_cap: int, fake_time: FakeTime):
    crowd = [made_article(n, created=date(2021, 5, 5)) for n in range(1, 61)]
    with (
        Emulator(crowd, cap=small_cap) as emulator,
        pytest.raises(SourceError, match=r"60 records of this search were created on one day \(2021-05-05\)"),
    ):
        ids(make_transport(emulator, fake_time))


def test_a_single_day_at_the_cap_is_served(small_cap: int, fake_time: FakeTime):
    crowd = [made_article(n, created=date(2021, 5, 5)) for n in range(1, 50)]
    more = [made_article(n, created=date(2010, 5, 5)) for n in range(50, 60)]
    with Emulator([*crowd, *more], cap=small_cap) as emulator:
        assert len(ids(make_transport(emulator, fake_time)).ids) == 59


def test_a_union_that_differs_from_the_undivided_count_is_refused(small_cap: int, fake_time: FakeTime):
    with Emulator(spread(100, 5), cap=small_cap) as emulator:
        transport = make_transport(emulator, fake_time)
        seen = 0

        def grow(_done: int, _total: int) -> None:
            nonlocal seen
            seen += 1
            if seen == 1:  # PubMed gains a record in a slice that was read already
                newest = made_article(999, created=date(2026, 2, 28))
                emulator.articles[newest.pmid] = newest

        with pytest.raises(SourceError, match="the undivided query 101"):
            pubmed.collect_ids(transport, "osteonecrosis[tiab]", today=TODAY, progress=grow)


def test_the_real_cap_is_honoured_by_the_emulated_service(fake_time: FakeTime):
    many = spread(10_050, 100, first=date(1990, 1, 1))
    with Emulator(many) as emulator:
        transport = make_transport(emulator, fake_time)
        clipped = pubmed.esearch(transport, "osteonecrosis[tiab]", retmax=20_000)
        assert (clipped.count, len(clipped.ids)) == (10_050, 9_999)
        assert "Restrictions achieved" in clipped.warnings[0].text
        assert len(ids(transport).ids) == 10_050


def test_batches_are_fetched_by_id_by_post_and_compared(emulator: Emulator, transport: Transport):
    found = ids(transport)
    batches = list(pubmed.fetch_batches(transport, found.ids, size=5))
    assert [len(b.requested) for b in batches] == [5, 5, 2]
    assert [b.missing for b in batches] == [(), (), ()]
    assert sorted(p for b in batches for p in b.returned) == sorted(found.ids)
    asked = emulator.asked("efetch")
    assert [a.method for a in asked] == ["POST"] * 3
    assert asked[0].params["id"] == ",".join(found.ids[:5])


def test_batches_are_yielded_one_at_a_time(emulator: Emulator, transport: Transport):
    stream = pubmed.fetch_batches(transport, ids(transport).ids, size=5)
    next(stream)
    assert len(emulator.asked("efetch")) == 1


def test_ids_left_out_by_the_service_are_named(emulator: Emulator, transport: Transport):
    found = ids(transport)
    emulator.withdraw(found.ids[3], announced=True)
    (batch,) = pubmed.fetch_batches(transport, found.ids)
    assert batch.missing == (found.ids[3],)
    assert batch.deleted == (found.ids[3],)
    assert len(batch.returned) == 11


def test_a_record_nobody_asked_for_is_refused(emulator: Emulator, transport: Transport):
    emulator.stray = made_article(77)
    with pytest.raises(SourceError, match="not asked for"):
        list(pubmed.fetch_batches(transport, ids(transport).ids))


def test_a_batch_that_times_out_at_the_service_is_halved(emulator: Emulator, transport: Transport):
    found = ids(transport)
    emulator.fail("efetch", "viewer_timeout", times=3)
    batches = list(pubmed.fetch_batches(transport, found.ids))
    assert [len(b.requested) for b in batches] == [6, 6]
    assert [a.params["id"].count(",") + 1 for a in emulator.asked("efetch")] == [12, 12, 12, 6, 6]


def test_an_outage_is_not_multiplied_by_halving(emulator: Emulator, transport: Transport):
    found = ids(transport)
    emulator.fail("efetch", "viewer_timeout", times=100)
    with pytest.raises(EntrezError):
        list(pubmed.fetch_batches(transport, found.ids))
    assert len(emulator.asked("efetch")) <= 15


def test_windows_are_written_as_pubmed_reads_them():
    assert pubmed.with_window("a OR b", "crdt", date(2020, 1, 2), date(2021, 3, 4)) == (
        "(a OR b) AND 2020/01/02:2021/03/04[crdt]"
    )
    assert pubmed.with_window("a", "edat", date(2020, 1, 2), None) == "(a) AND 2020/01/02:3000/12/31[edat]"
    assert pubmed.with_window("a", "crdt", None, None) == "a"
    with pytest.raises(InputError):
        pubmed.with_window("a", "crdt", date(2021, 1, 1), date(2020, 1, 1))


def test_real_records_come_back_with_all_their_ids(shared: Path, fake_time: FakeTime):
    from tests.emulator import articles_from_xml

    folder = shared / "samples" / "entrez"
    sample = articles_from_xml(
        *(folder.joinpath(n).read_bytes() for n in ("nlm_pubmedsample_2019_part.xml", "bp_pubmed1.xml"))
    )
    with Emulator(sample) as emulator:
        transport = make_transport(emulator, fake_time)
        (batch,) = pubmed.fetch_batches(transport, [a.pmid for a in sample], size=500)
    assert len(batch.returned) == len({a.pmid for a in sample}) == 108
    assert batch.missing == ()
