"""Rules that can be read aloud: what always joins a pair, and what a score alone may not overrule.

A *veto* keeps a pair from being merged automatically. Its outcome is either APART (two documents) or ASK (a person
decides, if the score is high enough to be worth asking). Each rule names the fields it looks at; where a field is
unknown a rule that needs it does not fire, and a rule that wants agreement is not satisfied.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from toolkit.dedup.compare import Comparison
from toolkit.dedup.titles import MARKERS

__all__ = ["APART", "ASK", "COMBINATIONS", "JOINS", "MERGE", "PROMPTS", "VETOES", "Rule"]

APART, ASK, MERGE = 0, 1, 2
Mask = npt.NDArray[np.bool_]

# Markers that name another kind of document; the others name another population or phase.
_KINDS = ("erratum", "retraction", "comment", "reply", "letter", "protocol", "update", "abstracts", "plain summary")
_KIND_BITS = sum(1 << MARKERS.index(name) for name in _KINDS)


@dataclass(frozen=True, slots=True)
class Rule:
    """A declared rule: its name, what it says, where it applies, and what follows.

    ``forbids`` marks a contradiction: the two may not meet in one cluster by way of a third record either, such as
    an abstract and its article by way of a record that has neither journal nor pages.
    """

    name: str
    says: str
    applies: Callable[[Comparison], Mask]
    outcome: int
    forbids: bool = False


def _title_alike(c: Comparison) -> Mask:
    return c.level("title", "same", "nearly the same", "close", "alike", "begins the other")


def _title_equal(c: Comparison) -> Mask:
    return c.level("title", "same", "nearly the same")


def _same_place(c: Comparison) -> Mask:
    """First page and volume agree, and journal and year do not speak against it."""
    return (
        c.level("first page", "same")
        & c.level("volume", "same")
        & ~c.level("journal", "different")
        & c.level("year", "same", "one apart", "unknown")
    )


def _same_first_author(c: Comparison) -> Mask:
    return c.level("first author", "same", "same, other initial", "alike", "other order")


def _other_kind(c: Comparison) -> Mask:
    differs: Mask = (c.marker_difference & _KIND_BITS) != 0
    one_notice = _same_place(c) & c.level("last page", "same", "unknown") & ~c.level("doi", "different")
    return differs & ~(one_notice & _title_alike(c) & ~c.level("first author", "different"))


def _other_group(c: Comparison) -> Mask:
    differs: Mask = ((c.marker_difference & ~_KIND_BITS) != 0) & ~c.level("title words", "other spelling")
    return differs & ~_same_place(c) & ~c.level("doi", "same")


def _other_part(c: Comparison) -> Mask:
    other = c.level("part", "different") | (c.level("part", "one side only") & ~c.level("first page", "same"))
    one_place = _same_place(c) & c.level("last page", "same")
    return other & ~(_title_equal(c) & (one_place | (c.level("doi", "same") & c.level("part", "one side only"))))


def _other_number(c: Comparison) -> Mask:
    return c.level("numbers in title", "different") & ~_same_place(c) & ~c.level("doi", "same")


def _other_doi(c: Comparison) -> Mask:
    agrees = _title_equal(c) & c.level("first page", "same") & c.level("volume", "same") & _same_first_author(c)
    return c.level("doi", "different") & ~agrees


def _other_pmid(c: Comparison) -> Mask:
    return c.level("pmid", "different") & ~(_title_equal(c) & c.level("doi", "same"))


def _container_doi(c: Comparison) -> Mask:
    shared = c.level("doi", "same, shared by several titles")
    return shared & ~_title_alike(c) & ~c.is_translation


def _two_publications(c: Comparison) -> Mask:
    """Another journal, and nothing that ties the pair: abstract and article, reprint, preliminary report."""
    tied = (
        (c.level("first page", "same") & c.level("volume", "same"))
        | c.level("doi", "same")
        | (c.level("abstract", "same") & ~c.level("first page", "different") & ~c.level("volume", "different"))
    )
    return c.level("journal", "different") & ~tied


def _abstract_and_article(c: Comparison) -> Mask:
    tied = (
        c.level("first page", "same") | c.level("doi", "same") | c.level("pmid", "same") | c.level("abstract", "same")
    )
    return c.is_supplement_pair & ~tied


def _other_place(c: Comparison) -> Mask:
    return (
        c.level("first page", "different")
        & c.level("volume", "different")
        & ~c.level("doi", "same")
        & ~c.level("pmid", "same")
    )


def _generic_elsewhere(c: Comparison) -> Mask:
    other = (
        c.level("first page", "different")
        | c.level("volume", "different")
        | c.level("issue", "different")
        | c.level("journal", "different")
        | c.level("doi", "different")
        | c.level("first author", "different")
        | c.level("year", "two or three apart", "farther apart")
    )
    return c.level("title length", "generic") & ~c.level("title", "unknown") & other


def _generic_title(c: Comparison) -> Mask:
    agrees = (
        c.level("journal", "same")
        & (c.level("first page", "same") | c.level("doi", "same"))
        & c.level("volume", "same", "unknown")
        & c.level("year", "same", "one apart")
    )
    return c.level("title length", "generic") & ~c.level("title", "unknown") & ~agrees


def _no_title(c: Comparison) -> Mask:
    return c.level("title", "unknown") & ~(c.level("doi", "same") & _same_place(c))


def _preprint(c: Comparison) -> Mask:
    other = c.level("journal", "different", "unknown")
    return c.is_preprint_pair & other & ~c.level("doi", "same") & ~c.level("pmid", "same")


def _cochrane_version(c: Comparison) -> Mask:
    other_date = c.level("year", "one apart", "two or three apart", "farther apart") | c.level("issue", "different")
    return c.is_cochrane & other_date & ~c.level("doi", "same") & ~c.level("pmid", "same")


def _early_version(c: Comparison) -> Mask:
    """Years one apart, and neither page, DOI, PMID nor abstract is shared."""
    tied = (
        c.level("first page", "same") | c.level("doi", "same") | c.level("pmid", "same") | c.level("abstract", "same")
    )
    return c.level("year", "one apart") & ~tied


def _other_volume(c: Comparison) -> Mask:
    """As an early version, but both have a volume: two issues of a recurring title."""
    return _early_version(c) & c.level("volume", "different")


def _cut_title(c: Comparison) -> Mask:
    tied = c.level("first page", "same") | c.level("doi", "same", "same, shared by several titles")
    return c.is_cut & ~tied & ~c.level("abstract", "same") & ~c.level("volume", "same")


def _short_title(c: Comparison) -> Mask:
    """A short title needs three agreements out of page, journal, first author, abstract and DOI."""
    agreements = np.sum(
        [
            c.level("first page", "same"),
            c.level("journal", "same"),
            _same_first_author(c),
            c.level("abstract", "same"),
            c.level("doi", "same"),
        ],
        axis=0,
    )
    few: Mask = agreements < 3
    return c.level("title length", "short") & few


def _years_apart(c: Comparison) -> Mask:
    known = c.level("doi", "same") | (c.level("first page", "same") & c.level("volume", "same"))
    return c.level("year", "two or three apart") & ~known


def _years_far_apart(c: Comparison) -> Mask:
    known = c.level("doi", "same") | c.level("first page", "same") | c.level("abstract", "same")
    return c.level("year", "farther apart") & ~known


def _other_title(c: Comparison) -> Mask:
    """Other titles, unless authors, year, volume, issue and all pages leave no room for a second document."""
    one_place = (
        _same_place(c)
        & c.level("last page", "same")
        & c.level("journal", "same")
        & c.level("year", "same")
        & ~c.level("issue", "different")
        & c.level("first author", "same")
        & c.level("authors", "same")
        & ~c.level("abstract", "different")
        & ~c.level("doi", "different", "same, shared by several titles")
        & ~c.is_supplement
        & ~c.is_one_page
    )
    return c.level("title", "different", "partly alike") & ~c.is_translation & ~one_place


def _beginning_only(c: Comparison) -> Mask:
    """A short title that begins a longer one needs the same place, DOI or abstract."""
    return (
        c.level("title", "begins the other") & ~_same_place(c) & ~c.level("doi", "same") & ~c.level("abstract", "same")
    )


def _nothing_but_title(c: Comparison) -> Mask:
    """Issues differ and no page, DOI or abstract says that the two are one: a column that returns in each issue."""
    identified = c.level("first page", "same") | c.level("doi", "same") | c.level("abstract", "same", "alike")
    return c.level("issue", "different") & ~identified


def _same_work_and_place(c: Comparison) -> Mask:
    """Authors and year agree, nothing differs, and pages, or volume and issue, agree as well."""
    nothing_differs = (
        ~c.level("volume", "different")
        & ~c.level("issue", "different")
        & ~c.level("first page", "different")
        & ~c.level("doi", "different", "other version", "same, shared by several titles")
        & ~c.level("pmid", "different")
        & ~c.level("title length", "generic", "short")
    )
    same_work = c.level("first author", "same", "other order") & c.level("authors", "same", "alike")
    page = _title_equal(c) & c.level("first page", "same") & ~c.is_page_one
    more_words = c.level("title words", "one title adds words") & c.level("abstract", "different")
    other_words = more_words | c.level("title words", "words replaced")
    issue = _title_equal(c) & c.level("volume", "same") & c.level("issue", "same") & ~c.is_cut & ~other_words
    pages = (
        _title_alike(c)
        & c.level("first page", "same")
        & c.level("last page", "same")
        & ~c.is_one_page
        & ~c.is_page_one
        & ~c.is_supplement
        & ~c.level("abstract", "different")
        & ~c.level("journal", "different")
    )
    return nothing_differs & same_work & c.level("year", "same") & (page | issue | pages)


def _conference_paper(c: Comparison) -> Mask:
    """A paper of proceedings, which have no volume and are dated by the meeting or by the year after."""
    return (
        c.level("title", "same")
        & c.level("title length", "long")
        & c.level("authors", "same")
        & c.level("first author", "same", "other order")
        & c.has_several_authors
        & c.level("journal", "same", "alike")
        & c.level("year", "same", "one apart")
        & c.is_without_volume
        & c.is_meeting
        & ~c.level("issue", "same")
        & ~c.is_supplement
        & ~c.is_cochrane
        & ~c.is_preprint_pair
        & ~c.level("first page", "different")
        & ~c.level("issue", "different")
        & ~c.level("doi", "different", "other version", "same, shared by several titles")
        & ~c.level("pmid", "different")
        & ~c.level("abstract", "different")
    )


def _words_replaced(c: Comparison) -> Mask:
    return c.level("title words", "words replaced") & ~_same_place(c) & ~c.level("doi", "same")


def _other_authors(c: Comparison) -> Mask:
    other = c.level("first author", "different") & c.level("authors", "different", "partly alike")
    return other & ~c.level("doi", "same") & ~(_same_place(c) & _title_equal(c))


def _same_translation(c: Comparison) -> Mask:
    """First author, authors, year, page, and volume or issue agree; the journal's name may be in another language."""
    issue = c.level("volume", "same") | (c.level("volume", "unknown") & c.level("issue", "same"))
    return (
        c.is_translation
        & c.level("first author", "same", "alike")
        & c.level("authors", "same", "alike")
        & c.level("year", "same")
        & c.level("first page", "same")
        & c.level("last page", "same", "unknown")
        & issue
        & ~c.level("journal", "different")
        & ~c.level("doi", "different", "other version")
        & ~c.level("issue", "different")
        & ~c.level("abstract", "different")
    )


def _translation(c: Comparison) -> Mask:
    return c.is_translation & c.level("title", "different", "partly alike") & ~_same_translation(c)


def _registrations(c: Comparison) -> Mask:
    return c.level("registry", "different")


_BARE = ("first author", "year", "volume", "issue", "first page", "doi", "pmid", "abstract", "registry")


def _bare_title(c: Comparison) -> Mask:
    """One long title, and one of the records has next to nothing else: no field but the journal can be compared."""
    nothing_else: Mask = np.all([c.level(field, "unknown") for field in _BARE], axis=0)
    return (
        _title_equal(c)
        & c.level("title length", "long", "middle")
        & ~c.level("title words", "words replaced")
        & ~c.level("journal", "different")
        & nothing_else
    )


def _printed_twice(c: Comparison) -> Mask:
    """One long title, abstract, journal and all authors, within a year, in two places of the journal."""
    return (
        c.level("title", "same")
        & c.level("title length", "long")
        & c.level("first author", "same")
        & c.level("authors", "same")
        & c.level("journal", "same")
        & c.level("abstract", "same")
        & c.level("year", "same", "one apart")
        & ~c.is_supplement
        & ~c.is_cochrane
    )


# What a person is asked about although the score alone would leave it.
PROMPTS: tuple[Rule, ...] = (
    Rule("nothing but the title", "the same long title, and one record has nothing else to compare", _bare_title, ASK),
    Rule(
        "printed twice",
        "title, authors, journal and abstract are the same, and pages or DOI are not",
        _printed_twice,
        ASK,
    ),
)

JOINS: tuple[Rule, ...] = (
    Rule("exact copy", "all fields are equal: one document", lambda c: c.is_exact_copy, MERGE),
    Rule(
        "same PMID",
        "the same PubMed id and alike titles: one document",
        lambda c: c.level("pmid", "same") & (_title_alike(c) | c.is_translation) & ~c.level("doi", "different"),
        MERGE,
    ),
    Rule(
        "same DOI and title",
        "the same DOI (no container of several documents), the same title, and no other page or author",
        lambda c: (
            c.level("doi", "same")
            & _title_equal(c)
            & ~c.level("title words", "words replaced")
            & ~c.level("title length", "generic")
            & ~c.level("first page", "different")
            & ~c.level("first author", "different")
            & ~(c.level("journal", "different") & c.level("volume", "different"))
        ),
        MERGE,
    ),
    Rule(
        "same authors, year and place",
        "authors and year agree, nothing differs, and page, or volume and issue, is the same: one document",
        _same_work_and_place,
        MERGE,
    ),
    Rule(
        "same conference paper",
        "long title, authors and meeting agree, neither has a volume, nothing differs: one document",
        _conference_paper,
        MERGE,
    ),
    Rule(
        "translated title",
        "titles in two languages; authors, year, page, and volume or issue agree: one document",
        _same_translation,
        MERGE,
    ),
)

# The first rule that applies names the reason.
VETOES: tuple[Rule, ...] = (
    Rule("other version", "DOIs that differ in their version only (.pub2, .pub3): two reports",
         lambda c: c.level("doi", "other version"), APART, forbids=True),
    Rule("other Cochrane version", "Cochrane reviews of another year or issue: two reports", _cochrane_version, APART,
         forbids=True),
    Rule("other kind of document", "an erratum, comment, reply, protocol or update is not the article", _other_kind,
         APART, forbids=True),
    Rule("preprint", "a preprint and its article are two reports, to be linked", _preprint, APART, forbids=True),
    Rule("other part", "part, phase or study numbers differ", _other_part, APART, forbids=True),
    Rule("other registration", "trial registry numbers differ", _registrations, APART, forbids=True),
    Rule("several documents under one DOI", "a DOI shared by different titles does not join them", _container_doi,
         APART, forbids=True),
    Rule("generic title elsewhere", "a title such as Editorial in another place, or of another author",
         _generic_elsewhere, APART, forbids=True),
    Rule("other group", "men and women, children and adults, preliminary and final are two reports", _other_group,
         APART, forbids=True),
    Rule("other number", "numbers in the titles differ, and nothing else ties the pair", _other_number, APART,
         forbids=True),
    Rule("years far apart", "more than three years apart, and no page, DOI or abstract is shared", _years_far_apart,
         APART, forbids=True),
    Rule("other volume", "volumes and years differ, and neither page, DOI nor abstract is shared",
         _other_volume, APART),
    Rule("other place", "volume and first page both differ, and no identifier is shared", _other_place, ASK,
         forbids=True),
    Rule("two publications", "the journals differ, and no page, DOI or abstract ties the pair", _two_publications, ASK,
         forbids=True),
    Rule("abstract and article", "one is of a supplement, and no page, DOI, PMID or abstract is shared",
         _abstract_and_article, ASK, forbids=True),
    Rule("other authors", "first author and authors differ", _other_authors, ASK, forbids=True),
    Rule("recurring column", "issues differ, and neither page, DOI nor abstract is shared",
         _nothing_but_title, APART),
    Rule("beginning only", "one title begins the other, and no page, DOI or abstract is shared", _beginning_only, ASK),
    Rule("cut title", "a title is cut off, and no page, DOI, abstract or volume is shared", _cut_title, ASK),
    Rule("words replaced", "the titles have different words in one place", _words_replaced, ASK),
    Rule("different DOI", "DOIs differ, and not all of title, pages, volume and first author agree", _other_doi, ASK,
         forbids=True),
    Rule("different PMID", "PubMed ids differ", _other_pmid, ASK, forbids=True),
    Rule("no title", "a record without title needs DOI, page and volume", _no_title, ASK),
    Rule("generic title", "a title such as Editorial needs journal, volume, and page or DOI", _generic_title, ASK),
    Rule("short title", "a short title needs three more agreements", _short_title, ASK),
    Rule("early version", "years are one apart, and no page, DOI or abstract is shared", _early_version, ASK),
    Rule("years apart", "two or three years apart without the same DOI, or page and volume", _years_apart, ASK),
    Rule("translation", "a translated title needs authors, year, page, and volume or issue", _translation, ASK),
    Rule("other title", "titles differ and neither is a translation", _other_title, ASK),
)  # fmt: skip

COMBINATIONS: dict[str, Callable[[Comparison], Mask]] = {
    "title alike, page and volume same": lambda c: _title_alike(c) & _same_place(c),
    "volume, first and last page same": lambda c: (
        c.level("volume", "same") & c.level("first page", "same") & c.level("last page", "same")
    ),
    "first author and page same": lambda c: _same_first_author(c) & c.level("first page", "same"),
    "translated title": lambda c: c.is_translation,
    "translated title, author and page same": lambda c: (
        c.is_translation & _same_first_author(c) & c.level("first page", "same")
    ),
}
