"""Formats made of tagged lines: cut at record starters in the bytes, then one record at a time into pairs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from toolkit.records.fields import Pairs
from toolkit.records.textfile import normalise_newlines

__all__ = ["Chunk", "line_starter", "lines_of", "split_at", "tagged_pairs"]


@dataclass(frozen=True, slots=True)
class Chunk:
    """One record cut out of a file, not yet parsed.

    Attributes
    ----------
    raw : its bytes in the file
    encoding : codec of ``raw``
    cells : for tables, the row by column name; for JSON, nothing
    error : why it cannot be a record, found while cutting
    starter : whether it begins as a record does; False for stray material kept so that it is seen
    """

    raw: bytes
    encoding: str = "utf-8"
    cells: tuple[tuple[str, str], ...] = ()
    error: str | None = None
    starter: bool = True


def line_starter(pattern: str) -> re.Pattern[bytes]:
    """A starter that matches this pattern at the start of a line, whatever the line ends are."""
    return re.compile(rb"(?:(?<=[\r\n])|(?<=\xef\xbb\xbf)|\A)(?:" + pattern.encode("utf-8") + rb")")


def split_at(data: bytes, starter: re.Pattern[bytes], encoding: str, start: int = 0) -> Iterator[Chunk]:
    """Records from one starter to the next; what stands before the first belongs to none."""
    view = starter.finditer(data, start)
    begin = next(view, None)
    if begin is None:
        return
    position = begin.start()
    for match in view:
        yield Chunk(bytes(data[position : match.start()]), encoding)
        position = match.start()
    yield Chunk(bytes(data[position:]), encoding)


def lines_of(chunk: Chunk) -> list[str]:
    """The record's lines; U+2028 and the like are text, not line ends."""
    return normalise_newlines(chunk.raw.decode(chunk.encoding, errors="replace")).split("\n")


def tagged_pairs(
    chunk: Chunk,
    tag: re.Pattern[str],
    *,
    keep_lines: frozenset[str] = frozenset(),
    repeat: frozenset[str] = frozenset(),
) -> Pairs:
    """(tag, value) of each tagged line; a line without a tag continues the value above it.

    Parameters
    ----------
    tag : matches a tagged line; group 1 is the tag, the value follows the match
    keep_lines : tags whose continuation lines stay lines of their own; elsewhere they are joined by a space
    repeat : tags whose continuation lines are new values of the tag
    """
    pairs: Pairs = []
    match_tag = tag.match
    for line in lines_of(chunk):
        # No tag stands behind four blanks, as the lines that continue a value do in most files.
        if not line.startswith("    ") and (match := match_tag(line)):
            pairs.append((match.group(1), line[match.end() :].strip()))
        elif pairs and (more := line.strip()):
            name, value = pairs[-1]
            if name in repeat:
                pairs.append((name, more))
            else:
                glue = "\n" if name in keep_lines else " "
                pairs[-1] = (name, f"{value}{glue}{more}" if value else more)
    return pairs
