"""Cutting a line of a strategy into pieces, by the syntax of its platform.

Pieces are words, quotes, brackets, operators, fields before or after, and whole constructs such as ``exp Asthma/``.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from toolkit.search.platforms import SYNTAX
from toolkit.search.strategy import OVID_COMMAND, find_references
from toolkit.search.tree import Chain, Dates, Group, Heading, Near, Node, Qualifier, Refs, Term, Type, Unknown

__all__ = ["ParseError", "Piece", "pieces_of", "with_fields"]


class ParseError(Exception):
    """The line cannot be read; ``start`` is the offset where it stops making sense."""

    def __init__(self, message: str, start: int) -> None:
        super().__init__(message)
        self.start = start


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a line: kind is word, quote, open, close, operator, near, node, prefix or suffix."""

    kind: str
    text: str
    start: int
    end: int
    node: Node | None = None
    apply: Callable[[Node, Piece], Node] | None = None
    between: int = 0
    ordered: bool = False


_DATE = r"\d{4}(?:/\d{1,2}(?:/\d{1,2})?)?"
_RANGE = re.compile(rf'"?({_DATE})"?(?:\s*\[([a-z]+)\])?\s*:\s*"?({_DATE})"?\s*\[([a-z ]+)\]', re.IGNORECASE)
_SINGLE_DATE = re.compile(rf'"?({_DATE})"?\s*\[(dp|pdat|crdt|edat|mhda|lr|epdat|ppdat)\]', re.IGNORECASE)
_TAG = re.compile(r"\[([^\]\[]*)\]")
_OVID_WORDS = r"(?:(?!\b(?:and|or|not|adj\d*)\b)[^/()\"\[\]])+?"
_OVID_HEADING = re.compile(
    rf"(exp\s+)?(\*)?(\"[^\"]+\"|{_OVID_WORDS})/((?:[a-z]{{2}}(?:,\s*[a-z]{{2}})*)?)(?=[\s)]|$)", re.I
)
_OVID_SUFFIX = re.compile(r"\.([a-z]{2}(?:,\s*[a-z]{2})*)\.(?:\s*\[mp=[^\]]*\])?(?=[\s)]|$)", re.IGNORECASE)
_EMTREE = re.compile(r"(?:'([^']+)'|\"([^\"]+)\"|([\w-]+))/((?:exp|de|mj)(?:/mj|/dm_\w+)*)\b", re.IGNORECASE)
_COLON_SUFFIX = re.compile(r":((?:[a-z]{2,3})(?:\s*,\s*[a-z]{2,3})*)(?=[\s)]|$)", re.IGNORECASE)
_MH = re.compile(r"\[mh\s+(\^)?\s*\"?([^\"\]/]*?)\"?\s*(?:/\s*([A-Za-z ,]+))?\]", re.IGNORECASE)
_DESCRIPTOR = re.compile(
    r"MeSH descriptor:\s*\[([^\]]+)\]\s*(explode all trees|this term only)?"
    r"(?:\s+and with qualifier\(s\):\s*\[([^\]]*)\])?",
    re.IGNORECASE,
)
_CINAHL = re.compile(r"(MH|MM)\s+\"([^\"]+?)(\+)?\"(?!\w)")
_NEAR = {
    "ovid": re.compile(r"adj(\d*)(?![\w])", re.I),
    "embase": re.compile(r"(NEAR|NEXT)/(\d+)(?!\w)", re.I),
    "cochrane": re.compile(r"(NEAR|NEXT)(?:/(\d+))?(?!\w)", re.I),
    "wos": re.compile(r"NEAR(?:/(\d+))?(?!\w)", re.I),
    "scopus": re.compile(r"(W|PRE)/(\d+)(?!\w)"),
    "ebsco": re.compile(r"([NW])(\d+)(?!\w)"),
}
_WORD_END = {
    "pubmed": r"[^\s()\[\]\"]+",
    "ovid": r"(?:(?!\.[a-z]{2}(?:,\s*[a-z]{2})*\.(?:[\s)]|$))[^\s()\"])+",
    "embase": r"(?:(?!:[a-z]{2,3}(?:,[a-z]{2,3})*(?:[\s)]|$))[^\s()\"'])+",
    "cochrane": r"(?:(?!:[a-z]{2,3}(?:,[a-z]{2,3})*(?:[\s)]|$))[^\s()\"])+",
    "cnki": r"[^\s()'\"*+=%]+",
}
_SPACE = re.compile(r"\s+")


def pieces_of(text: str, platform: str, numbering: str) -> Iterator[Piece]:
    """The pieces of a line, from left to right."""
    if platform == "ovid" and OVID_COMMAND.match(text):
        yield _node(Unknown(text=text, why="a limit or a command of Ovid", start=0, end=len(text)))
        return
    references = {r.start: r for r in find_references(text, numbering)}
    position = 0
    operand_next = True
    while position < len(text):
        space = _SPACE.match(text, position)
        if space:
            position = space.end()
            continue
        reference = references.get(position)
        if reference is not None:
            refs = Refs(numbers=reference.numbers, operator=reference.operator, start=position, end=reference.end)
            piece = _node(refs)
        else:
            piece = _piece(text, position, platform, operand_next)
        yield piece
        position = piece.end
        operand_next = piece.kind in ("operator", "near", "open", "prefix")


def _piece(text: str, at: int, platform: str, operand_next: bool) -> Piece:
    for reader in (_READERS[platform], _common):
        piece = reader(text, at, operand_next, platform)
        if piece is not None:
            return piece
    word = re.compile(_WORD_END.get(platform, r"[^\s()\"]+")).match(text, at)
    end = word.end() if word and word.end() > at else at + 1
    return Piece("word", text[at:end], at, end)


def _common(text: str, at: int, operand_next: bool, platform: str) -> Piece | None:
    char = text[at]
    if char in "()":
        return Piece("open" if char == "(" else "close", char, at, at + 1)
    if char == '"' or (char == "'" and platform in ("embase", "cnki") and operand_next):
        end = text.find(char, at + 1)
        if end < 0:
            raise ParseError("a quotation mark is never closed", at)
        return Piece("quote", text[at + 1 : end], at, end + 1)
    operator = re.compile(r"(AND\s+NOT|AND|OR|NOT)(?=[\s()#\"']|$)", re.I).match(text, at)
    upper = SYNTAX[platform].upper_operators
    if operator and (operator[1].isupper() or not upper):
        word = "NOT" if operator[1].upper().endswith("NOT") else operator[1].upper()
        return Piece("operator", word, at, operator.end())
    near = _NEAR[platform].match(text, at) if platform in _NEAR and not operand_next else None
    return _near_piece(near, platform) if near else None


def _near_piece(match: re.Match[str], platform: str) -> Piece:
    syntax = SYNTAX[platform]
    number = match[match.lastindex] if match.lastindex and (match[match.lastindex] or "").isdigit() else None
    word = match[0].upper()
    ordered = word.startswith(("NEXT", "PRE")) or (platform == "ebsco" and word.startswith("W")) or word == "ADJ"
    if number is None:
        n = syntax.adjacent if ordered else (syntax.default_near or syntax.adjacent)
    else:
        n = int(number)
    if word.startswith("NEXT") and platform == "cochrane" and number is not None:
        between = n
    else:
        between = max(n - syntax.adjacent, 0)
    return Piece("near", match[0], match.start(), match.end(), between=between, ordered=ordered)


def _pubmed(text: str, at: int, operand_next: bool, platform: str) -> Piece | None:
    dates = _RANGE.match(text, at)
    if dates:
        kind = dates[4].lower().strip()
        return _node(Dates(kind=kind, first=dates[1], last=dates[3], start=at, end=dates.end()))
    single = _SINGLE_DATE.match(text, at)
    if single:
        kind = single[2].lower()
        return _node(Dates(kind=kind, first=single[1], last=single[1], start=at, end=single.end()))
    tag = _TAG.match(text, at)
    if tag:
        return Piece("suffix", tag[1].strip(), at, tag.end(), apply=_pubmed_tag)
    return None


def _pubmed_tag(node: Node, tag: Piece) -> Node:
    """What a tag makes of the words before it."""
    name = re.sub(r"\s*:\s*", ":", tag.text.lower())
    start, end = node.start, tag.end
    if not isinstance(node, Term):
        if name in SYNTAX["pubmed"].fields:
            return with_fields(node, SYNTAX["pubmed"].fields[name], f"[{tag.text}]")
        return Unknown(text="", why=f"[{tag.text}] behind brackets", start=start, end=end)
    near = re.fullmatch(r"(.+):~(\d+)", name)
    if near and near[1] in SYNTAX["pubmed"].fields:
        fields = SYNTAX["pubmed"].fields[near[1]]
        words = tuple(
            Term(text=w, quoted=False, start=start, end=end, fields=fields, tag=f"[{tag.text}]")
            for w in node.text.split()
        )
        return Near(items=words, between=int(near[2]), ordered=False, written=f"[{tag.text}]", start=start, end=end)
    if name in (
        "mh",
        "mesh",
        "mesh terms",
        "mh:noexp",
        "mesh:noexp",
        "mesh terms:noexp",
        "majr",
        "majr:noexp",
        "mesh major topic",
        "mesh major topic:noexp",
    ):
        heading, _, qualifier = node.text.partition("/")
        return Heading(
            text=heading.strip(),
            explode=not name.endswith("noexp"),
            major="maj" in name,
            qualifier=qualifier.strip(),
            start=start,
            end=end,
        )
    if name in ("pt", "publication type"):
        return Type(text=node.text, start=start, end=end)
    if name in ("sh", "mesh subheading", "subheading"):
        return Qualifier(text=node.text, start=start, end=end)
    if name in SYNTAX["pubmed"].fields:
        return dataclasses.replace(node, fields=SYNTAX["pubmed"].fields[name], tag=f"[{tag.text}]", end=end)
    return Unknown(text="", why=f"the field [{tag.text}]", start=start, end=end)


def _ovid(text: str, at: int, operand_next: bool, platform: str) -> Piece | None:
    suffix = _OVID_SUFFIX.match(text, at)
    if suffix:
        return Piece("suffix", suffix[1].lower(), at, suffix.end(), apply=_ovid_suffix)
    heading = _OVID_HEADING.match(text, at) if operand_next else None
    if heading and (name := heading[3].strip('" ')):
        return _node(
            Heading(
                text=name,
                explode=bool(heading[1]),
                major=bool(heading[2]),
                qualifier=heading[4].strip(),
                start=at,
                end=heading.end(),
            )
        )
    return None


def _ovid_suffix(node: Node, suffix: Piece) -> Node:
    tags = [tag.strip() for tag in suffix.text.split(",")]
    special: dict[str, Callable[[Term], Node]] = {
        "pt": lambda t: Type(text=t.text, start=t.start, end=suffix.end),
        "fs": lambda t: Qualifier(text=t.text, start=t.start, end=suffix.end),
        "sh": lambda t: Heading(text=t.text, explode=False, start=t.start, end=suffix.end),
    }
    if len(tags) == 1 and tags[0] in special:
        return _each_term(node, special[tags[0]])
    fields: list[str] = []
    for tag in tags:
        known = SYNTAX["ovid"].fields.get(tag)
        if known is None:
            return Unknown(text="", why=f"the field .{tag}.", start=node.start, end=suffix.end)
        fields += [name for name in known if name not in fields]
    return with_fields(node, tuple(fields), f".{suffix.text}.", end=suffix.end)


def _embase(text: str, at: int, operand_next: bool, platform: str) -> Piece | None:
    heading = _EMTREE.match(text, at) if operand_next else None
    if heading:
        kinds = heading[4].lower().split("/")
        name = heading[1] or heading[2] or heading[3]
        return _node(
            Heading(
                text=name,
                explode="exp" in kinds,
                major="mj" in kinds,
                qualifier="/".join(k for k in kinds if k.startswith("dm_")),
                start=at,
                end=heading.end(),
            )
        )
    special = re.compile(r"\[[^\]]*\]/[a-z]+", re.IGNORECASE).match(text, at)
    if special:
        years = re.match(r"\[(\d{4})-(\d{4})\]/py", special[0], re.IGNORECASE)
        if years:
            return _node(Dates(kind="dp", first=years[1], last=years[2], start=at, end=special.end()))
        return _node(Unknown(text=special[0], why="a limit of Embase.com", start=at, end=special.end()))
    return _colon(text, at, platform)


def _colon(text: str, at: int, platform: str) -> Piece | None:
    suffix = _COLON_SUFFIX.match(text, at)
    if not suffix:
        return None
    return Piece("suffix", suffix[1].lower().replace(" ", ""), at, suffix.end(), apply=_FIELD_SUFFIX[platform])


def _colon_fields(platform: str) -> Callable[[Node, Piece], Node]:
    def apply(node: Node, suffix: Piece) -> Node:
        fields: list[str] = []
        for tag in suffix.text.split(","):
            known = SYNTAX[platform].fields.get(tag)
            if known is None:
                return Unknown(text="", why=f"the field :{tag}", start=node.start, end=suffix.end)
            fields += [name for name in known if name not in fields]
        if fields == ["pt"]:
            return _each_term(node, lambda t: Type(text=t.text, start=t.start, end=suffix.end))
        return with_fields(node, tuple(fields), f":{suffix.text}", end=suffix.end)

    return apply


_FIELD_SUFFIX = {platform: _colon_fields(platform) for platform in ("embase", "cochrane")}


def _cochrane(text: str, at: int, operand_next: bool, platform: str) -> Piece | None:
    joined = re.compile(r"\{(or|and)\s+#(\d+)-#(\d+)\}", re.IGNORECASE).match(text, at)
    if joined:
        numbers = tuple(range(int(joined[2]), int(joined[3]) + 1))
        return _node(Refs(numbers=numbers, operator=joined[1].upper(), start=at, end=joined.end()))
    named = _DESCRIPTOR.match(text, at)
    if named:
        explode = (named[2] or "").lower() != "this term only"
        return _node(Heading(text=named[1], explode=explode, qualifier=named[3] or "", start=at, end=named.end()))
    heading = _MH.match(text, at)
    if heading:
        if not heading[2].strip():
            return _node(Qualifier(text=heading[3] or "", start=at, end=heading.end()))
        return _node(
            Heading(
                text=heading[2].strip(),
                explode=not heading[1],
                qualifier=(heading[3] or "").strip(),
                start=at,
                end=heading.end(),
            )
        )
    return _colon(text, at, platform)


def _prefixed(pattern: re.Pattern[str]) -> Callable[[str, int, bool, str], Piece | None]:
    """A reader for platforms that write the field before the words."""

    def read(text: str, at: int, operand_next: bool, platform: str) -> Piece | None:
        special = _SPECIAL[platform](text, at) if platform in _SPECIAL else None
        if special is not None:
            return special
        match = pattern.match(text, at) if operand_next else None
        if match is None:
            return None
        tag = match[1].lower()
        fields = SYNTAX[platform].fields.get(tag)
        if fields is None:
            return Piece("prefix", match[1], at, match.end(), apply=_unknown_field)
        return Piece("prefix", match[1], at, match.end(), apply=lambda n, p: with_fields(n, fields, p.text, p.start))

    return read


def _unknown_field(node: Node, prefix: Piece) -> Node:
    return Unknown(text="", why=f"the field {prefix.text}", start=prefix.start, end=node.end)


def _wos_special(text: str, at: int) -> Piece | None:
    years = re.compile(r"PY\s*=\s*\(?(\d{4})(?:-(\d{4}))?\)?").match(text, at)
    if years is None:
        return None
    return _node(Dates(kind="dp", first=years[1], last=years[2] or years[1], start=at, end=years.end()))


def _ebsco_special(text: str, at: int) -> Piece | None:
    heading = _CINAHL.match(text, at)
    if heading:
        return _node(
            Heading(text=heading[2], explode=bool(heading[3]), major=heading[1] == "MM", start=at, end=heading.end())
        )
    kind = re.compile(r"PT\s+(?:\"([^\"]+)\"|(\w+))").match(text, at)
    return _node(Type(text=kind[1] or kind[2], start=at, end=kind.end())) if kind else None


def _scopus_special(text: str, at: int) -> Piece | None:
    year = re.compile(r"PUBYEAR\s*(>|<|=)\s*(\d{4})").match(text, at)
    if year:
        n = int(year[2])
        first, last = {">": (str(n + 1), ""), "<": ("", str(n - 1)), "=": (str(n), str(n))}[year[1]]
        return _node(Dates(kind="dp", first=first, last=last, start=at, end=year.end()))
    special = re.compile(r"(?:DOCTYPE|INDEXTERMS|LIMIT-TO|EXACTKEYWORD)\s*\([^()]*\)").match(text, at)
    if special:
        return _node(Unknown(text=special[0], why="a field of Scopus", start=at, end=special.end()))
    exact = re.compile(r"\{([^}]*)\}").match(text, at)
    return Piece("quote", exact[1], at, exact.end()) if exact else None


def _cnki_special(text: str, at: int) -> Piece | None:
    operators = {"*": "AND", "+": "OR", "-": "NOT"}
    if text[at] in "*+" or (text[at] == "-" and at and text[at - 1] in " )'"):
        return Piece("operator", operators[text[at]], at, at + 1)
    return None


_SPECIAL = {"wos": _wos_special, "ebsco": _ebsco_special, "scopus": _scopus_special, "cnki": _cnki_special}
_READERS: dict[str, Callable[[str, int, bool, str], Piece | None]] = {
    "pubmed": _pubmed,
    "ovid": _ovid,
    "embase": _embase,
    "cochrane": _cochrane,
    "wos": _prefixed(re.compile(r"([A-Z]{2,3})\s*=\s*")),
    "scopus": _prefixed(re.compile(r"([A-Z]+(?:-[A-Z]+)*)(?=\s*\()")),
    "ebsco": _prefixed(re.compile(r"([A-Z]{2})(?=[\s(])\s*(?!\s*(?:AND|OR|NOT)\b)")),
    "cnki": _prefixed(re.compile(r"([A-Z]{2,3})\s*(?:%=|%|=)\s*")),
}


def _node(node: Node) -> Piece:
    return Piece("node", "", node.start, node.end, node=node)


def with_fields(
    node: Node, fields: tuple[str, ...], tag: str, start: int | None = None, end: int | None = None
) -> Node:
    """The tree with these fields on every term that has none yet; ``start`` or ``end`` widen it."""
    first, last = node.start if start is None else start, node.end if end is None else end
    if isinstance(node, Term):
        return node if node.fields else dataclasses.replace(node, fields=fields, tag=tag, start=first, end=last)
    if isinstance(node, Group):
        return dataclasses.replace(node, inner=with_fields(node.inner, fields, tag), start=first, end=last)
    if isinstance(node, Chain | Near):
        return dataclasses.replace(node, items=tuple(with_fields(item, fields, tag) for item in node.items))
    return node


def _each_term(node: Node, make: Callable[[Term], Node]) -> Node:
    if isinstance(node, Term):
        return make(node)
    if isinstance(node, Group):
        return dataclasses.replace(node, inner=_each_term(node.inner, make))
    if isinstance(node, Chain):
        return dataclasses.replace(node, items=tuple(_each_term(item, make) for item in node.items))
    return node
