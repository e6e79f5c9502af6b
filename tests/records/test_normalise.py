"""Identifiers, pages, years and registration numbers out of real writings."""

from __future__ import annotations

import pytest

from toolkit.records.fields import family_first, name_with_initials, name_with_sure_initials
from toolkit.records.normalise import (
    find_doi,
    find_pmid,
    find_registry_numbers,
    find_year,
    normalise_issn,
    normalise_pages,
    strip_markup,
)
from toolkit.records.source_line import parse_source
from toolkit.records.spreadsheets import split_authors


@pytest.mark.parametrize(
    ("text", "doi"),
    [
        ("10.1002/AR.25520", "10.1002/ar.25520"),
        ("https://doi.org/10.1016/j.x.2020.01.001", "10.1016/j.x.2020.01.001"),
        ("http://dx.doi.org/10.1016%2FS0027-9684(15)31340-7", "10.1016/s0027-9684(15)31340-7"),
        ("doi: 10.1038/bjc.2014.606. Epub 2015", "10.1038/bjc.2014.606"),
        ("10.1016/j.psychres.2023.115663 [doi]", "10.1016/j.psychres.2023.115663"),
        ("(doi:10.1000/182)", "10.1000/182"),
        ("10.1002/(SICI)1097-0258(19980815)17:15<1661::AID-SIM968>3.0.CO;2-2",
         "10.1002/(sici)1097-0258(19980815)17:15<1661::aid-sim968>3.0.co;2-2"),
        ("https://x.wiley.com/doi/10.1002/14651858.CD009275.pub3/abstract", "10.1002/14651858.cd009275.pub3"),
        ("https://www.x.org/doi/full/10.1056/NEJMoa1715274?query=a&b=c", "10.1056/nejmoa1715274"),
        ("<a>10.1000/xyz</a>", "10.1000/xyz"),
        ("version 10.15/3", None),
        ("see 10.2", None),
        ("", None),
        (None, None),
    ],
)  # fmt: skip
def test_doi_out_of_whatever_holds_it(text, doi):
    assert find_doi(text) == doi


@pytest.mark.parametrize(
    ("text", "bare", "pmid"),
    [
        ("PUBMED 21314913", False, "21314913"),
        ("PMID: 38064908", False, "38064908"),
        ("https://pubmed.ncbi.nlm.nih.gov/30922926/", False, "30922926"),
        ("http://www.ncbi.nlm.nih.gov/pubmed/25647015", False, "25647015"),
        ("38773066", True, "38773066"),
        ("38773066", False, None),
        ("WOS:000602649200001", True, None),
        ("PMC7932953", True, None),
    ],
)
def test_pmid_out_of_fields(text, bare, pmid):
    assert find_pmid(text, bare=bare) == pmid


@pytest.mark.parametrize(
    ("first", "last", "pages"),
    [
        ("411", "447", "411-447"),
        ("123-9", None, "123-129"),
        ("S12–5", None, "S12-S15"),
        ("pp. 5--10", None, "5-10"),
        ("e0219", None, "e0219"),
        ("12", "12", "12"),
        ("94-98,93", None, "94-98,93"),
        ("1106-1111+1117", None, "1106-1111+1117"),
        ("N.PAG", "N.PAG", None),
        (None, None, None),
    ],
)
def test_pages(first, last, pages):
    assert normalise_pages(first, last) == pages


@pytest.mark.parametrize(
    ("text", "year"),
    [("1998 Dec-1999 Jan", 1998), ("2021/06//", 2021), ("0000", None), ("20240102", None), ("(2015)", 2015)],
)
def test_year(text, year):
    assert find_year(text) == year


def test_registration_numbers_of_many_registers():
    text = (
        "NCT01234567; isrctn12345678, ChiCTR2000029308, ChiCTR-TRC-09000000, EUCTR2010-019181-91-GB and JPRN-UMIN000001"
    )
    assert find_registry_numbers(text) == (
        "NCT01234567",
        "ISRCTN12345678",
        "ChiCTR2000029308",
        "ChiCTR-TRC-09000000",
        "EUCTR2010-019181-91-GB",
        "JPRN-UMIN000001",
    )


def test_issn_with_words_around():
    assert normalise_issn("1999-7777(Electronic),0222-6666(Print)", "1234567x") == (
        "1999-7777",
        "0222-6666",
        "1234-567X",
    )
    assert normalise_issn("978-3-642-32156-6") == ()


def test_markup_goes_and_comparison_signs_stay():
    assert strip_markup("<p>p &lt; 0.05 and n<30 <i>H. pylori</i></p>") == "\np < 0.05 and n<30 H. pylori\n"


def test_names():
    assert name_with_initials("Adler D.G.") == "Adler, D.G."
    assert name_with_initials("van der Berg JA") == "van der Berg, JA"
    assert name_with_initials("WHO Study Group A") == "WHO Study Group A"
    assert name_with_sure_initials("Brownstein C D") == "Brownstein, C D"
    assert name_with_sure_initials("P. Kogge") == "Kogge, P."
    assert name_with_sure_initials("Cancer Research UK") == "Cancer Research UK"
    assert family_first("Van Ryswyk Emer") == "Van Ryswyk, Emer"


@pytest.mark.parametrize(
    ("cell", "names"),
    [
        ("Griffin DK, Larkin DM, O'Connor RE.", ["Griffin, DK", "Larkin, DM", "O'Connor, RE"]),
        ("Liu R., Adler D.G.", ["Liu, R.", "Adler, D.G."]),
        ("Wilson, L.N.", ["Wilson, L.N."]),
        ("Yang, Z. and Jiang, B.", ["Yang, Z.", "Jiang, B."]),
        ("Bywater, T; Hutchings, J", ["Bywater, T", "Hutchings, J"]),
        ("['Marx, Karl', 'Lindgren, Astrid']", ["Marx, Karl", "Lindgren, Astrid"]),
        ("王伟,李强", ["王伟", "李强"]),
    ],
)
def test_authors_in_one_cell(cell, names):
    assert split_authors(cell) == names


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("Ecohydrology.   8(6):1048-1064, September 2015.", ("Ecohydrology", "8", "6", "1048-1064", "2015")),
        ("Acta Chirurgica Belgica November/December 2010;6:611-613",
         ("Acta Chirurgica Belgica", "6", None, "611-613", "2010")),
        ("Journal of Political Studies 12, Winter 2007: 7-14.",
         ("Journal of Political Studies", "12", None, "7-14", "2007")),
        ("Cancer (2004) 102:4 (253-258). Date of Publication: 25 Aug 2004", ("Cancer", "102", "4", "253-258", "2004")),
        ("J Psychiatr Res;139: 179-184, 2021 07. ", ("J Psychiatr Res", "139", None, "179-184", "2021")),
    ],
)  # fmt: skip
def test_source_lines_of_ovid_embase_and_bvs(line, parts):
    found = dict(parse_source(line))
    assert tuple(found.get(tag) for tag in ("JN", "VO", "IP", "PG", "YR")) == parts
