"""Recorded replies: the folder that stands for PubMed in the demo, and vcrpy cassettes."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from datetime import date
from pathlib import Path
from unittest.mock import patch

import pytest
from vcr.errors import CannotOverwriteExistingCassetteException

from tests.emulator import Emulator, cassettes
from tests.emulator.record_replies import record_replies
from tests.search.conftest import EMAIL, KEY, FakeTime, made_article
from toolkit.model.errors import InputError
from toolkit.project import Project
from toolkit.search.faults import EntrezError
from toolkit.search.replies import RecordingOpener, ReplayOpener
from toolkit.search.run import run_search, search_runs
from toolkit.search.transport import NetworkOpener, Settings, Transport
from toolkit.store import views

STRATEGY = "# database: PubMed\n\n#1 osteonecrosis[tiab]\n"


def replaying(folder: Path) -> Transport:
    return Transport(settings=Settings(), opener=ReplayOpener(folder))


@pytest.fixture
def strategy(tmp_path: Path) -> Path:
    path = tmp_path / "pubmed.txt"
    path.write_text(STRATEGY, encoding="utf-8")
    return path


def test_two_searches_are_recorded_and_replayed_in_a_project(
    tmp_path: Path, strategy: Path, new_project: Callable[..., Project]
):
    old = [made_article(n, created=date(2020, 1, n)) for n in range(1, 8)]
    new = [*old[1:], made_article(20, created=date(2026, 5, 1))]
    first, second = tmp_path / "first", tmp_path / "second"
    record_replies(old, strategy, first, date(2026, 3, 1))
    record_replies(new, strategy, second, date(2026, 9, 1), earlier=[first])
    with (
        new_project(STRATEGY) as project,
        patch.object(urllib.request.OpenerDirector, "open", side_effect=AssertionError),
    ):
        one = run_search(project, "pubmed.txt", transport=replaying(first))
        assert (one.searched_on, one.count, len(one.new), one.replayed) == ("2026-03-01", 7, 7, True)
        two = run_search(project, "pubmed.txt", transport=replaying(second))
        assert (two.searched_on, two.new, len(two.known)) == ("2026-09-01", ("900000020",), 6)
        assert two.changes.withdrawn == ("900000001",)
        assert all(run.detail["replayed"] for run in search_runs(project))
        assert len(views.records(project.store)) == 8


def test_a_request_that_was_not_recorded_is_an_error(tmp_path: Path, strategy: Path):
    record_replies([made_article(1)], strategy, tmp_path / "r", date(2026, 3, 1))
    transport = replaying(tmp_path / "r")
    good = {"db": "pubmed", "term": "osteonecrosis[tiab]", "retmax": 9999, "retmode": "xml"}
    assert transport.call("esearch", **good).replayed
    for changed in ({"term": "osteonecrosis[ti]"}, {"retmax": 10}, {"sort": "relevance"}):
        with pytest.raises(InputError, match="recorded"):
            transport.call("esearch", **{**good, **changed})
    with pytest.raises(InputError, match="recorded"):
        transport.call("efetch", db="pubmed", id="900000002", retmode="xml")


def test_who_asks_does_not_matter_to_a_replay(tmp_path: Path, strategy: Path):
    record_replies([made_article(1)], strategy, tmp_path / "r", date(2026, 3, 1))
    settings = Settings(email="other@example.org", api_key=KEY, tool="other")
    transport = Transport(settings=settings, opener=ReplayOpener(tmp_path / "r"))
    assert transport.call("efetch", db="pubmed", id="900000001", retmode="xml").status == 200


def test_a_changed_or_missing_body_is_refused(tmp_path: Path, strategy: Path):
    folder = tmp_path / "r"
    record_replies([made_article(1)], strategy, folder, date(2026, 3, 1))
    body = folder / "002-efetch.xml"
    body.write_bytes(body.read_bytes().replace(b"Record", b"record"))
    with pytest.raises(InputError, match="changed after"):
        replaying(folder).call("efetch", db="pubmed", id="900000001", retmode="xml")
    body.unlink()
    with pytest.raises(InputError, match="missing"):
        replaying(folder).call("efetch", db="pubmed", id="900000001", retmode="xml")
    with pytest.raises(InputError, match="holds no recorded replies"):
        ReplayOpener(tmp_path)
    (tmp_path / "index.json").write_text('{"replies": [1]}', encoding="utf-8")
    with pytest.raises(InputError, match="cannot be read"):
        ReplayOpener(tmp_path)


def test_error_replies_are_not_recorded_and_nothing_secret_is(tmp_path: Path, emulator: Emulator, fake_time: FakeTime):
    emulator.fail("esearch", "rate_limit", "backend_502", "html_at_200")
    transport = Transport(
        settings=Settings(base_url=emulator.url, email=EMAIL, api_key=KEY),
        opener=RecordingOpener(NetworkOpener(), tmp_path / "r", about="试验"),
        clock=fake_time.clock,
        sleep=fake_time.sleep,
    )
    transport.call("esearch", db="pubmed", term="osteonecrosis")
    files = list((tmp_path / "r").iterdir())
    assert len(files) == 2
    for path in files:
        content = path.read_text(encoding="utf-8")
        assert KEY not in content
        assert EMAIL not in content
        assert "127.0.0.1" not in content
    index = json.loads((tmp_path / "r" / "index.json").read_text(encoding="utf-8"))
    assert index["about"] == "试验"
    assert dict(index["replies"][0]["headers"])["date"] == "Sun, 01 Mar 2026 12:00:00 GMT"


def test_recording_twice_into_one_folder_is_refused(tmp_path: Path, strategy: Path):
    record_replies([made_article(1)], strategy, tmp_path / "r", date(2026, 3, 1))
    with pytest.raises(FileExistsError):
        record_replies([made_article(1)], strategy, tmp_path / "r", date(2026, 3, 1))


def test_demo_records_are_served_under_their_own_pmids_only(tmp_path: Path, shared: Path):
    repo = Path(__file__).resolve().parents[2]
    plan = repo / "search_strategies" / "onfh-pubmed.txt"
    outcome = record_replies(shared / "data" / "onfh" / "records.csv", plan, tmp_path / "r", date(2026, 3, 1))
    text = (shared / "data" / "onfh" / "records.csv").read_text(encoding="utf-8")
    assert outcome.count >= 20
    assert all(f",{pmid}," in text for pmid in outcome.new)


# ---- vcrpy ----------------------------------------------------------------------------------------------------


@pytest.fixture
def real_address(fake_time: FakeTime) -> Transport:
    """A transport that would go to NCBI; sockets are forbidden, so only a cassette can answer."""
    settings = Settings(email=EMAIL, api_key=KEY)
    return Transport(settings=settings, opener=NetworkOpener({}), clock=fake_time.clock, sleep=fake_time.sleep)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


def test_cassette_of_a_search_holds_ids_and_records(real_address: Transport):
    with cassettes.recorder("none").use_cassette("search_and_fetch.yaml") as cassette:
        found, batches = cassettes.search_and_fetch(real_address)
        assert cassette.all_played
    assert found.first.count == len(found.ids) == 3
    assert [len(b.returned) for b in batches] == [2, 1]
    assert all(b.missing == () for b in batches)


def test_cassettes_of_nothing_and_of_an_error_differ(real_address: Transport):
    with cassettes.recorder("none").use_cassette("nothing_found.yaml"):
        nothing = cassettes.nothing_found(real_address)
    with cassettes.recorder("none").use_cassette("bad_ids.yaml"):
        error = cassettes.bad_ids(real_address)
    assert (nothing.count, nothing.warnings[0].kind) == (0, "PhraseNotFound")
    assert isinstance(error, EntrezError)
    assert (error.kind, error.status) == ("permanent", 400)


def test_cassette_of_the_other_utilities_plays(real_address: Transport):
    with cassettes.recorder("none").use_cassette("other_utilities.yaml"):
        bodies = cassettes.other_utilities(real_address)
    assert [b"<eInfoResult>" in bodies[0], b"<WebEnv>" in bodies[1], b"<DocSum>" in bodies[2]] == [True] * 3


def test_a_post_with_other_ids_does_not_replay_the_recorded_answer(real_address: Transport):
    with (
        cassettes.recorder("none").use_cassette("search_and_fetch.yaml"),
        pytest.raises(CannotOverwriteExistingCassetteException),
    ):
        real_address.call("efetch", db="pubmed", id="15743852", retmode="xml")


def test_cassettes_hold_no_key_email_cookie_or_local_address():
    files = sorted(cassettes.FOLDER.glob("*.yaml"))
    assert [path.stem for path in files] == sorted(cassettes.SCENARIOS)
    for path in files:
        text = path.read_text(encoding="utf-8").lower()
        for secret in ("api_key", "email", "cookie", "127.0.0.1", "localhost", "example.org"):
            assert secret not in text


def test_a_recording_keeps_secrets_out(tmp_path: Path, emulator: Emulator, fake_time: FakeTime):
    made = cassettes.recorder("all")
    emulator.fail("esearch", "rate_limit")
    transport = Transport(
        settings=Settings(base_url=emulator.url, email=EMAIL, api_key=KEY),
        opener=NetworkOpener(),
        clock=fake_time.clock,
        sleep=fake_time.sleep,
    )
    with made.use_cassette(str(tmp_path / "x.yaml")):
        transport.call("esearch", db="pubmed", term="osteonecrosis")
    text = (tmp_path / "x.yaml").read_text(encoding="utf-8")
    assert "rate limit exceeded" in text
    for secret in (KEY, EMAIL, "example.org", "127.0.0.1"):
        assert secret not in text


def test_cassette_records_are_facts_of_the_data(shared: Path):
    rows = (shared / "data" / "onfh" / "records.csv").read_text(encoding="utf-8")
    for facts in cassettes.FACTS:
        assert facts.pmid in rows
        assert facts.title in rows
        assert facts.doi in rows
