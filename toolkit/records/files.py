"""Reading an export file: what it is, its records one at a time with their bytes, and what could not be read."""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, cast

from toolkit.model.errors import InputError, SourceError
from toolkit.model.records import ParsedRecord, RawRecord
from toolkit.model.wording import counted
from toolkit.records.detect import FORMATS, detect_format, parse_with, split_with
from toolkit.records.pubmed_xml import deleted_pmids
from toolkit.records.textfile import normalise_newlines, one_encoding, sniff_encoding, unpack
from toolkit.records.wholeness import survey
from toolkit.records.xmlsplit import to_utf8

__all__ = ["ImportedFile", "OpenedFile", "ReadRecord", "UnreadRecord", "open_file", "read_file"]

_HEAD = 300_000
# Larger files are mapped, not read, so that memory holds one record at a time.
_MAPPED_FROM = 64 * 1024 * 1024
_ENCODED_AS_ASCII = {"utf-8", "gb18030", "cp1252", "latin-1"}


class ReadRecord(NamedTuple):
    """One record as found: its bytes, its fields or None, and why there are none."""

    raw: RawRecord
    parsed: ParsedRecord | None
    error: str | None


class UnreadRecord(NamedTuple):
    """A record, or stray material that may be one, which could not be read; kept raw."""

    ordinal: int
    reason: str
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedFile:
    """A recognised file whose records are read as they are asked for.

    Attributes
    ----------
    format : its name in :data:`toolkit.records.detect.FORMATS`
    encoding : codec of the text
    replacements : characters lost (U+FFFD)
    notes : what was assumed or is odd, for the user to read
    sha256, size : of the file as it is on disk, archives included
    starters : how many records begin in the file, counted in its bytes before any is parsed
    stated : how many records the file itself says there are ("Record #1 of 271"), None where it does not say
    incomplete : what shows that the file was cut off, or None
    deleted_pmids : numbers withdrawn by DeleteCitation in a PubMed file
    """

    name: str
    format: str
    encoding: str
    replacements: int
    notes: tuple[str, ...]
    sha256: str
    size: int
    starters: int
    stated: int | None
    incomplete: str | None
    deleted_pmids: tuple[str, ...] = ()
    _data: bytes = field(repr=False, compare=False)

    @property
    def data(self) -> bytes:
        """The text that is cut into records: the file's own bytes, unpacked, and UTF-8 where it was UTF-16 or XML."""
        return self._data

    def records(self) -> Iterator[ReadRecord]:
        """The records in order; each call reads anew. What cannot be parsed comes with its error."""
        parse = parse_with(self.format)
        for ordinal, chunk in enumerate(split_with(self.format)(self._data, self.encoding)):
            raw = RawRecord(ordinal=ordinal, raw=chunk.raw)
            if chunk.error:
                yield ReadRecord(raw, None, chunk.error)
                continue
            try:
                parsed = parse(chunk)
            except (InputError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
                yield ReadRecord(raw, None, f"{type(error).__name__}: {error}" if not str(error) else str(error))
                continue
            if parsed == ParsedRecord():
                yield ReadRecord(raw, None, "no field could be read in this record")
            else:
                yield ReadRecord(raw, parsed, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedFile:
    """A file read whole; the attributes of :class:`OpenedFile`, and its records.

    ``unread`` must be empty and ``starters`` equal the parsed records, or the import has lost something: the
    caller refuses unless told to go on.
    """

    name: str
    format: str
    encoding: str
    replacements: int
    notes: tuple[str, ...]
    sha256: str
    size: int
    starters: int
    stated: int | None
    incomplete: str | None
    deleted_pmids: tuple[str, ...]
    records: tuple[ReadRecord, ...]
    unread: tuple[UnreadRecord, ...]

    @property
    def parsed(self) -> tuple[ParsedRecord, ...]:
        """The records that could be read."""
        return tuple(record.parsed for record in self.records if record.parsed is not None)

    @property
    def loss(self) -> str | None:
        """What of the file is lost, in words; None where all of it was read."""
        parsed = len(self.parsed)
        if parsed >= self.starters and not self.unread and not self.incomplete:
            return None
        shown = "; ".join(f"number {item.ordinal + 1}: {item.reason}" for item in self.unread[:5])
        why = f" ({self.incomplete})" if self.incomplete else ""
        return (
            f"of {counted(self.starters, 'record')} in it {parsed:,} can be read{why}."
            f"{f' Not read: {shown}.' if shown else ''}"
        )

    @property
    def stated_otherwise(self) -> str | None:
        """What the file says of its own number of records, where that is another than it holds."""
        if self.stated in (None, len(self.parsed)):
            return None
        return f"the file itself states {counted(self.stated, 'record')}"


def read_file(source: str | Path | bytes, *, name: str | None = None, format: str | None = None) -> ImportedFile:
    """All records of an export file.

    Parameters
    ----------
    source : path, or the file's bytes
    name : shown in messages; the path's name by default
    format : a name in FORMATS, when the user knows better than the detection

    Raises
    ------
    InputError
        see :func:`open_file`.
    """
    opened = open_file(source, name=name, format=format)
    records = tuple(opened.records())
    unread = tuple(UnreadRecord(r.raw.ordinal, r.error or "", r.raw.raw) for r in records if r.parsed is None)
    return ImportedFile(
        name=opened.name,
        format=opened.format,
        encoding=opened.encoding,
        replacements=opened.replacements,
        notes=opened.notes,
        sha256=opened.sha256,
        size=opened.size,
        starters=opened.starters,
        stated=opened.stated,
        incomplete=opened.incomplete,
        deleted_pmids=opened.deleted_pmids,
        records=records,
        unread=unread,
    )


def open_file(source: str | Path | bytes, *, name: str | None = None, format: str | None = None) -> OpenedFile:
    """Recognise an export file and count its records, parsing none.

    Raises
    ------
    InputError
        for an absent or empty file, one that is no known export (a PDF, a web page, an old Excel binary, an archive
        of several files), an unknown ``format``, XML that declares entities, and a file without a record.
    SourceError
        when the file cannot be read.
    """
    if format is not None and format not in FORMATS:
        raise InputError("There is no such format.", value=format, allowed=", ".join(FORMATS))
    whole = source if isinstance(source, bytes) else _bytes_of(Path(source))
    shown = name or (Path(source).name if not isinstance(source, bytes) else "input")
    sha256, size = _sha256(whole), len(whole)
    data, inner, notes = unpack(whole, shown)
    encoding, replacements = "xlsx", 0
    head = ""
    if data[:4] != b"PK\x03\x04":
        found = sniff_encoding(data)
        if found.name in {"gb18030", "cp1252", "latin-1"} and (joined := one_encoding(data)):
            data, note = joined
            found, notes = sniff_encoding(data), (*notes, note)
        encoding, replacements = found.name, found.replacements
        notes += found.notes
        if encoding not in _ENCODED_AS_ASCII:
            notes += (f"read as {encoding.upper()}; the records are kept as UTF-8",)
            data = bytes(data[found.bom :]).decode(encoding, errors="replace").encode("utf-8")
            encoding = "utf-8"
        head = normalise_newlines(bytes(data[:_HEAD]).decode(encoding, errors="replace")).lstrip("\ufeff")
    try:
        kind = format or detect_format(data, head, shown)
        if kind.endswith("_xml"):
            data, encoding = to_utf8(data), "utf-8"
    except InputError as error:
        raise error.within(shown) from error
    if not inner.lower().endswith(FORMATS[kind].suffixes) and "." in inner:
        notes += (f"the name ends in .{inner.rpartition('.')[2]}, but the content is {FORMATS[kind].help}",)
    try:
        shape = survey(data, encoding, kind, shown)
    except InputError as error:
        raise error.within(shown) from error
    return OpenedFile(
        name=shown,
        format=kind,
        encoding=encoding,
        replacements=replacements,
        notes=notes + shape.notes,
        sha256=sha256,
        size=size,
        starters=shape.starters,
        stated=shape.stated,
        incomplete=shape.incomplete,
        deleted_pmids=deleted_pmids(data) if kind == "pubmed_xml" else (),
        _data=data,
    )


def _bytes_of(path: Path) -> bytes:
    """The file's content, mapped into memory when it is large."""
    try:
        if path.stat().st_size < _MAPPED_FROM:
            return path.read_bytes()
        with path.open("rb") as stream:
            return cast(bytes, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))
    except FileNotFoundError:
        raise InputError("There is no such file.", file=path) from None
    except IsADirectoryError:
        raise InputError("This is a folder, not a file.", file=path) from None
    except OSError as error:
        raise SourceError(f"{path}: the file cannot be read ({error.strerror}).") from error


def _sha256(data: bytes) -> str:
    digest = hashlib.sha256()
    for start in range(0, len(data), 1 << 20):
        digest.update(data[start : start + (1 << 20)])
    return digest.hexdigest()
