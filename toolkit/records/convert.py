"""One reference file into another format, with what is lost on the way counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from toolkit.model.errors import InputError
from toolkit.model.records import ParsedRecord
from toolkit.records.files import read_file
from toolkit.records.write import HELD, WRITERS, unwritten_tags, write_file

__all__ = ["Conversion", "convert_file", "lost_fields", "target_format"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """What `convert_file` did.

    Attributes
    ----------
    source_format, target_format : names of the two formats
    records : written
    unread : (position from 1, reason) of what could not be read and is not in the new file
    lost : (field, records that had it) of fields the new format has no place for
    tags : (tag, records that had it) of tags that only the source has, the commonest first
    notes : what was assumed or odd about the file read
    """

    source_format: str
    target_format: str
    records: int
    unread: tuple[tuple[int, str], ...]
    lost: tuple[tuple[str, int], ...]
    tags: tuple[tuple[str, int], ...]
    notes: tuple[str, ...]


def target_format(path: Path, name: str | None = None) -> str:
    """The format to write: the one named, else that of the file's ending."""
    wanted = (name or "").lower() or next((n for n, (_, end) in WRITERS.items() if path.suffix.lower() == end), "")
    if wanted not in WRITERS:
        raise InputError(
            "Records cannot be written in this format.",
            file=path,
            value=wanted or path.suffix,
            allowed=", ".join(f"{n} ({end})" for n, (_, end) in WRITERS.items()),
        )
    return wanted


def lost_fields(records: tuple[ParsedRecord, ...], wanted: str) -> tuple[tuple[str, int], ...]:
    """(field, how many records have it) of the fields that a format cannot hold.

    Examples
    --------
    >>> lost_fields((ParsedRecord(title="A", url="https://example.org"),), "nbib")
    (('url', 1),)
    """
    names = [name for name in sorted(HELD["csv"] - HELD[wanted]) if any(getattr(r, name) for r in records)]
    return tuple((name, sum(bool(getattr(record, name)) for record in records)) for name in names)


def lost_tags(records: tuple[ParsedRecord, ...], wanted: str) -> tuple[tuple[str, int], ...]:
    """(tag of the source, how many records have it) of what has no field and is not written, the commonest first."""
    return tuple(Counter(tag for record in records for tag in unwritten_tags(record, wanted)).most_common())


def convert_file(
    source: str | Path,
    target: str | Path,
    *,
    source_format: str | None = None,
    target_as: str | None = None,
    accept_loss: bool = False,
    force: bool = True,
) -> Conversion:
    """Read any export file and write its records to ``target``, whole or not at all.

    Parameters
    ----------
    source_format : a name of `toolkit.records.detect.FORMATS`, where the detection is wrong
    target_as : a name of `toolkit.records.write.WRITERS`; the ending of ``target`` tells otherwise
    accept_loss : write although records of the source cannot be read
    force : write over a target that exists

    Raises
    ------
    InputError
        the target is the source or exists without ``force``, its format cannot be written, or records cannot be
        read; nothing is written then.
    """
    source, target = Path(source), Path(target)
    wanted = target_format(target, target_as)
    if target.exists() and source.exists() and target.samefile(source):
        raise InputError("The new file would replace the one that is read; give it another name.", file=target)
    if target.exists() and not force:
        raise InputError("The file exists.", file=target, hint="Give another name, or add --force to overwrite it.")
    opened = read_file(source, format=source_format)
    records = opened.parsed
    unread = tuple((item.ordinal + 1, item.reason) for item in opened.unread)
    if opened.loss and not accept_loss:
        raise InputError(
            f"nothing was written: {opened.loss}",
            file=source,
            hint="Export the file again; or go on without them by --accept-loss.",
        )
    write_file(target, records, format=wanted)
    return Conversion(
        source_format=opened.format,
        target_format=wanted,
        records=len(records),
        unread=unread,
        lost=lost_fields(records, wanted),
        tags=lost_tags(records, wanted),
        notes=opened.notes + ((opened.stated_otherwise,) if opened.stated_otherwise else ()),
    )
