"""Strategy files: readable text with a header and numbered lines, and how the lines become one query.

A file looks like this; the header ends at the first line of the strategy::

    # database: PubMed
    # searcher: 王芳
    # date: 2026-03-01
    # filter: Cochrane sensitivity-maximizing RCT filter, PubMed format, 2008 revision

    #1 "Femur Head Necrosis"[mh]
    #2 osteonecrosis[tiab]
    #3 #1 OR #2

Line numbers are written ``#1``, ``1.``, ``1`` or ``S1``, one way per file. A line that begins with no number
continues the one above. A file without numbers is one query. Hits pasted with the line are read as such: ``(1,234)``
at the end of a line at Ovid, a number behind a tab elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from toolkit.model.errors import InputError

__all__ = [
    "PLATFORMS",
    "Reference",
    "Strategy",
    "StrategyLine",
    "find_references",
    "parse_strategy",
    "query_of",
    "read_strategy",
    "strategy_file",
]

PLATFORMS: dict[str, tuple[str, ...]] = {
    "pubmed": ("pubmed",),
    "ovid": ("ovid",),
    "embase": ("embase.com", "embase"),
    "cochrane": ("cochrane", "central"),
    "wos": ("web of science", "clarivate"),
    "scopus": ("scopus",),
    "ebsco": ("ebsco", "cinahl"),
    "cnki": ("cnki", "知网"),
}
"""Platform key -> words of the header that name it; the platform line is read before the database line."""

HEADER = re.compile(r"^\s*#?\s*(?P<key>[^\W\d][\w /-]{0,39}?)\s*[:：]\s*(?P<value>.*?)\s*$")
_KEYS = (
    "author citation coverage database date filter filters interface language limit limits name note notes platform "
    "query question register review reviewer run searcher source title topic version"
)
KNOWN_KEYS = frozenset(_KEYS.split())
NUMBERINGS: dict[str, re.Pattern[str]] = {
    "#": re.compile(r"^\s*#(?P<number>\d{1,4})[.):]?(?:\s+|$)"),
    "S": re.compile(r"^\s*[Ss](?P<number>\d{1,4})[.):]?(?:\s+|$)"),
    ".": re.compile(r"^\s*(?P<number>\d{1,4})[.)](?:\s+|$)"),
    " ": re.compile(r"^\s*(?P<number>\d{1,4})(?:\s+|$)"),
}
_SPAN = r"[#Ss]?\d{1,4}(?:\s*-\s*[#Ss]?\d{1,4})?"
RANGE = re.compile(rf"\b(?P<operator>and|or)\s*/\s*(?P<spans>{_SPAN}(?:\s*,\s*{_SPAN})*)\b", re.IGNORECASE)
OVID_COMMAND = re.compile(
    r"^\s*(?:limit\s+(?P<limited>\d{1,4})\s+to\b|remove\s+duplicates\s+from\s+(?P<tidied>\d{1,4})\s*$"
    r"|(?P<used>\d{1,4})\s+use\s+\S)",
    re.IGNORECASE,
)
"""Commands of Ovid that name a line: ``limit 6 to humans``, ``remove duplicates from 7``, ``4 use medall``."""
OVID_HITS = re.compile(r"\s+\(\s*(?P<hits>\d[\d,]*)\s*\)\s*$")
TAB_HITS = re.compile(r"\t+\s*(?P<hits>\d[\d,]*)\s*$")
HASH = re.compile(r"#(?P<number>\d{1,4})\b")
ESS = re.compile(r"(?<![\w#])S(?P<number>\d{1,4})\b")
BARE_LINE = re.compile(r"^[\s(]*\d{1,4}(?:[\s()]+(?:and|or|not)[\s()]+\d{1,4})*[\s)]*$", re.IGNORECASE)
MIXED_LINE = re.compile(r"^[\s(]*\d{1,4}[\s)]+(?:and|or|not)\s|\s(?:and|or|not)[\s(]+\d{1,4}[\s)]*$", re.IGNORECASE)
BARE = re.compile(r"(?:(?<=^)|(?<=[\s(]))(?P<number>\d{1,4})(?=[\s)]|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyLine:
    """One line of a strategy.

    Attributes
    ----------
    number : the number the searcher gave it; None in a file without numbers
    text : the line without its number, continuation lines joined by a space
    places : (offset in ``text``, line in the file, column in that line) of each physical part, counted from 0, 1, 1
    hits : how many records the host found for it, where that was pasted behind the line
    """

    number: int | None
    text: str
    places: tuple[tuple[int, int, int], ...]
    hits: int | None = None

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column in the file, both counted from 1, of an offset in ``text``."""
        start, line, column = max((p for p in self.places if p[0] <= offset), default=self.places[0])
        return line, column + max(offset - start, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A mention of other lines: where in the text, which lines, and the operator of a range (``or/1-8``)."""

    start: int
    end: int
    numbers: tuple[int, ...]
    operator: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """A strategy as it stands in its file.

    Attributes
    ----------
    name : file name without its ending
    file : where it was read from, for messages
    text : the whole file, verbatim
    header : (key in lower case, value), in order; a key may come twice
    platform : a key of `PLATFORMS`, or "other"
    numbering : how its lines are numbered: "#", "S", "." (``1.``) or " " (``1``)
    lines : the strategy itself
    rows : key of the header -> its line in the file, counted from 1; the first where a key comes twice
    """

    name: str
    file: str
    text: str
    header: tuple[tuple[str, str], ...]
    platform: str
    numbering: str
    lines: tuple[StrategyLine, ...]
    rows: Mapping[str, int] = field(default_factory=dict)

    def get(self, *keys: str) -> str | None:
        """First value of the header under one of ``keys``, or None."""
        return next((value for key, value in self.header if key in keys and value), None)

    def all(self, *keys: str) -> tuple[str, ...]:
        """Every value of the header under one of ``keys``."""
        return tuple(value for key, value in self.header if key in keys and value)


def strategy_file(folder: Path, path: str | Path) -> Path:
    """The file meant by a path, or by a name in the folder's search_strategies/ with or without .txt."""
    given, home = Path(path), folder / "search_strategies"
    return next((p for p in (given, home / str(path), home / f"{path}.txt") if p.is_file()), given)


def read_strategy(path: str | Path) -> Strategy:
    """Read a strategy file (UTF-8, with or without a byte order mark).

    Raises
    ------
    InputError
        the file is missing, is not UTF-8 text, or holds no query.
    """
    path = Path(path)
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise InputError(
            "No such strategy file.", file=path, hint="Strategies live in search_strategies/*.txt."
        ) from None
    except OSError as error:
        raise InputError(f"The strategy file cannot be read: {error.strerror}.", file=path) from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = raw[: error.start].count(b"\n") + 1
        raise InputError(
            "This is not UTF-8 text.",
            file=path,
            row=row,
            hint="Save the file as UTF-8 (Notepad: Save as, Encoding UTF-8).",
        ) from None
    if "\x00" in text:
        raise InputError("This is not a text file.", file=path)
    return parse_strategy(text, file=str(path), name=path.stem)


def parse_strategy(text: str, *, file: str = "<strategy>", name: str = "strategy") -> Strategy:
    """Read a strategy from text; see the head of this module for its form."""
    header: list[tuple[str, str]] = []
    rows: dict[str, int] = {}
    body: list[tuple[int, str]] = []
    for row, line in enumerate(text.splitlines(), start=1):
        if not body and (entry := _header_entry(line)) is not None:
            if entry != ("", ""):
                header.append(entry)
                rows.setdefault(entry[0], row)
        elif line.strip() and not _is_comment(line):
            body.append((row, line))
    numbering = _numbering(body)
    platform = _platform(header)
    lines = _lines(body, NUMBERINGS[numbering], OVID_HITS if platform == "ovid" else TAB_HITS)
    if not any(line.text for line in lines):
        raise InputError("The strategy file holds no query.", file=file, hint="Write the query below the header.")
    return Strategy(
        name=name,
        file=file,
        text=text,
        header=tuple(header),
        platform=platform,
        numbering=numbering,
        lines=tuple(lines),
        rows=rows,
    )


def find_references(text: str, numbering: str) -> tuple[Reference, ...]:
    """Mentions of other lines in one line, outside quotes, from left to right.

    ``numbering`` is the way of the file ("#", "S", "." or " "): where lines are plain numbers, a bare number
    counts as a mention only beside an operator (``1 or 2``), since queries hold numbers too.
    """
    blank = re.sub(r'"[^"]*"?', lambda m: " " * len(m.group()), text)
    found: list[Reference] = []
    for match in RANGE.finditer(blank):
        found.append(_reference(match, _spanned(match["spans"]), match["operator"].upper()))
    if command := OVID_COMMAND.match(blank):
        name = str(command.lastgroup)
        found.append(Reference(start=command.start(name), end=command.end(name), numbers=(int(command[name]),),
                               operator=None))  # fmt: skip
    blank = RANGE.sub(lambda m: "\0" * len(m.group()), blank)
    patterns = {"#": (HASH,), "S": (HASH, ESS), ".": (HASH,), " ": (HASH,)}[numbering]
    for pattern in patterns:
        found.extend(_reference(match, (int(match["number"]),), None) for match in pattern.finditer(blank))
    if numbering in ". " and not found:
        if BARE_LINE.match(blank) and blank.strip():
            found.extend(_reference(match, (int(match["number"]),), None) for match in BARE.finditer(blank))
        elif MIXED_LINE.search(blank):
            found.extend(_beside_operators(blank))
    return tuple(sorted(found, key=lambda reference: reference.start))


def _spanned(spans: str) -> tuple[int, ...]:
    """The numbers of ``1-3,5``, in that order."""
    numbers: list[int] = []
    for span in spans.split(","):
        ends = [int(number) for number in re.findall(r"\d+", span)]
        numbers += range(min(ends), max(ends) + 1)
    return tuple(dict.fromkeys(numbers))


def query_of(strategy: Strategy, number: int | None = None) -> str:
    """The one query a line stands for, every reference replaced by the line it names, in brackets.

    Parameters
    ----------
    number : line to expand; None is the line named by ``run:`` in the header, or else the last line

    Raises
    ------
    InputError
        a reference names no line, a later line or itself; there is no such line.
    """
    numbered = {line.number: line for line in strategy.lines if line.number is not None}
    if number is None:
        asked = strategy.get("run")
        number = int(asked.strip().lstrip("#Ss")) if asked and asked.strip().lstrip("#Ss").isdigit() else None
        number = strategy.lines[-1].number if number is None else number
    if number is None:
        return strategy.lines[-1].text
    if number not in numbered:
        raise InputError(f"The strategy has no line {number}.", file=strategy.file, allowed=_spans(numbered))
    expanded: dict[int, str] = {}
    for line in strategy.lines:
        if line.number is not None:
            expanded[line.number] = _expand(line, expanded, strategy)
            if line.number == number:
                break
    return expanded[number]


def _expand(line: StrategyLine, expanded: dict[int, str], strategy: Strategy) -> str:
    parts: list[str] = []
    at = 0
    for reference in find_references(line.text, strategy.numbering):
        for number in reference.numbers:
            if number not in expanded:
                row, column = line.place(reference.start)
                raise InputError(
                    f"Line {line.number} refers to line {number}, which does not come before it.",
                    file=strategy.file,
                    row=row,
                    column=str(column),
                    value=line.text[reference.start : reference.end],
                )
        joined = f" {reference.operator} ".join(_bracketed(expanded[number]) for number in reference.numbers)
        several = reference.operator is not None and len(reference.numbers) > 1
        parts += [line.text[at : reference.start], f"({joined})" if several and not _alone(line, reference) else joined]
        at = reference.end
    text = "".join([*parts, line.text[at:]])
    return re.sub(r"\s+", " ", text).strip()


def _alone(line: StrategyLine, reference: Reference) -> bool:
    return not (line.text[: reference.start] + line.text[reference.end :]).strip()


def _bracketed(query: str) -> str:
    if re.fullmatch(r'"[^"]*"(\[[^\]]*\])?|[\w*-]+(\[[^\]]*\])?', query) or _is_one_group(query):
        return query
    return f"({query})"


def _is_one_group(query: str) -> bool:
    if not (query.startswith("(") and query.endswith(")")):
        return False
    depth, quoted = 0, False
    for index, character in enumerate(query):
        quoted ^= character == '"'
        depth += 0 if quoted else (character == "(") - (character == ")")
        if depth == 0 and index < len(query) - 1:
            return False
    return depth == 0


def _reference(match: re.Match[str], numbers: tuple[int, ...], operator: str | None) -> Reference:
    return Reference(start=match.start(), end=match.end(), numbers=numbers, operator=operator)


def _beside_operators(blank: str) -> list[Reference]:
    found = []
    for match in BARE.finditer(blank):
        before = re.search(r"(?:^|\b(?:and|or|not))[\s(]*$", blank[: match.start()], re.IGNORECASE)
        after = re.match(r"[\s)]*(?:$|(?:and|or|not)\b)", blank[match.end() :], re.IGNORECASE)
        if before and after:
            found.append(_reference(match, (int(match["number"]),), None))
    return found


def _header_entry(line: str) -> tuple[str, str] | None:
    """(key, value) of a header line, ("", "") for a comment or an empty line, None for the strategy itself."""
    if not line.strip():
        return "", ""
    match = HEADER.match(line)
    marked = line.lstrip().startswith("#") and not NUMBERINGS["#"].match(line)
    if match and (marked or match["key"].strip().lower() in KNOWN_KEYS):
        return match["key"].strip().lower(), match["value"].strip()
    return ("", "") if marked and not HASH.match(line.lstrip()) else None


def _is_comment(line: str) -> bool:
    return re.match(r"^\s*#(?:\s|$)", line) is not None


def _numbering(body: list[tuple[int, str]]) -> str:
    if not body:
        return "#"
    first = body[0][1]
    return next((key for key, pattern in NUMBERINGS.items() if pattern.match(first)), "#")


def _lines(body: list[tuple[int, str]], pattern: re.Pattern[str], pasted: re.Pattern[str]) -> list[StrategyLine]:
    drafts: list[tuple[int | None, list[tuple[int, int, str]]]] = []
    for row, line in body:
        match = pattern.match(line)
        if match:
            text = line[match.end() :]
            drafts.append((int(match["number"]), [(row, match.end() + 1, text.rstrip())]))
        elif drafts:
            drafts[-1][1].append(_part(row, line))
        else:
            drafts.append((None, [_part(row, line)]))
    return [_line(number, parts, pasted) for number, parts in drafts]


def _part(row: int, line: str) -> tuple[int, int, str]:
    return row, len(line) - len(line.lstrip()) + 1, line.strip()


def _line(number: int | None, parts: list[tuple[int, int, str]], pasted: re.Pattern[str]) -> StrategyLine:
    hits = None
    row, column, last = parts[-1]
    if number is not None and (match := pasted.search(last)) and last[: match.start()].strip():
        hits = int(match["hits"].replace(",", ""))
        parts = [*parts[:-1], (row, column, last[: match.start()].rstrip())]
    text, places = "", []
    for row, column, part in parts:
        text += " " if text else ""
        places.append((len(text), row, column))
        text += part
    return StrategyLine(number=number, text=text, places=tuple(places), hits=hits)


def _platform(header: list[tuple[str, str]]) -> str:
    values = [
        value.lower() for wanted in ("platform", "interface", "database") for key, value in header if key == wanted
    ]
    for value in values:
        for platform, words in PLATFORMS.items():
            if any(word in value for word in words):
                return platform
    return "other" if values else "pubmed"


def _spans(numbers: dict[int, StrategyLine]) -> str:
    return ", ".join(str(number) for number in numbers) or "a file with numbered lines"
