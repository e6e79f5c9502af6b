"""What kind of document a record is, as its source says it, and how each format writes it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from toolkit.model.records import ParsedRecord

__all__ = ["KIND_TAGS", "Kind", "kind_of"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of document: RIS code, CSL type, BibTeX entry, name and number of EndNote's reference type."""

    ris: str
    csl: str
    bibtex: str
    endnote: tuple[str, int]


_ARTICLE = Kind("JOUR", "article-journal", "article", ("Journal Article", 17))
_BOOK = Kind("BOOK", "book", "book", ("Book", 6))
_CHAPTER = Kind("CHAP", "chapter", "incollection", ("Book Section", 5))
_PAPER = Kind("CPAPER", "paper-conference", "inproceedings", ("Conference Paper", 47))
_PROCEEDINGS = Kind("CONF", "paper-conference", "inproceedings", ("Conference Proceedings", 10))
_THESIS = Kind("THES", "thesis", "phdthesis", ("Thesis", 32))
_REPORT = Kind("RPRT", "report", "techreport", ("Report", 27))
_NEWS = Kind("NEWS", "article-newspaper", "article", ("Newspaper Article", 23))
_MAGAZINE = Kind("MGZN", "article-magazine", "article", ("Magazine Article", 19))
_WEB = Kind("ELEC", "webpage", "misc", ("Web Page", 12))
_PATENT = Kind("PAT", "patent", "misc", ("Patent", 25))
_UNPUBLISHED = Kind("UNPB", "manuscript", "unpublished", ("Unpublished Work", 34))
_OTHER = Kind("GEN", "document", "misc", ("Generic", 13))

_WORDS: tuple[tuple[Kind, str], ...] = (
    (_ARTICLE, "jour ejour inpr jfull; journal article; article; article-journal; 期刊"),
    (_CHAPTER, "chap echap incollection inbook; book chapter; book section; book, section; chapter"),
    (_BOOK, "book ebook whole; book, whole; edited book; monograph"),
    (_PAPER, "cpaper inproceedings; conference paper; proceedings paper; proceedings-article; paper-conference"),
    (_PROCEEDINGS, "conf proceedings; conference proceedings; 会议论文"),
    (_THESIS, "thes phdthesis mastersthesis; thesis; dissertation; dissertation/thesis; 学位论文; 硕士; 博士"),
    (_REPORT, "rprt techreport; report"),
    (_NEWS, "news; newspaper article; article-newspaper"),
    (_MAGAZINE, "mgzn; magazine article; article-magazine"),
    (_WEB, "elec web icomm; web page; webpage"),
    (_PATENT, "pat patent"),
    (_UNPUBLISHED, "unpb unpublished; unpublished work; manuscript"),
    (_OTHER, "gen misc; generic; trial registration; document"),
)  # fmt: skip


def _by_word() -> dict[str, Kind]:
    found: dict[str, Kind] = {}
    for kind, words in _WORDS:
        codes, *names = words.split("; ")
        for word in (*codes.split(), *names):
            found.setdefault(word, kind)
    return found


_KIND_OF = _by_word()
KIND_TAGS = ("TY", "0", "RT", "Reference Type", "ref-type", "entrytype", "CSL type")
"""Where a source says what a reference is: RIS, refer, RefWorks, NoteExpress, EndNote XML, BibTeX, our own CSL JSON."""


def kind_of(record: ParsedRecord) -> Kind:
    """The kind that the source's own tag for it names, else one of the publication types, else a journal article.

    Examples
    --------
    >>> kind_of(ParsedRecord(extra={"0": ("Thesis",)})).ris
    'THES'
    >>> kind_of(ParsedRecord(publication_types=("Book Chapter",))).csl
    'chapter'
    """
    own = [value for tag in KIND_TAGS for value in record.extra.get(tag, ())]
    for word in (*own, *record.publication_types):
        kind = _KIND_OF.get(re.sub(r"\s+", " ", word).strip().lower())
        if kind is not None:
            return kind
    return _ARTICLE
