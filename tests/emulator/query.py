"""A subset of PubMed's query language, enough for tests, and honest about the rest.

Known: AND OR NOT read from left to right, brackets, quoted and unquoted phrases, a final ``*``, and the field tags of
`FIELDS`. Anything else raises `UnknownSyntaxError`, which the server turns into an error that names it, so that no
test passes on a query the emulator did not understand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta

from tests.emulator.articles import Article


class UnknownSyntaxError(Exception):
    """The query uses something the emulator does not know."""


def _words(*texts: str) -> str:
    return " " + " ".join(re.findall(r"\w+", " ".join(texts).lower())) + " "


TextField = Callable[[Article], Iterable[str]]
# tag -> (name in QueryTranslation as in bp_esearch1-3.xml and the HAWC cassettes, the texts searched)
FIELDS: dict[str, tuple[str, TextField]] = {}
for tags, name, texts in (
    ("all|all fields", "All Fields", lambda a: (a.title, a.abstract, *a.mesh, *a.keywords, *a.journal, *a.authors)),
    ("tiab|title/abstract", "Title/Abstract", lambda a: (a.title, a.abstract, *a.keywords)),
    ("ti|title", "Title", lambda a: (a.title,)),
    ("ab|abstract", "Abstract", lambda a: (a.abstract,)),
    ("tw|text word", "Text Word", lambda a: (a.title, a.abstract, *a.keywords, *a.mesh, *a.types)),
    ("ot|other term", "Other Term", lambda a: a.keywords),
    ("au|author", "Author", lambda a: a.authors),
    ("ta|jour|journal", "Journal", lambda a: a.journal),
    ("la|lang|language", "Language", lambda a: a.language),
    ("vi|volume", "Volume", lambda a: (a.volume,)),
):  # fmt: skip
    for tag in tags.split("|"):
        FIELDS[tag] = (name, texts)
# Whole-value fields. The emulator knows no MeSH tree: [mh] does not explode.
WHOLE: dict[str, tuple[str, TextField]] = {}
for tags, name, texts in (
    ("mh|mesh|mesh terms", "MeSH Terms", lambda a: a.mesh),
    ("mh:noexp|mesh:noexp", "MeSH Terms:noexp", lambda a: a.mesh),
    ("majr|mesh major topic", "MeSH Major Topic", lambda a: a.major),
    ("pt|ptyp|publication type", "Publication Type", lambda a: a.types),
    ("pmid|uid", "UID", lambda a: (a.pmid,)),
    ("aid|article identifier", "Article Identifier", lambda a: (a.doi,)),
):
    for tag in tags.split("|"):
        WHOLE[tag] = (name, texts)
DATES: dict[str, tuple[str, Callable[[Article], tuple[date, date] | None]]] = {}
for tags, name, span in (
    ("dp|pdat|date - publication", "Date - Publication", lambda a: a.published),
    ("crdt|date - create", "Date - Create", lambda a: (a.created, a.created)),
    ("edat|date - entry", "Date - Entry", lambda a: (a.created, a.created)),
    ("mhda|date - mesh", "Date - MeSH", lambda a: (a.indexed, a.indexed) if a.indexed else None),
    ("lr|mdat|date - modification", "Date - Modification", lambda a: (a.revised, a.revised) if a.revised else None),
):
    for tag in tags.split("|"):
        DATES[tag] = (name, span)

TOKEN = re.compile(r'\s*(?:(?P<open>\()|(?P<close>\))|(?P<quote>"[^"]*")|(?P<tag>\[[^\]]*\])|(?P<word>[^\s()\[\]"]+))')
DAY = r"\d{4}(?:/\d{1,2}(?:/\d{1,2})?)?"
DATE_TERM = re.compile(rf"^({DAY})(?::({DAY}))?$")


@dataclass(slots=True)
class Translated:
    """What a query came to: the matching PMIDs, its translation, and PubMed's remarks."""

    pmids: set[str]
    text: str
    mapped: list[tuple[str, str]] = field(default_factory=list)
    errors: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[tuple[str, str]] = field(default_factory=list)


class Evaluator:
    """Evaluates queries on articles.

    Parameters
    ----------
    unknown : phrases (lower case) that the emulated PubMed does not have in its index
    mapping : untagged words -> MeSH heading they are mapped to
    """

    def __init__(
        self, articles: Iterable[Article], *, unknown: Iterable[str] = (), mapping: dict[str, str] | None = None
    ) -> None:
        self.articles = list(articles)
        self.unknown, self.mapping = {phrase.lower() for phrase in unknown}, mapping or {}

    def run(self, query: str) -> Translated:
        """PMIDs and translation of a query."""
        tokens = [(m.lastgroup or "", m.group(m.lastgroup or 0)) for m in TOKEN.finditer(query.strip())]
        result = Translated(set(), "")
        at, found, text = self._expression(tokens, 0, result)
        if at != len(tokens):
            raise UnknownSyntaxError(f"unbalanced bracket in {query!r}")
        result.pmids, result.text = found, text
        return result

    def _expression(self, tokens: list[tuple[str, str]], at: int, result: Translated) -> tuple[int, set[str], str]:
        found: set[str] | None = None
        text, operator = "", "AND"
        while at < len(tokens) and tokens[at][0] != "close":
            kind, value = tokens[at]
            if kind == "word" and value in ("AND", "OR", "NOT"):
                operator, at = value, at + 1
                continue
            if kind == "open":
                at, right, said = self._expression(tokens, at + 1, result)
                if at >= len(tokens) or tokens[at][0] != "close":
                    raise UnknownSyntaxError("a bracket is not closed")
                at, said = at + 1, f"({said})" if said else ""
            else:
                at, right, said = self._term(tokens, at, result)
            if said:
                found, text = self._join(found, text, operator, right, said)
            operator = "AND"
        return at, found or set(), text

    def _join(
        self, left: set[str] | None, text: str, operator: str, right: set[str], said: str
    ) -> tuple[set[str], str]:
        if left is None:
            return right, said
        joined = {"AND": left & right, "OR": left | right, "NOT": left - right}[operator]
        return joined, f"{text} {operator} {said}"

    def _term(self, tokens: list[tuple[str, str]], at: int, result: Translated) -> tuple[int, set[str], str]:
        """A term runs to its tag; without a tag, to the next operator or bracket."""
        parts: list[tuple[str, str]] = []
        tag = None
        while at < len(tokens) and tokens[at][0] in ("word", "quote"):
            if tokens[at][0] == "word" and tokens[at][1] in ("AND", "OR", "NOT"):
                break
            parts.append(tokens[at])
            at += 1
            if parts[-1][0] == "quote" and not (at < len(tokens) and tokens[at][0] == "tag"):
                break
        if at < len(tokens) and tokens[at][0] == "tag":
            tag, at = tokens[at][1][1:-1].strip().lower(), at + 1
        if not parts:
            raise UnknownSyntaxError(f"a field tag without a term: [{tag}]")
        phrase = " ".join(value.strip('"') for _, value in parts)
        found, text = self._look_up(phrase, any(kind == "quote" for kind, _ in parts), tag, result)
        return at, found, text

    def _look_up(self, phrase: str, quoted: bool, tag: str | None, result: Translated) -> tuple[set[str], str]:
        dated = DATE_TERM.match(phrase)
        if tag in DATES and dated:
            return self._dates(dated[1], dated[2] or dated[1], tag)
        if tag is not None and tag not in FIELDS and tag not in WHOLE and "~" in tag:
            raise UnknownSyntaxError(f"proximity search: [{tag}]")
        if tag is not None and tag not in FIELDS and tag not in WHOLE:
            # warn_field_not_found.json: an unknown tag is dropped, hits are still returned
            result.errors.append(("FieldNotFound", tag))
            tag = None
        name = (FIELDS.get(tag or "all") or WHOLE[tag or ""])[0]
        if phrase.lower() in self.unknown:
            return self._not_found(phrase, quoted, tag, name, result)
        if tag is None and not quoted and phrase.lower() in self.mapping:
            heading = self.mapping[phrase.lower()].lower()
            text = f'"{heading}"[MeSH Terms] OR "{phrase.lower()}"[All Fields]'
            result.mapped.append((phrase, text))
            return self._matching(heading, "mh") | self._matching(phrase, "all"), f"({text})"
        if tag is None and not quoted and " " in phrase:  # untagged words are joined by AND
            words = phrase.split()
            found = set.intersection(*(self._matching(word, "all") for word in words))
            return found, "(" + " AND ".join(f'"{word.lower()}"[All Fields]' for word in words) + ")"
        return self._matching(phrase, tag or "all"), f'"{phrase.lower()}"[{name}]'

    def _not_found(
        self, phrase: str, quoted: bool, tag: str | None, name: str, result: Translated
    ) -> tuple[set[str], str]:
        if quoted:  # PubMed falls back to the words, with hits
            result.warnings.append(("QuotedPhraseNotFound", f'"{phrase}"' + (f"[{name}]" if tag else "")))
            words = phrase.split()
            found = set.intersection(*(self._matching(word, tag or "all") for word in words))
            return found, "(" + " AND ".join(f'"{word.lower()}"[{name}]' for word in words) + ")"
        # klortho_esearch.error.xml: the term vanishes from the translation; bp_esearch8.xml: it stays, alone
        result.errors.append(("PhraseNotFound", phrase + (f"[{name}]" if tag else "")))
        return set(), "" if tag else f"({phrase}[All Fields])"

    def _matching(self, phrase: str, tag: str) -> set[str]:
        if tag in WHOLE:
            wanted = re.sub(r"\s+", " ", phrase.lower()).strip()
            stem = wanted.rstrip("*")
            texts = WHOLE[tag][1]
            return {
                a.pmid
                for a in self.articles
                if any(v.lower() == wanted or ("*" in wanted and v.lower().startswith(stem)) for v in texts(a))
            }
        cut = phrase.endswith("*")
        if "*" in phrase.rstrip("*"):
            raise UnknownSyntaxError(f"* inside a term: {phrase!r}")
        needle = _words(phrase)
        needle = needle.rstrip() if cut else needle
        if not needle.strip():
            raise UnknownSyntaxError(f"a term without letters: {phrase!r}")
        return {a.pmid for a in self.articles if needle in _words(*FIELDS[tag][1](a))}

    def _dates(self, first: str, last: str, tag: str) -> tuple[set[str], str]:
        name, span_of = DATES[tag]
        low, high = _bounds(first)[0], _bounds(last)[1]
        found = set()
        for article in self.articles:
            span = span_of(article)
            if span is not None and span[0] <= high and span[1] >= low:
                found.add(article.pmid)
        return found, f"{low:%Y/%m/%d}:{high:%Y/%m/%d}[{name}]"


def _bounds(text: str) -> tuple[date, date]:
    numbers = [int(part) for part in text.split("/")]
    year, month, day = (*numbers, *(0,) * (3 - len(numbers)))
    if not month:
        return date(year, 1, 1), date(year, 12, 31)
    if not day:
        after = date(year + month // 12, month % 12 + 1, 1)
        return date(year, month, 1), after - timedelta(days=1)
    return date(year, month, day), date(year, month, day)
