"""The best of each field of several deliveries of one report."""

from __future__ import annotations

import pytest

from toolkit.model.records import ParsedRecord
from toolkit.records.merge import best_record

PUBMED = ParsedRecord(
    title="Bone marrow cells in osteonecrosis.",
    authors=("Gangji, Valérie", "Hauzeur, Jean-Philippe"),
    journal="The Journal of bone and joint surgery. American volume",
    year=2004,
    pages="1153-60",
    doi="10.1000/a",
    pmid="15173287",
    abstract="Short. © 2004 JBJS.",
    issn=("0021-9355",),
    keywords=("Humans",),
    extra={"MH": ("Hip",)},
)
EMBASE = ParsedRecord(
    title="BONE MARROW CELLS IN OSTEONECROSIS",
    authors=("Gangji V.", "Hauzeur J.-P.", "Matos C."),
    journal="J. Bone Jt. Surg.",
    year=2004,
    volume="86",
    pages="1153-1160",
    doi="10.1000/B",
    accession="L38",
    abstract="Background: the whole abstract, much longer than the other one.",
    keywords=("humans", "hip"),
    extra={"MH": ("Hip", "Bone")},
)
EARLY = ParsedRecord(title="Bone marrow cells in ...", year=2003, pages="06-Oct")


def test_each_field_is_the_best_of_all() -> None:
    best = best_record([EARLY, PUBMED, EMBASE])
    assert best.title == "Bone marrow cells in osteonecrosis."
    assert best.authors == EMBASE.authors
    assert best.journal == PUBMED.journal
    assert (best.year, best.volume, best.pages) == (2004, "86", "1153-1160")
    assert best.abstract == EMBASE.abstract
    assert (best.doi, best.pmid, best.accession) == ("10.1000/a", "15173287", "L38")
    assert best.keywords == ("Humans", "hip")


def test_nothing_is_lost_where_values_compete() -> None:
    best = best_record([EARLY, PUBMED, EMBASE])
    assert best.extra["other_doi"] == ("10.1000/B",)
    assert best.extra["other_year"] == ("2003",)
    assert best.extra["MH"] == ("Hip", "Bone")


def test_the_order_decides_between_equals() -> None:
    assert best_record([EMBASE, PUBMED]).doi == "10.1000/B"


def test_full_names_win_among_lists_of_equal_length() -> None:
    initials = ParsedRecord(authors=("Gangji V", "Hauzeur JP"))
    assert best_record([initials, PUBMED]).authors == PUBMED.authors


def test_chinese_names_are_full_and_initials_are_not_however_long() -> None:
    chinese, romanised = ParsedRecord(authors=("刘洋", "陈晓")), ParsedRecord(authors=("Liu, Y.", "Chen, X."))
    assert best_record([romanised, chinese]).authors == best_record([chinese, romanised]).authors == ("刘洋", "陈晓")


def test_a_copyright_notice_is_not_part_of_an_abstract() -> None:
    assert best_record([EARLY, PUBMED]).abstract == "Short."


def test_one_record_is_its_own_best_and_none_is_an_error() -> None:
    assert best_record([PUBMED]) is PUBMED
    with pytest.raises(ValueError, match="at least one"):
        best_record([])


NOTICE = (
    "Copyright of Journal of Gambling Studies is the property of Springer Nature and its content may not be copied or "
    "emailed to multiple sites without the copyright holder's express written permission. However, users may print, "
    "download, or email articles for individual use. This abstract may be abridged. No warranty is given about the "
    "accuracy of the copy. (Copyright applies to all Abstracts.)"
)


@pytest.mark.parametrize(
    "notice",
    [
        NOTICE, "© 2020 The Authors. Published by Elsevier.", "Copyright © 2020 John and Pitt.", "(c) 2019 Wiley",
        "Copyright: © 2021 Whelan et al.", "Published by Elsevier Ltd.", "Copyright 2011 Wiley Periodicals",
        "All rights reserved.", "(PsycINFO Database Record (c) 2019 APA, all rights reserved)",
    ],
)  # fmt: skip
def test_a_notice_of_copyright_at_the_end_is_no_part_of_the_best_abstract(notice: str) -> None:
    records = [ParsedRecord(abstract=f"Harm fell. {notice}"), ParsedRecord(abstract="Harm fell")]
    assert best_record(records).abstract == "Harm fell."


@pytest.mark.parametrize(
    "abstract",
    ["We read studies published by 2019. Harm fell.", "Effects of copyright law on games. Harm fell.",
     "Copyright matters to authors. Harm fell.", "Trials were few. Published by 2019, they were small."],
)  # fmt: skip
def test_words_of_the_abstract_itself_are_no_notice(abstract: str) -> None:
    assert best_record([ParsedRecord(abstract=abstract), ParsedRecord(title="Harm")]).abstract == abstract
