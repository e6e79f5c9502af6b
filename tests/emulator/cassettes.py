"""Record the cassettes of this repository with vcrpy, from the emulator or from the real service.

    python -m tests.emulator.cassettes            from the emulator, no network
    python -m tests.emulator.cassettes --real     from NCBI (set EVIPOOL_EMAIL; one request every 0.34 s)

A request matches a recorded one on method, host, path, query and normalised body. Key, e-mail, cookies and what
NCBI echoes are taken out before anything is written; emulator addresses are written as NCBI's, so that the tests that
play a cassette need not know where it came from.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import vcr

from tests.emulator.articles import Facts, article_of, article_xml
from tests.emulator.server import Emulator
from toolkit.search import pubmed
from toolkit.search.faults import EntrezError, redact
from toolkit.search.transport import NCBI_URL, NetworkOpener, Settings, Transport

FOLDER = Path(__file__).resolve().parents[2] / "cassettes"
SECRETS = ("api_key", "email")
KEPT_HEADERS = frozenset({"content-type", "date", "retry-after", "x-ratelimit-limit", "x-ratelimit-remaining"})
QUERY = '("Femur Head Necrosis"[mh] OR osteonecrosis[tiab]) AND "core decompression"[tiab] AND 2009:2013[dp]'

# Bibliographic facts with the PMIDs under which public pages list them; abstracts and indexing are left out.
FACTS = (
    Facts(
        pmid="22000577",
        title="Early results of core decompression and autologous bone marrow mononuclear cells instillation "
        "in femoral head osteonecrosis: a randomized control study",
        journal="Journal of Arthroplasty",
        year="2012",
        volume="27",
        issue="5",
        pages="679-686",
        doi="10.1016/j.arth.2011.08.008",
    ),
    Facts(
        pmid="19621230",
        title="Treatment of nontraumatic osteonecrosis of the femoral head with the implantation of core decompression "
        "and concentrated autologous bone marrow containing mononuclear cells",
        journal="Archives of Orthopaedic and Trauma Surgery",
        year="2010",
        volume="130",
        issue="7",
        pages="859-865",
        doi="10.1007/s00402-009-0939-0",
    ),
    Facts(
        pmid="23100153",
        title="Efficacy of core decompression as treatment for osteonecrosis of the hip: a systematic review",
        authors=("Rajagopal M", "Balch Samora J", "Ellis TJ"),
        journal="Hip Int",
        year="2012",
        volume="22",
        pages="489-93",
    ),
    Facts(
        pmid="15743852",
        title="Treatment of osteonecrosis of the femoral head with implantation of autologous bone-marrow cells. "
        "Surgical technique",
        journal="J Bone Joint Surg Am",
        year="2005",
        volume="87 Suppl 1",
        issue="Pt 1",
        pages="106-112",
        doi="10.2106/JBJS.D.02662",
    ),
)


def recorder(mode: str) -> vcr.VCR:
    """vcrpy as this project uses it; ``mode`` is "none" in tests and "all" when recording."""
    made = vcr.VCR(
        cassette_library_dir=str(FOLDER),
        record_mode=mode,
        match_on=["method", "host", "path", "query", "normalised_body"],
        filter_query_parameters=list(SECRETS),
        filter_post_data_parameters=list(SECRETS),
        filter_headers=["Cookie", "Authorization"],
        decode_compressed_response=True,
        before_record_request=_as_ncbi,
        before_record_response=_scrubbed,
    )
    made.register_matcher("normalised_body", _same_body)
    return made


def _same_body(one: Any, other: Any) -> None:
    assert _pairs(one.body) == _pairs(other.body)


def _pairs(body: Any) -> list[tuple[str, str]]:
    text = body.decode("utf-8") if isinstance(body, bytes) else str(body or "")
    return sorted(pair for pair in parse_qsl(text, keep_blank_values=True) if pair[0] not in SECRETS)


def _as_ncbi(request: Any) -> Any:
    parts, real = urlsplit(request.uri), urlsplit(NCBI_URL)
    if parts.hostname == "127.0.0.1":
        request.uri = urlunsplit((real.scheme, real.netloc, parts.path, parts.query, ""))
        request.headers["Host"] = real.netloc
    return request


def _scrubbed(response: Any) -> Any:
    kept = {name: value for name, value in response["headers"].items() if name.lower() in KEPT_HEADERS}
    body = response["body"]["string"]
    if response["status"]["code"] >= 400:
        body = redact(body.decode("utf-8"), ()).encode("utf-8")
    return {**response, "headers": kept, "body": {"string": body}}


def search_and_fetch(transport: Transport) -> tuple[pubmed.IdList, list[pubmed.Batch]]:
    """A whole search: ids, then the records in batches of two."""
    found = pubmed.collect_ids(transport, QUERY, today=date(2026, 3, 1))
    return found, list(pubmed.fetch_batches(transport, found.ids, size=2))


def nothing_found(transport: Transport) -> pubmed.Answer:
    """A phrase that PubMed does not have."""
    return pubmed.esearch(transport, "abcXYZqqq")


def bad_ids(transport: Transport) -> EntrezError | None:
    """efetch without any well-formed id."""
    try:
        transport.call("efetch", db="pubmed", id="abc", retmode="xml")
    except EntrezError as error:
        return error
    return None


def other_utilities(transport: Transport) -> list[bytes]:
    """One reply of einfo, epost, esummary and elink each."""
    calls: tuple[tuple[str, dict[str, str]], ...] = (
        ("einfo", {}),
        ("epost", {"db": "pubmed", "id": "22000577,19621230"}),
        ("esummary", {"db": "pubmed", "id": "22000577"}),
        ("elink", {"dbfrom": "pubmed", "id": "22000577", "cmd": "ncheck"}),
    )
    return [transport.call(utility, **params).body for utility, params in calls]


SCENARIOS: dict[str, Callable[[Transport], Any]] = {
    "search_and_fetch": search_and_fetch,
    "nothing_found": nothing_found,
    "bad_ids": bad_ids,
    "other_utilities": other_utilities,
}


def main(arguments: list[str] | None = None) -> int:
    """Record every scenario anew."""
    parser = argparse.ArgumentParser(prog="python -m tests.emulator.cassettes", description=__doc__.splitlines()[0])
    parser.add_argument("--real", action="store_true", help="record from NCBI instead of the emulator")
    real = parser.parse_args(arguments).real
    articles = [article_of(article_xml(facts)) for facts in FACTS]
    today = datetime(2026, 3, 1, 12, tzinfo=UTC)
    with Emulator(articles, unknown=("abcxyzqqq",), today=today) as emulator:
        for name, scenario in SCENARIOS.items():
            path = FOLDER / f"{name}.yaml"
            path.unlink(missing_ok=True)
            settings = Settings.of_user() if real else Settings(base_url=emulator.url, email="recorder@example.org")
            with recorder("all").use_cassette(path.name):
                scenario(Transport(settings=settings, opener=NetworkOpener()))
            print(f"{path.name}: {path.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
