"""The emulator's replies have the shapes of real ones: same head, no element or attribute that a real file lacks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from lxml import etree

from tests.emulator import Emulator, Facts, article_xml, articles_from_xml, shapes
from tests.emulator.faults import FAULTS
from toolkit.search.transport import NetworkOpener, Settings, build_request

ENTREZ = Path("samples") / "entrez"


def paths(body: bytes) -> set[str]:
    """Every element path and attribute name of a document, and text or no text at leaves."""
    found: set[str] = set()

    def walk(element: etree._Element, above: str) -> None:
        here = f"{above}/{element.tag}"
        found.add(here)
        found.update(f"{here}@{name}" for name in element.attrib)
        for child in element:
            if isinstance(child.tag, str):
                walk(child, here)

    walk(etree.fromstring(body, etree.XMLParser(load_dtd=False, no_network=True, huge_tree=True)), "")
    return found


def head(body: bytes) -> str:
    return re.sub(r"\s+", " ", re.match(r"(?s).*?<!DOCTYPE[^>]*>", body.decode("utf-8")).group())  # type: ignore[union-attr]


@pytest.fixture
def real(shared: Path) -> Iterator[object]:
    return lambda name: (shared / ENTREZ / name).read_bytes()


@pytest.fixture
def ask(shared: Path) -> Iterator[object]:
    """Ask an emulator that holds the two real articles of bp_pubmed1.xml and the NLM sample."""
    sample = articles_from_xml(
        (shared / ENTREZ / "bp_pubmed1.xml").read_bytes(),
        (shared / ENTREZ / "nlm_pubmedsample_2019_part.xml").read_bytes(),
    )
    with Emulator(sample, unknown=("fleegle", "abcxyz"), mapping={"cancer": "Neoplasms"}) as emulator:

        def asked(utility: str, **params: object) -> bytes:
            request = build_request(utility, params, Settings(base_url=emulator.url, email="a@example.org"))
            return NetworkOpener()(request, 5.0).body

        asked.emulator = emulator  # type: ignore[attr-defined]
        yield asked


CASES = [
    ("esearch", {"db": "pubmed", "term": "protein"}, ("bp_esearch1.xml",)),
    ("esearch", {"db": "pubmed", "term": "cancer", "usehistory": "y"}, ("bp_esearch2.xml",)),
    ("esearch", {"db": "pubmed", "term": "abcxyz"}, ("bp_esearch8.xml",)),
    ("esearch", {"db": "pubmed", "term": "protein OR fleegle[mh]"}, ("klortho_esearch.error.xml", "bp_esearch1.xml")),
    ("esearch", {"db": "pubmed", "term": "protein", "retstart": "9999"}, ("err_esearch_retstart_9999.xml",)),
    ("esearch", {"db": "fleegle", "term": "x"}, ("klortho_esearch.baderror.xml",)),
    ("efetch", {"db": "pubmed", "id": "12091962,9997", "retmode": "xml"}, ("bp_pubmed1.xml",)),
    ("efetch", {"db": "pubmed", "id": "999999999", "retmode": "xml"}, ("metapub_37909814.xml",)),
    ("efetch", {"db": "pubmed", "id": "abc", "retmode": "xml"}, ("err_efetch_empty_ids_400.xml",)),
    ("efetch", {"db": "pubmed", "WebEnv": "x", "query_key": "1"}, ("err_efetch_history_expired_400.xml",)),
    ("efetch", {"db": "pubmed", "WebEnv": "x", "query_key": "1", "retstart": "9999"}, ("err_efetch_retstart_400.xml",)),
    ("epost", {"db": "pubmed", "id": "12091962"}, ("bp_epost1.xml",)),
    ("epost", {"db": "pubmed", "id": "xyz"}, ("bp_epost3.xml",)),
    ("esummary", {"db": "pubmed", "id": "12091962"}, ("bp_esummary1.xml",)),
    ("esummary", {"db": "pubmed"}, ("bp_esummary8.xml",)),
    ("elink", {"dbfrom": "pubmed", "id": "12091962"}, ("bp_elink1.xml",)),
    ("elink", {"dbfrom": "pubmed", "id": "12091962", "cmd": "ncheck"}, ("bp_elink8.xml",)),
    ("einfo", {}, ("bp_einfo1.xml",)),
    ("einfo", {"db": "pubmed"}, ("bp_einfo2.xml",)),
    ("einfo", {"db": "fleegle"}, ("klortho_einfo.error.xml",)),
]


@pytest.mark.parametrize(("utility", "params", "files"), CASES)
def test_reply_has_only_elements_of_the_real_reply(utility, params, files, ask, real):
    ours = ask(utility, **params)
    assert paths(ours) <= set().union(*(paths(real(name)) for name in files))
    current = [name for name in files if not name.startswith("klortho")]  # those heads are of 2002
    if current:
        assert head(ours) == head(real(current[0]))


@pytest.mark.parametrize(
    ("utility", "params", "name"),
    [
        ("epost", {"db": "pubmed", "id": "12091962"}, "bp_epost1.xml"),
        ("esummary", {"db": "pubmed", "id": "12091962"}, "bp_esummary1.xml"),
        ("elink", {"dbfrom": "pubmed", "id": "12091962", "cmd": "ncheck"}, "bp_elink8.xml"),
        ("esearch", {"db": "pubmed", "term": "abcxyz"}, "bp_esearch8.xml"),
        ("efetch", {"db": "pubmed", "id": "999999999", "retmode": "xml"}, "metapub_37909814.xml"),
        ("efetch", {"db": "pubmed", "id": "12091962,9997", "retmode": "xml"}, "bp_pubmed1.xml"),
    ],
)
def test_reply_lacks_no_element_of_the_real_reply(utility: str, params: dict[str, str], name: str, ask, real):
    assert paths(ask(utility, **params)) == paths(real(name))


def test_summary_items_have_the_real_names_in_the_real_order(ask, real):
    def names(body: bytes) -> list[tuple[str | None, str | None]]:
        first = etree.fromstring(body).find("DocSum")
        assert first is not None
        return [(item.get("Name"), item.get("Type")) for item in first.iterfind("Item")]

    assert names(ask("esummary", db="pubmed", id="12091962")) == names(real("bp_esummary1.xml"))


def test_zero_hits_read_word_by_word_as_the_real_reply(real):
    ours = shapes.search_result(
        count=0,
        retmax=0,
        retstart=0,
        ids=(),
        translation="(abcXYZ[All Fields])",
        errors=[("PhraseNotFound", "abcXYZ")],
        warnings=[("OutputMessage", "No items found.")],
    )
    assert ours.split() == real("bp_esearch8.xml").decode().split()


def test_real_translation_is_reproduced_for_a_plain_word(ask, real):
    body = ask("esearch", db="pubmed", term="biopython")
    assert etree.fromstring(body).findtext("QueryTranslation") == etree.fromstring(real("bp_esearch1.xml")).findtext(
        "QueryTranslation"
    )


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        ("backend_502", "err_esearch_502_at_200.xml"),
        ("db_not_supported", "err_esearch_db_not_supported_at_200.xml"),
        ("history_expired", "err_efetch_history_expired_400.xml"),
        ("empty_ids", "err_efetch_empty_ids_400.xml"),
        ("empty_term", "err_empty_term.json"),
        ("json_raw_newline", "err_esearch_retstart_raw_newline.json"),
    ],
)
def test_fault_reads_word_by_word_as_the_real_one(fault: str, name: str, real):
    assert FAULTS[fault].body.split() == real(name).decode().split()


@pytest.mark.parametrize(
    ("fault", "name", "who"),
    [("rate_limit", "err_429_rate_limit.json", "203.0.113.7"), ("key_invalid", "err_api_key_invalid_400.json", "XXXX")],
)
def test_fault_that_echoes_the_client_reads_as_the_real_one(fault: str, name: str, who: str, real):
    assert FAULTS[fault].body.replace("{who}", who).strip() == real(name).decode().strip()


def test_articles_made_from_facts_use_only_elements_of_real_articles(real):
    full = Facts(
        pmid="900000001", title="T", authors=("Li M", "Group"), journal="J", year="2020", volume="1", issue="2",
        pages="3-4", abstract="A", doi="10.1/x", language="chi", mesh=("Humans",), publication_types=("Review",),
        vernacular="题", created=date(2020, 1, 1),
    )  # fmt: skip
    ours = paths(b"<PubmedArticleSet>" + article_xml(full) + b"</PubmedArticleSet>")
    assert ours <= paths(real("nlm_pubmedsample_2019_part.xml"))


def test_what_is_not_known_of_a_record_is_left_out():
    bare = article_xml(Facts(pmid="900000001", title="T")).decode()
    for name in ("Abstract", "AuthorList", "Year", "Language", "MeshHeading", "PublicationType", "History", "doi"):
        assert name not in bare


def test_a_query_the_emulator_does_not_know_is_an_error(ask):
    for term in ('"hip pain"[tiab:~2]', "wom*n[ti]", "(a[ti]"):
        assert b"the emulator does not know" in ask("esearch", db="pubmed", term=term)


@pytest.mark.parametrize(
    ("query", "same", "other"),
    [
        ("a OR b AND c", "(a OR b) AND c", "a OR (b AND c)"),
        ("a NOT b OR c", "(a NOT b) OR c", "a NOT (b OR c)"),
    ],
)
def test_operators_run_from_left_to_right(query: str, same: str, other: str, ask):
    words = {"a": "protein", "b": "cell", "c": "patients"}

    def found(text: str) -> list[str]:
        term = re.sub(r"\b[abc]\b", lambda m: words[m.group()] + "[tiab]", text)
        return re.findall(rb"<Id>(\d+)</Id>", ask("esearch", db="pubmed", term=term, retmax=500))  # type: ignore[return-value]

    assert found(query) == found(same)
    assert found(query) != found(other)


def test_unknown_field_is_named_and_dropped(ask):
    body = ask("esearch", db="pubmed", term="protein[notafield]")
    assert b"<FieldNotFound>notafield</FieldNotFound>" in body
    assert b"<Count>0</Count>" not in body


def test_rate_limit_of_the_emulator_answers_429(ask):
    ask.emulator.rate = 3
    bodies = [ask("einfo") for _ in range(5)]
    assert sum(b"rate limit exceeded" in body for body in bodies) == 2
