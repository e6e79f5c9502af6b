"""The transport: every fault that the E-utilities were seen to commit, pacing, waiting, and secrets."""

from __future__ import annotations

import logging
import ssl
import threading
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import pytest
from Bio import Entrez

from tests.emulator import Emulator
from tests.search.conftest import EMAIL, KEY, FakeTime, made_article, make_transport
from toolkit.model.errors import InputError
from toolkit.search.faults import EntrezError, Fault, Reply, find_fault, redact, retry_after
from toolkit.search.transport import NCBI_URL, NetworkOpener, RateLimit, Settings, Transport, build_request

TRANSIENT = [
    "backend_502",
    "db_not_supported",
    "solr",
    "address_table",
    "html_500",
    "html_at_200",
    "http_503",
    "rate_limit",
    "rate_limit_retry_after",
    "truncated",
    "broken_connection",
    "reset",
    "empty_body",
]
PERMANENT = ["json_raw_newline", "empty_term", "invalid_db", "empty_ids"]


def search(transport: Transport) -> Reply:
    return transport.call("esearch", db="pubmed", term="osteonecrosis", retmax=100)


@pytest.mark.parametrize("fault", TRANSIENT)
def test_transient_fault_is_tried_again_and_the_good_reply_is_returned(
    fault: str, emulator: Emulator, transport: Transport, fake_time: FakeTime
):
    emulator.fail("esearch", fault, times=2)
    assert b"<Count>12</Count>" in search(transport).body
    assert len(emulator.asked("esearch")) == 3
    assert any(nap >= 0.5 for nap in fake_time.naps)


@pytest.mark.parametrize("fault", TRANSIENT)
def test_transient_fault_that_stays_is_an_error_and_never_a_reply(fault: str, emulator: Emulator, transport: Transport):
    emulator.fail("esearch", fault, times=30)
    with pytest.raises(EntrezError) as caught:
        search(transport)
    assert caught.value.kind == "transient"
    assert 3 <= len(emulator.asked("esearch")) <= 8
    assert caught.value.exit_code == 1


@pytest.mark.parametrize("fault", PERMANENT)
def test_permanent_fault_is_not_tried_again(fault: str, emulator: Emulator, transport: Transport):
    emulator.fail("esearch", fault)
    with pytest.raises(EntrezError) as caught:
        search(transport)
    assert caught.value.kind == "permanent"
    assert len(emulator.asked("esearch")) == 1


def test_lost_history_asks_for_a_new_search(emulator: Emulator, transport: Transport):
    body = transport.call("esearch", db="pubmed", term="osteonecrosis", usehistory="y", retmax=0).body.decode()
    web_env = body.split("<WebEnv>")[1].split("<")[0]
    wanted = {"db": "pubmed", "WebEnv": web_env, "query_key": "1", "retmax": 5, "retmode": "xml"}
    assert transport.call("efetch", **wanted).body.count(b"<PubmedArticle>") == 5
    emulator.forget()
    with pytest.raises(EntrezError) as caught:
        transport.call("efetch", **wanted)
    assert caught.value.kind == "search again"
    assert len(emulator.asked("efetch")) == 2


def test_cap_of_the_service_is_a_permanent_fault(emulator: Emulator, transport: Transport):
    for utility, extra in (("esearch", {"term": "osteonecrosis"}), ("efetch", {"WebEnv": "x", "query_key": "1"})):
        with pytest.raises(EntrezError, match="9,999") as caught:
            transport.call(utility, db="pubmed", retstart=9999, retmode="xml", **extra)
        assert caught.value.kind == "permanent"


def test_slow_reply_times_out(emulator: Emulator, fake_time: FakeTime):
    emulator.fail("esearch", "slow", times=9)
    with pytest.raises(EntrezError, match="no reply in time"):
        search(make_transport(emulator, fake_time, timeout=0.2))
    assert len(emulator.asked("esearch")) == 4


def test_service_that_is_not_there_is_named_after_three_tries(fake_time: FakeTime, emulator: Emulator):
    url = emulator.url
    emulator.__exit__()
    away = Transport(
        settings=Settings(base_url=url, email=EMAIL),
        opener=NetworkOpener(),
        clock=fake_time.clock,
        sleep=fake_time.sleep,
    )
    with pytest.raises(EntrezError, match="cannot be reached"):
        search(away)
    emulator.__enter__()


def test_retry_after_is_honoured(emulator: Emulator, transport: Transport, fake_time: FakeTime):
    emulator.fail("esearch", "rate_limit_retry_after")
    search(transport)
    assert max(fake_time.naps) == 2.0


def test_retry_after_may_be_a_date_or_absent():
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def reply(value: str | None) -> Reply:
        return Reply(status=429, headers=(("retry-after", value),) if value else (), body=b"")

    assert retry_after(reply("Sun, 01 Mar 2026 12:00:07 GMT"), now) == 7.0
    assert retry_after(reply("3"), now) == 3.0
    assert retry_after(reply(None), now) is None
    assert retry_after(reply("soon"), now) is None


def test_waits_double_and_the_total_is_capped(emulator: Emulator, fake_time: FakeTime):
    emulator.fail("esearch", "backend_502", times=50)
    with pytest.raises(EntrezError):
        search(make_transport(emulator, fake_time, tries=50, total_wait=40.0))
    waits = [nap for nap in fake_time.naps if nap >= 0.9]
    assert waits[:5] == [1.0, 2.0, 4.0, 8.0, 16.0]
    assert fake_time.now - 1000.0 < 40.0 + 32.0


def test_a_wait_beyond_the_total_is_not_begun(emulator: Emulator, fake_time: FakeTime):
    emulator.fail("esearch", "rate_limit_retry_after")
    with pytest.raises(EntrezError):
        search(make_transport(emulator, fake_time, total_wait=1.5))
    assert len(emulator.asked("esearch")) == 1


def test_wrong_key_is_the_users_to_correct_and_is_not_shown(emulator: Emulator, fake_time: FakeTime):
    emulator.valid_keys = {"another"}
    with pytest.raises(InputError) as caught:
        search(make_transport(emulator, fake_time, api_key=KEY))
    assert KEY not in str(caught.value)
    assert "API key" in str(caught.value)


@pytest.mark.parametrize("fault", ["rate_limit", "backend_502", "reset", "html_500"])
def test_key_and_email_leak_neither_into_errors_nor_logs_nor_addresses(
    fault: str, emulator: Emulator, fake_time: FakeTime, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    emulator.fail("esearch", fault, times=20)
    transport = make_transport(emulator, fake_time, api_key=KEY)
    with pytest.raises(EntrezError) as caught:
        search(transport)
    shown = f"{caught.value!r} {caught.value} {caught.value.fault} {caplog.text} {transport.settings!r}"
    assert caplog.text
    assert KEY not in shown
    assert EMAIL not in shown
    asked = emulator.asked("esearch")[0]
    assert asked.params["api_key"] == KEY
    assert asked.params["email"] == EMAIL
    assert KEY not in asked.address


def test_redaction_finds_encoded_secrets_and_what_ncbi_echoes():
    text = f"api_key={KEY}&email=someone%2Btest%40example.org&term=x " + '{"api-key":"203.0.113.7","count":"4"}'
    cleaned = redact(text, (KEY, EMAIL))
    assert KEY not in cleaned
    assert "someone" not in cleaned
    assert "203.0.113.7" not in cleaned
    assert "term=x" in cleaned


def test_requests_are_those_of_bio_entrez_sent_by_post(emulator: Emulator, transport: Transport):
    search(transport)
    asked = emulator.asked("esearch")[0]
    assert asked.method == "POST"
    assert asked.params == {
        "db": "pubmed",
        "term": "osteonecrosis",
        "retmax": "100",
        "tool": "evipool",
        "email": EMAIL,
    }
    made = Entrez._build_request(
        "https://eutils.ncbi.nlm.nih.gov/entrez/eutils/esearch.fcgi",
        {"db": "pubmed", "term": '股骨头 "x"', "tool": "evipool", "email": EMAIL, "api_key": KEY},
    )
    ours = build_request("esearch", {"db": "pubmed", "term": '股骨头 "x"'}, Settings(email=EMAIL, api_key=KEY))
    assert ours.full_url == made.full_url.split("?")[0]
    assert ours.data == made.full_url.split("?")[1].encode()


def test_bio_entrez_is_left_as_it_was_found():
    before = (Entrez.urlopen, Entrez.max_tries, Entrez._open.previous, Entrez.email, Entrez.api_key)
    build_request("einfo", {}, Settings())
    assert before == (Entrez.urlopen, Entrez.max_tries, Entrez._open.previous, Entrez.email, Entrez.api_key)


def test_three_requests_a_second_without_key_and_ten_with(emulator: Emulator):
    for key, least, most in ((None, 3.0, 3.5), (KEY, 0.9, 1.1)):
        time = FakeTime()
        transport = make_transport(emulator, time, api_key=key)
        for _ in range(10):
            search(transport)
        assert least <= time.now - 1000.0 <= most


def test_the_limit_is_shared_by_threads(emulator: Emulator):
    emulator.rate = 3
    transport = Transport(settings=Settings(base_url=emulator.url, email=EMAIL))
    threads = [threading.Thread(target=search, args=(transport,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    asked = sorted(request.at for request in emulator.asked("esearch"))
    assert len(asked) == 6  # a seventh would be the answer to a 429
    assert asked[-1] - asked[0] >= 1.6


def test_two_transports_of_one_key_share_one_limit(emulator: Emulator):
    settings = Settings(base_url=emulator.url, email=EMAIL, api_key=KEY)
    assert Transport(settings=settings)._limit is Transport(settings=settings)._limit


def test_a_pause_holds_every_thread_back():
    time = FakeTime()
    limit = RateLimit(0.5, time.clock, time.sleep)
    limit.wait()
    limit.pause(5.0)
    limit.wait()
    assert time.naps == [5.0]


def test_the_real_service_is_not_asked_without_an_email():
    with pytest.raises(InputError, match="EVIPOOL_EMAIL"):
        Transport(settings=Settings()).call("einfo")


def test_settings_come_from_the_environment_before_the_users_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "config.toml"
    path.write_text('[pubmed]\nemail = "file@example.org"\napi_key = "from-file"\n', encoding="utf-8")
    monkeypatch.setenv("EVIPOOL_CONFIG", str(path))
    for name in ("NCBI_API_KEY", "EVIPOOL_NCBI_API_KEY", "EVIPOOL_EMAIL", "EVIPOOL_ENTREZ_URL"):
        monkeypatch.delenv(name, raising=False)
    assert (Settings.of_user().email, Settings.of_user().api_key) == ("file@example.org", "from-file")
    assert Settings.of_user().base_url == NCBI_URL
    monkeypatch.setenv("NCBI_API_KEY", "from-environment")
    monkeypatch.setenv("EVIPOOL_ENTREZ_URL", "http://127.0.0.1:9/x")
    assert Settings.of_user().api_key == "from-environment"
    assert Settings.of_user().base_url == "http://127.0.0.1:9/x/"
    path.write_text("email = ", encoding="utf-8")
    with pytest.raises(InputError, match=r"config\.toml"):
        Settings.of_user()


@pytest.mark.parametrize(
    "environment", [{"EVIPOOL_ENTREZ_URL": "ftp://x"}, {"EVIPOOL_ENTREZ_URL": "eutils"}, {"EVIPOOL_TIMEOUT": "long"}]
)
def test_settings_that_make_no_sense_are_refused(environment: dict[str, str]):
    with pytest.raises(InputError):
        Settings.from_environment(environment)


def test_certificates_that_cannot_be_read_are_named(tmp_path: Path):
    bundle = tmp_path / "ca.pem"
    bundle.write_text("no certificate", encoding="utf-8")
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        with pytest.raises(InputError, match=name):
            NetworkOpener({name: str(bundle)})


def test_an_untrusted_certificate_is_explained(fake_time: FakeTime):
    class Untrusted:
        paced = False

        def __call__(self, request: urllib.request.Request, timeout: float) -> Reply:
            error = ssl.SSLCertVerificationError()
            error.verify_message = "self-signed certificate in certificate chain"
            raise urllib.error.URLError(error)

    transport = Transport(settings=Settings(email=EMAIL), opener=Untrusted(), sleep=fake_time.sleep)
    with pytest.raises(EntrezError, match="SSL_CERT_FILE"):
        search(transport)
    assert not fake_time.naps


def test_the_proxy_of_the_environment_is_used(emulator: Emulator, fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch):
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", emulator.url.split("/entrez")[0])
    transport = Transport(
        settings=Settings(base_url="http://eutils.invalid/entrez/eutils/", email=EMAIL),
        clock=fake_time.clock,
        sleep=fake_time.sleep,
    )
    assert b"<Count>12</Count>" in search(transport).body  # the emulator stands for the proxy
    assert emulator.requests[0].address == "http://eutils.invalid/entrez/eutils/esearch.fcgi"


def test_entities_in_a_reply_are_refused():
    body = b'<!DOCTYPE x [<!ENTITY a "b">]><eSearchResult><Count>&a;</Count></eSearchResult>'
    fault = find_fault("esearch", Reply(status=200, headers=(), body=body))
    assert fault is not None
    assert "entities" in fault.message


def test_reply_of_another_utility_is_refused():
    body = b"<PubmedArticleSet></PubmedArticleSet>"
    fault = find_fault("esearch", Reply(status=200, headers=(), body=body))
    assert fault == Fault(kind="permanent", message="the reply is a <PubmedArticleSet>, not a reply of esearch")
    assert find_fault("efetch", Reply(status=200, headers=(), body=body)) is None


REAL_BODIES = [
    ("esearch", "bp_esearch1.xml", 200, None),
    ("esearch", "bp_esearch2.xml", 200, None),
    ("esearch", "bp_esearch8.xml", 200, None),
    ("esearch", "klortho_esearch.error.xml", 200, None),
    ("esearch", "warn_esearch_restrictions_achieved.xml", 200, None),
    ("efetch", "bp_pubmed1.xml", 200, None),
    ("efetch", "bp_pubmed6.xml", 200, None),
    ("efetch", "metapub_37909814.xml", 200, None),
    ("efetch", "nlm_pubmedsample_2019_part.xml", 200, None),
    ("efetch", "fatcat_31393839.xml", 200, None),
    ("epost", "bp_epost1.xml", 200, None),
    ("esummary", "bp_esummary1.xml", 200, None),
    ("elink", "bp_elink1.xml", 200, None),
    ("einfo", "bp_einfo2.xml", 200, None),
    ("esearch", "err_esearch_502_at_200.xml", 200, "transient"),
    ("esearch", "err_esearch_db_not_supported_at_200.xml", 200, "transient"),
    ("esearch", "err_429_rate_limit.json", 429, "transient"),
    ("efetch", "err_html_500_page.html", 200, "transient"),
    ("efetch", "err_html_500_page.html", 500, "transient"),
    ("efetch", "bp_pubmed3.html", 200, "transient"),
    ("efetch", "derived_truncated_efetch.xml", 200, "transient"),
    ("esearch", "err_esearch_retstart_9999.xml", 200, "permanent"),
    ("esearch", "err_esearch_retstart_raw_newline.json", 200, "permanent"),
    ("efetch", "err_efetch_retstart_400.xml", 400, "permanent"),
    ("efetch", "err_efetch_empty_ids_400.xml", 400, "permanent"),
    ("esearch", "err_api_key_invalid_400.json", 400, "permanent"),
    ("esearch", "err_empty_term.json", 200, "permanent"),
    ("esearch", "klortho_esearch.baderror.xml", 200, "permanent"),
    ("esearch", "klortho_esearch.baderror.json", 200, "permanent"),
    ("epost", "bp_epost3.xml", 200, "permanent"),
    ("esummary", "bp_esummary8.xml", 200, "permanent"),
    ("esummary", "klortho_esummary.error.xml", 200, "permanent"),
    ("einfo", "klortho_einfo.error.xml", 200, "permanent"),
    ("efetch", "err_efetch_history_expired_400.xml", 400, "search again"),
]


@pytest.mark.parametrize(("utility", "name", "status", "kind"), REAL_BODIES)
def test_real_bodies_are_told_apart(utility: str, name: str, status: int, kind: str | None, shared: Path):
    body = (shared / "samples" / "entrez" / name).read_bytes()
    fault = find_fault(utility, Reply(status=status, headers=(), body=body))
    assert (fault.kind if fault else None) == kind


def test_the_fixture_corpus_uses_no_real_pmid():
    assert int(made_article(1).pmid) > 900_000_000
