"""A search as a run of a project: stored, resumed, rerun, signed off."""

from __future__ import annotations

import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from tests.emulator import Emulator
from tests.emulator.articles import article_of
from tests.search.conftest import EMAIL, KEY, STRATEGY, FakeTime, made_article, make_transport
from toolkit.model.errors import InputError, SourceError, WaitingForPeople
from toolkit.project import Project
from toolkit.search import pubmed
from toolkit.search.compare import compare_runs
from toolkit.search.faults import EntrezError
from toolkit.search.run import SearchOutcome, Window, discard_run, find_run, run_search, search_runs, window_since_last
from toolkit.search.transport import Transport
from toolkit.store import views

REPO = Path(__file__).resolve().parents[2]
NewProject = Callable[..., Project]


def titles(project: Project) -> set[str | None]:
    return {record.fields.title for record in views.records(project.store).values()}


def bodies(project: Project, run_id: str) -> list[tuple[str, bytes]]:
    return [(what, project.store.blob(digest)) for _, what, digest in views.run_bodies(project.store, run_id)]


def rerun(project: Project, emulator: Emulator, day: datetime, **options: object) -> SearchOutcome:
    emulator.today = day
    return run_search(project, "pubmed.txt", transport=make_transport(emulator, FakeTime()), **options)  # type: ignore[arg-type]


SEPTEMBER = datetime(2026, 9, 1, 12, tzinfo=UTC)


def test_a_search_stores_query_translation_count_ids_bodies_and_records(new_project: NewProject, transport: Transport):
    with new_project() as project:
        outcome = run_search(project, "pubmed.txt", transport=transport)
        (run,) = search_runs(project)
        assert (outcome.count, len(outcome.new), outcome.known) == (12, 12, ())
        assert (run.source, run.source_kind, run.searched_on) == ("PubMed", "database", "2026-03-01")
        assert run.detail["query"] == "osteonecrosis[tiab]"
        assert run.detail["translation"] == '"osteonecrosis"[Title/Abstract]'
        assert run.detail["count"] == 12
        assert run.detail["replayed"] is False
        assert ["searcher", "王芳"] in run.detail["header"]
        assert project.store.blob(run.detail["strategy_sha256"]).decode() == STRATEGY
        assert tuple(views.run_hits(project.store, run.id)) == outcome.new
        assert [what for what, _ in bodies(project, run.id)] == ["esearch", "efetch"]
        assert "Osteonecrosis & p < 0.05" in titles(project)
        originals = {r.fields.original_title for r in views.records(project.store).values()}
        assert "髓芯减压治疗股骨头坏死" in originals


def test_raw_bodies_are_those_that_were_sent(new_project: NewProject, transport: Transport, emulator: Emulator):
    with new_project() as project:
        outcome = run_search(project, "pubmed.txt", transport=transport)
        for _, what, digest in views.run_bodies(project.store, outcome.run_id):
            body = project.store.blob(digest)
            assert hashlib.sha256(body).hexdigest() == digest
            assert body.startswith(b"<?xml"), what
        for record_id, record in views.records(project.store).items():
            assert views.raw_record(project.store, record_id) == emulator.articles[record.external_id].xml


def test_the_same_search_again_adds_nothing_but_a_line_of_the_log(new_project: NewProject, transport: Transport):
    with new_project() as project:
        first = run_search(project, "pubmed.txt", transport=transport)
        lines = len(project.store.batches())
        again = run_search(project, "pubmed.txt", transport=transport)
        assert again.run_id == first.run_id
        assert again.repeated
        assert (again.new, len(again.known)) == ((), 12)
        assert len(search_runs(project)) == 1
        assert len(views.records(project.store)) == 12
        assert len(project.store.batches()) == lines + 1


def test_a_later_search_reports_new_known_and_dropped_ids(new_project: NewProject, emulator: Emulator):
    with new_project() as project:
        first = rerun(project, emulator, datetime(2026, 3, 1, tzinfo=UTC))
        added = made_article(50, created=date(2026, 5, 1))
        emulator.articles[added.pmid] = added
        gone, left = first.new[0], first.new[1]
        del emulator.articles[gone]  # deleted
        moved = emulator.articles[left]
        emulator.articles[left] = article_of(moved.xml.replace(b"osteonecrosis", b"necrosis").replace(b"Osteo", b"x"))
        later = rerun(project, emulator, SEPTEMBER)
        assert later.new == (added.pmid,)
        assert len(later.known) == 10
        assert set(later.dropped) == {gone, left}
        assert later.changes.withdrawn == (gone,)
        assert later.changes.reindexed == (left,)
        assert len(views.records(project.store)) == 13
        # only the new record and the dropped ones were asked for
        assert [a.params["id"] for a in emulator.asked("efetch")[1:]] == [added.pmid, f"{gone},{left}"]
        found = compare_runs(project, find_run(project, "previous"), find_run(project, "last"))
        assert (found.gained, set(found.lost), found.shared) == ((added.pmid,), {gone, left}, 10)
        (event,) = project.store.heads("retract")
        assert (event.value, event.payload["pmid"]) == ("withdrawn", gone)


def test_a_known_record_that_was_retracted_or_revised_is_reported_once(new_project: NewProject, emulator: Emulator):
    with new_project() as project:
        first = rerun(project, emulator, datetime(2026, 3, 1, tzinfo=UTC))
        pmid = first.new[4]
        day = b"<DateRevised><Year>2026</Year><Month>06</Month><Day>01</Day></DateRevised>"
        revised = emulator.articles[pmid].xml.replace(b"</PMID><Article", b"</PMID>" + day + b"<Article")
        revised = revised.replace(
            b"</Article>",
            b"<PublicationTypeList><PublicationType>Retracted Publication</PublicationType>"
            b"</PublicationTypeList></Article>",
        )
        emulator.articles[pmid] = article_of(revised, created=emulator.articles[pmid].created)
        later = rerun(project, emulator, SEPTEMBER)
        assert later.changes.retracted == (pmid,)
        assert later.changes.changed == (pmid,)
        assert dict(later.changes.details) == {pmid: "publication_types"}
        (event,) = project.store.heads("retract")
        assert event.value == "retracted"
        assert views.records(project.store, [event.subject])[event.subject].external_id == pmid
        count = len(project.store.events())
        rerun(project, emulator, datetime(2026, 10, 1, tzinfo=UTC))
        assert len(project.store.events()) == count + 1  # the run is complete, no second retraction


def test_a_new_record_that_is_already_retracted_is_flagged(new_project: NewProject, emulator: Emulator):
    bad = made_article(60, created=date(2020, 2, 2), publication_types=("Retracted Publication",))
    notice = made_article(61, created=date(2020, 2, 3), publication_types=("Retraction Notice",))
    emulator.articles.update({bad.pmid: bad, notice.pmid: notice})
    with new_project() as project:
        rerun(project, emulator, SEPTEMBER)
        assert [e.payload["pmid"] for e in project.store.heads("retract")] == [bad.pmid]


def test_a_record_delivered_in_two_versions_is_stored_once_in_the_later(new_project: NewProject, emulator: Emulator):
    pmid = "900000004"
    first = emulator.articles[pmid]
    second = first.xml.replace(b'<PMID Version="1">', b'<PMID Version="2">').replace(b"Record 4", b"Record 4b")
    emulator.articles[pmid] = replace(first, xml=first.xml + second)
    with new_project() as project:
        rerun(project, emulator, SEPTEMBER)
        assert len(views.records(project.store)) == 12
        assert "Record 4b on osteonecrosis" in titles(project)


def test_an_error_in_the_middle_leaves_an_open_run_that_is_resumed(
    new_project: NewProject, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(pubmed.fetch_batches, "__kwdefaults__", {"size": 5})
    with new_project() as project:
        emulator.fail("efetch", "good", *["backend_502"] * 20)
        with pytest.raises(EntrezError):
            run_search(project, "pubmed.txt", transport=make_transport(emulator, FakeTime()))
        assert search_runs(project) == []
        assert views.records(project.store) == {}  # an open run counts nowhere
        (left_open,) = search_runs(project, include_open=True)
        emulator._faults.clear()
        emulator.requests.clear()
        outcome = run_search(project, "pubmed.txt", transport=make_transport(emulator, FakeTime()))
        assert outcome.resumed
        assert outcome.run_id == left_open.id
        assert len(views.records(project.store)) == 12
        assert emulator.asked("esearch") == []  # the ids are those of the run
        assert [a.params["id"].count(",") + 1 for a in emulator.asked("efetch")] == [5, 2]
        assert [what for what, _ in bodies(project, outcome.run_id)] == ["esearch", "efetch", "efetch", "efetch"]


def test_an_open_run_of_an_earlier_day_keeps_its_day(new_project: NewProject, emulator: Emulator):
    with new_project() as project:
        emulator.fail("efetch", "backend_502", times=20)
        with pytest.raises(EntrezError):
            rerun(project, emulator, datetime(2026, 3, 1, tzinfo=UTC))
        emulator._faults.clear()
        assert rerun(project, emulator, SEPTEMBER).searched_on == "2026-03-01"


KILLED = """
import sys
sys.path.insert(0, {repo!r})
from pathlib import Path
from toolkit.project import Project
from toolkit.search import pubmed
from toolkit.search.run import run_search
from toolkit.search.transport import Settings, Transport
pubmed.fetch_batches.__kwdefaults__["size"] = 3
with Project.open({root!r}) as project:
    run_search(project, "pubmed.txt", transport=Transport(settings=Settings(base_url={url!r}, email="a@example.org")))
"""


@pytest.mark.skipif(os.name != "posix", reason="kill -9")
def test_killed_with_kill_9_the_search_goes_on_where_it_stopped(new_project: NewProject, emulator: Emulator):
    project = new_project()
    root = project.root
    project.close()
    emulator.fail("efetch", "good", "good", "slow")
    code = KILLED.format(repo=str(REPO), root=str(root), url=emulator.url)
    process = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 30
    while len(emulator.asked("efetch")) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    emulator.requests.clear()
    with Project.open(root) as project:
        assert views.records(project.store) == {}
        outcome = run_search(project, "pubmed.txt", transport=make_transport(emulator, FakeTime()))
        assert outcome.resumed
        assert len(views.records(project.store)) == 12
        assert [a.params["id"].count(",") + 1 for a in emulator.asked("efetch")] == [6]
        assert project.store.verify_chain() is None


def test_warnings_of_pubmed_wait_for_sign_off(
    new_project: NewProject, corpus, transport: Transport, emulator: Emulator
):
    emulator.unknown = ("core osteonecrosis", "fleegle")
    with new_project(
        '# database: PubMed\n\n#1 "core osteonecrosis"[tiab] OR fleegle[mh] OR osteonecrosis[tiab]'
    ) as project:
        with pytest.raises(WaitingForPeople) as caught:
            run_search(project, "pubmed.txt", transport=transport)
        assert caught.value.exit_code == 3
        assert "QuotedPhraseNotFound" in str(caught.value)
        assert "PhraseNotFound: fleegle[MeSH Terms]" in str(caught.value)
        assert search_runs(project, include_open=True) == []
        assert project.store.batches() == []
        outcome = run_search(project, "pubmed.txt", transport=transport, accept_warnings=True)
        assert len(outcome.warnings) == 2
        assert search_runs(project)[0].detail["accepted_by"] == "evipool"


def test_a_translation_that_changed_since_last_time_waits_for_sign_off(new_project: NewProject, emulator: Emulator):
    with new_project("# database: PubMed\n\n#1 osteonecrosis") as project:
        rerun(project, emulator, datetime(2026, 3, 1, tzinfo=UTC))
        emulator.mapping = {"osteonecrosis": "Osteonecrosis"}
        with pytest.raises(WaitingForPeople, match="otherwise than on 2026-03-01"):
            rerun(project, emulator, SEPTEMBER)
        assert len(search_runs(project)) == 1
        rerun(project, emulator, SEPTEMBER, accept_warnings=True)
        assert len(search_runs(project)) == 2


def test_undelivered_ids_keep_the_run_open_until_signed_off(new_project: NewProject, emulator: Emulator):
    lost = "900000003"
    emulator.withdraw(lost)
    with new_project() as project:
        for _ in range(2):
            with pytest.raises(WaitingForPeople, match=lost):
                rerun(project, emulator, SEPTEMBER)
            assert search_runs(project) == []
        outcome = rerun(project, emulator, SEPTEMBER, accept_warnings=True)
        assert (outcome.missing, outcome.count, len(outcome.new)) == ((lost,), 12, 11)
        assert search_runs(project)[0].detail["missing"] == [lost]


def test_undelivered_ids_that_come_later_complete_the_run(new_project: NewProject, emulator: Emulator):
    emulator.withdraw("900000003")
    with new_project() as project:
        with pytest.raises(WaitingForPeople):
            rerun(project, emulator, SEPTEMBER)
        emulator.withdrawn.clear()
        outcome = rerun(project, emulator, SEPTEMBER)
        assert outcome.missing == ()
        assert len(views.records(project.store)) == 12


def test_an_error_is_never_stored_as_a_body_nor_as_a_run(new_project: NewProject, emulator: Emulator):
    with new_project() as project:
        emulator.fail("esearch", "html_at_200", times=20)
        with pytest.raises(SourceError):
            rerun(project, emulator, SEPTEMBER)
        assert search_runs(project, include_open=True) == []
        emulator._faults.clear()
        emulator.fail("efetch", "rate_limit", "truncated", "html_500")
        outcome = rerun(project, emulator, SEPTEMBER)
        for _, body in bodies(project, outcome.run_id):
            assert b"<html" not in body
            assert b"rate limit" not in body


def test_zero_hits_are_a_complete_run(new_project: NewProject, transport: Transport):
    with new_project("# database: PubMed\n\n#1 nothing[tiab]") as project:
        outcome = run_search(project, "pubmed.txt", transport=transport)
        assert (outcome.count, outcome.new) == (0, ())
        assert search_runs(project)[0].detail["count"] == 0


def test_the_key_is_nowhere_in_the_project(new_project: NewProject, emulator: Emulator, fake_time: FakeTime):
    emulator.fail("esearch", "rate_limit", times=2)
    project = new_project()
    with project:
        run_search(project, "pubmed.txt", transport=make_transport(emulator, fake_time, api_key=KEY))
        kept = [body for run in search_runs(project) for _, body in bodies(project, run.id)]
        kept += [repr(run).encode() for run in search_runs(project)]
        kept += [repr(event).encode() for event in project.store.events()]
    kept += [path.read_bytes() for path in project.root.rglob("*") if path.is_file()]
    assert len(kept) > 4
    assert all(KEY.encode() not in content and EMAIL.encode() not in content for content in kept)
    assert emulator.asked("efetch")[0].params["api_key"] == KEY


def test_a_key_that_the_service_repeats_is_scrubbed_from_the_kept_body(emulator: Emulator, fake_time: FakeTime):
    transport = make_transport(emulator, fake_time, api_key=KEY)
    assert transport.scrub(f"<a>{KEY}</a>".encode()) == b"<a>***</a>"
    assert transport.scrub(f"<a>{EMAIL}</a>".encode()) == f"<a>{EMAIL}</a>".encode()


def test_a_window_limits_the_search_and_is_kept(new_project: NewProject, emulator: Emulator):
    with new_project() as project:
        window = Window(first=date(2020, 1, 3), last=date(2020, 1, 5))
        outcome = rerun(project, emulator, SEPTEMBER, window=window)
        assert outcome.query == "(osteonecrosis[tiab]) AND 2020/01/03:2020/01/05[crdt]"
        assert sorted(outcome.new) == ["900000003", "900000004", "900000005"]
        assert search_runs(project)[0].detail["window"] == {
            "field": "crdt",
            "first": "2020-01-03",
            "last": "2020-01-05",
        }
        whole = rerun(project, emulator, SEPTEMBER)
        assert (len(whole.new), len(whole.known), whole.dropped) == (9, 3, ())
        with pytest.raises(InputError):
            Window(field="dp")


def test_a_large_search_is_sliced_and_stored_whole(
    new_project: NewProject, monkeypatch: pytest.MonkeyPatch, fake_time: FakeTime
):
    monkeypatch.setattr(pubmed, "CAP", 49)
    monkeypatch.setattr(pubmed, "SLICE_SIZE", 40)
    many = [made_article(n, created=date(1990 + n % 30, 1 + n % 12, 1)) for n in range(1, 121)]
    with Emulator(many, cap=49) as emulator, new_project() as project:
        outcome = run_search(project, "pubmed.txt", transport=make_transport(emulator, fake_time))
        assert outcome.count == len(views.records(project.store)) == 120
        assert sum(piece[2] for piece in search_runs(project)[0].detail["slices"]) == 120
        assert outcome.warnings == ()


def test_hits_of_every_line_are_counted_on_request(new_project: NewProject, emulator: Emulator):
    text = "# database: PubMed\n\n#1 osteonecrosis[tiab]\n#2 decompression[ti]\n#3 #1 AND #2"
    with new_project(text) as project:
        rerun(project, emulator, SEPTEMBER, line_counts=True)
        counts = search_runs(project)[0].detail["line_counts"]
        assert [(number, hits) for number, hits, _ in counts] == [(1, 12), (2, 1), (3, 1)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# database: PubMed\n\n#1 (osteonecrosis[tiab]", "never closed"),
        ("# database: PubMed\n\n#1 “osteonecrosis”[tiab]", "half-width"),
        ("# platform: Ovid\n\n1. exp Osteonecrosis/", "evipool import"),
    ],
)
def test_a_strategy_with_errors_is_not_sent(text: str, message: str, new_project: NewProject, emulator: Emulator):
    with new_project(text) as project, pytest.raises(InputError, match=message) as caught:
        rerun(project, emulator, SEPTEMBER)
    assert caught.value.exit_code == 2
    assert emulator.requests == []
    assert project.store.batches() == []


def test_progress_ends_at_the_total(new_project: NewProject, emulator: Emulator):
    seen: list[tuple[str, int, int]] = []
    with new_project() as project:
        rerun(project, emulator, SEPTEMBER, progress=lambda *x: seen.append(x))
    assert seen == [("ids", 12, 12), ("records", 12, 12)]


def test_an_unfinished_run_can_be_discarded(new_project: NewProject, emulator: Emulator):
    with new_project() as project:
        emulator.fail("efetch", "backend_502", times=20)
        with pytest.raises(EntrezError):
            rerun(project, emulator, SEPTEMBER)
        (run,) = search_runs(project, include_open=True)
        assert discard_run(project, run.id[:8]) == run.id
        assert search_runs(project, include_open=True) == []
        with pytest.raises(InputError):
            discard_run(project, run.id)
        emulator._faults.clear()
        again = rerun(project, emulator, SEPTEMBER)
        assert (again.run_id, len(views.records(project.store))) == (run.id, 12)  # given up, then wanted again


def test_two_copies_of_a_project_give_the_same_ids(new_project: NewProject, emulator: Emulator):
    with new_project(name="a") as one, new_project(name="b") as other:
        assert rerun(one, emulator, SEPTEMBER).run_id == rerun(other, emulator, SEPTEMBER).run_id
        assert set(views.records(one.store)) == set(views.records(other.store))


def test_a_known_record_that_gained_an_erratum_is_reported_as_corrected(new_project: NewProject, emulator: Emulator):
    with new_project() as project:
        first = rerun(project, emulator, datetime(2026, 3, 1, tzinfo=UTC))
        pmid, touched = first.new[2], first.new[3]
        day = b"<DateRevised><Year>2026</Year><Month>06</Month><Day>01</Day></DateRevised>"
        note = (
            b'<CommentsCorrectionsList><CommentsCorrections RefType="ErratumIn"><RefSource>J. 2026</RefSource>'
            b"</CommentsCorrections></CommentsCorrectionsList></MedlineCitation>"
        )
        for name, old, new in ((pmid, b"</MedlineCitation>", note), (touched, b"", b"")):
            xml = emulator.articles[name].xml.replace(b"</PMID><Article", b"</PMID>" + day + b"<Article")
            emulator.articles[name] = article_of(
                xml.replace(old, new) if old else xml, created=emulator.articles[name].created
            )
        later = rerun(project, emulator, SEPTEMBER)
        assert (later.changes.corrected, later.changes.changed) == ((pmid,), ())  # a mere new date is no change
        assert later.changes.details == ((pmid, "erratum"),)
        (event,) = project.store.heads("retract")
        assert (event.value, event.payload["what"]) == ("corrected", "erratum")
        assert search_runs(project)[-1].detail["corrected"] == [pmid]


def test_a_window_since_the_last_run_reaches_back_over_it(new_project: NewProject, emulator: Emulator):
    with new_project() as project:
        with pytest.raises(InputError, match="not been run yet"):
            window_since_last(project, "pubmed.txt")
        rerun(project, emulator, datetime(2026, 3, 10, tzinfo=UTC))
        late = made_article(70, created=date(2026, 3, 5))
        emulator.articles[late.pmid] = late
        outcome = rerun(project, emulator, SEPTEMBER, window=window_since_last(project, "pubmed"))
        span = "2026/03/03:3000/12/31"
        assert outcome.query == f"(osteonecrosis[tiab]) AND ({span}[crdt] OR {span}[edat] OR {span}[mhda])"
        assert outcome.new == (late.pmid,)


def test_a_full_disk_leaves_an_open_run_that_goes_on_when_there_is_room(
    new_project: NewProject, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
):
    # incompressible abstracts: twelve records that need some 60 pages of 4 kB
    for number, (pmid, article) in enumerate(list(emulator.articles.items())):
        noise = hashlib.shake_256(pmid.encode()).hexdigest(9_000)
        emulator.articles[pmid] = made_article(number + 1, created=article.created, abstract=noise)
    monkeypatch.setattr(pubmed.fetch_batches, "__kwdefaults__", {"size": 3})
    project = new_project()
    project.close()
    pages = (project.root / "evipool.db").stat().st_size // 4096
    monkeypatch.setenv("EVIPOOL_MAX_PAGES", str(pages + 40))
    with Project.open(project.root) as full, pytest.raises(SourceError, match="disk is full"):
        rerun(full, emulator, SEPTEMBER)
    monkeypatch.delenv("EVIPOOL_MAX_PAGES")
    with Project.open(project.root) as roomy:
        assert views.records(roomy.store) == {}
        outcome = rerun(roomy, emulator, SEPTEMBER)
        assert outcome.resumed
        assert len(views.records(roomy.store)) == 12
        assert roomy.store.verify_chain() is None


def test_a_database_locked_by_another_program_is_said_and_nothing_changes(
    new_project: NewProject, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
):
    from toolkit.store import database

    monkeypatch.setattr(database, "BUSY_SECONDS", 0.2)
    project = new_project()
    project.close()
    other = sqlite3.connect(project.root / "evipool.db", isolation_level=None)
    with Project.open(project.root) as waiting:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(SourceError, match="another program is writing"):
            rerun(waiting, emulator, SEPTEMBER)
        other.execute("ROLLBACK")
        other.close()
        assert len(rerun(waiting, emulator, SEPTEMBER).new) == 12
