"""Whether a file is whole: records that begin in it, marks that are missing, and what the file itself says it holds."""

from __future__ import annotations

import re
from dataclasses import dataclass

from toolkit.model.errors import InputError
from toolkit.model.wording import counted
from toolkit.records.detect import FORMATS, split_with
from toolkit.records.tagged import Chunk
from toolkit.records.textfile import cut_character

__all__ = ["Survey", "survey"]

# How many records the file says there are: platforms number them "n of N", services give the hits of the search.
_NUMBERED = re.compile(rb"(?:\A|[\r\n]|\xef\xbb\xbf)(?:Record #|Document )\d+ of (\d+)[ \t]*[\r\n]")
_STATED = {
    "cochrane_text": _NUMBERED,
    "ris": _NUMBERED,
    "proquest_text": _NUMBERED,
    "clinicaltrials_json": re.compile(rb'"totalCount"\s*:\s*(\d+)'),
    "crossref_json": re.compile(rb'"total-results"\s*:\s*(\d+)'),
    "europepmc_json": re.compile(rb'"hitCount"\s*:\s*(\d+)'),
    "openalex_json": re.compile(rb'"meta"\s*:\s*\{[^{}]*?"count"\s*:\s*(\d+)'),
}
_NEXT_PAGE = {"clinicaltrials_json": re.compile(rb'"nextPageToken"\s*:\s*"')}
_ENDS = 300_000  # bytes at the start and at the end of a file that are looked through for such statements

# Formats without an end mark, whose programs close every record with the same field; and how their fields begin.
_LAST_FIELDS = {
    "cnki_estudy": re.compile(rb"[^\s:]{1,40}:"),
    "cochrane_text": re.compile(rb"[A-Z]{2,4}:"),
    "nbib": re.compile(rb"[A-Z][A-Z0-9]{1,3} {0,2}-"),
    "noteexpress": re.compile(rb"\{[^{}\r\n]{1,40}\}"),
    "ovid": re.compile(rb" {0,2}[A-Z][A-Z0-9]  -"),
    "refer": re.compile(rb"%\S"),
}
# How records of the tagged formats begin: a file joined of two kinds is read as one, and the other must be seen.
# The literal comes first, so that searching is fast; that a line begins there is checked apart.
_STARTERS = {
    "bibtex": re.compile(rb"@[A-Za-z]+\{[^\s,{}]+,[ \t]*[\r\n]"),
    "nbib": re.compile(rb"PMID- \d+[ \t]*[\r\n]"),
    "refer": re.compile(rb"%0 [A-Z]"),
    "ris": re.compile(rb"TY  - [A-Z]{3,6}[ \t]*[\r\n]"),
    "wos_text": re.compile(rb"PT [JBSP][ \t]*[\r\n]"),
}
_ENOUGH = 3  # records that agree before one that differs tells anything


@dataclass(frozen=True, slots=True)
class Survey:
    """What the bytes show before a record is parsed.

    Attributes
    ----------
    starters : records that begin in the file
    stated : how many the file itself says there are, where it does
    incomplete : what shows that the file was cut off or not read as a whole, or None
    notes : for the user to read
    """

    starters: int
    stated: int | None
    incomplete: str | None
    notes: tuple[str, ...]


def survey(data: bytes, encoding: str, kind: str, name: str) -> Survey:
    """Count the records of a file, and look for signs that it is not whole.

    Raises
    ------
    InputError
        for a file without a record.
    """
    starters = unclosed = 0
    mark, field = FORMATS[kind].end_mark, _LAST_FIELDS.get(kind)
    last: Chunk | None = None
    tails: dict[bytes, int] = {}
    for chunk in split_with(kind)(data, encoding):
        if field is not None and last is not None:
            tail = _last_field(last.raw, field)
            tails[tail] = tails.get(tail, 0) + 1
        last = chunk
        starters += chunk.starter
        if mark is not None and chunk.starter and not mark.search(chunk.raw):
            unclosed += 1
    if last is None:
        raise InputError(f"The file holds no record ({FORMATS[kind].help}).", file=name)
    incomplete = None
    if last.error and "cut off" in last.error:
        incomplete = last.error
    elif mark is not None and last.starter and not mark.search(last.raw):
        incomplete = "the last record has no end mark (ER); the file may be cut off"
        unclosed -= 1
    elif field is not None:
        incomplete = _odd_tail(tails, _last_field(last.raw, field))
    if incomplete is None and encoding == "utf-8" and cut_character(data):
        incomplete = "the file ends inside a character; it was cut off"
    incomplete = incomplete or _missing_end(data, kind) or _other_kinds(data, kind)
    notes = (
        (f"{counted(unclosed, 'record')} {'has' if unclosed == 1 else 'have'} no end mark (ER)",) if unclosed else ()
    )
    return Survey(starters, _stated(data, kind), incomplete, notes)


def _last_field(raw: bytes, field: re.Pattern[bytes]) -> bytes:
    """The tag of the record's last field, values that go on over several lines passed over."""
    for line in reversed(re.split(rb"[\r\n]+", raw)):
        if found := field.match(line):
            return found.group().strip(b" -:")
    return b""


def _odd_tail(tails: dict[bytes, int], last: bytes) -> str | None:
    """Whether the last record alone ends in the middle of what all others have."""
    if len(tails) != 1:
        return None
    ((usual, count),) = tails.items()
    if count < _ENOUGH or last == usual or not usual:
        return None
    closing, ending = usual.decode("utf-8", "replace"), last.decode("utf-8", "replace")
    return f"the last record ends at {ending}, the {count:,} before it at {closing}; the file may be cut off"


def _missing_end(data: bytes, kind: str) -> str | None:
    if kind == "wos_text" and bytes(data[:64]).lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"FN "):
        end = bytes(data[max(0, len(data) - 64) :]).rstrip()
        if end != b"EF" and not end.endswith((b"\nEF", b"\rEF")):
            return "the file has no end mark (EF); it may be cut off"
    if kind in _NEXT_PAGE and _at_ends(data, _NEXT_PAGE[kind]):
        return "it is one page of several (it names a next page)"
    return None


def _other_kinds(data: bytes, kind: str) -> str | None:
    """Records of another tagged format in the file, as where two exports were joined into one."""
    if kind not in _STARTERS:
        return None
    for other, starter in _STARTERS.items():
        if other == kind:
            continue
        if count := sum(1 for m in starter.finditer(data) if data[m.start() - 1 : m.start()] in (b"", b"\n", b"\r")):
            return f"records of another kind begin in it ({count:,} of {other}); save each kind in a file of its own"
    return None


def _stated(data: bytes, kind: str) -> int | None:
    found = _at_ends(data, _STATED[kind]) if kind in _STATED else None
    return int(found.group(1)) if found else None


def _at_ends(data: bytes, pattern: re.Pattern[bytes]) -> re.Match[bytes] | None:
    """The first match near the start of the file, else near its end."""
    return pattern.search(bytes(data[:_ENDS])) or pattern.search(bytes(data[max(_ENDS, len(data) - _ENDS) :]))
