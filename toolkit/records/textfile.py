"""Bytes of a file to text: wrong kinds of file, archives, encodings and line ends, with nothing guessed silently."""

from __future__ import annotations

import codecs
import gzip
import io
import re
import zipfile
import zlib
from dataclasses import dataclass

from toolkit.model.errors import InputError
from toolkit.model.wording import counted

__all__ = [
    "Decoded",
    "Encoding",
    "cut_character",
    "decode",
    "normalise_newlines",
    "sniff_encoding",
    "unpack",
    "wrong_kind",
]

# A member that unpacks to more than this is refused rather than filling the memory.
MAX_UNPACKED = 4 * 1024**3
_CHUNK = 1 << 20
# Bytes of GB2312's two-byte characters; GB18030 text in practice is nearly all made of them.
_GB_PAIR = re.compile(rb"[\xa1-\xf7][\xa1-\xfe]")
_HIGH = re.compile(rb"[\x80-\xff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """How the bytes are to be read.

    Attributes
    ----------
    name : Python codec name
    bom : length of the byte order mark
    replacements : characters that were lost, U+FFFD in the file already or bytes that cannot be decoded
    notes : what was assumed and why, for the user to read
    """

    name: str
    bom: int = 0
    replacements: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """Text with LF line ends, and how it came about."""

    text: str
    encoding: str
    replacements: int
    notes: tuple[str, ...]


def normalise_newlines(text: str) -> str:
    """The text with CRLF and bare CR line ends turned into LF."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def decode(data: bytes) -> Decoded:
    """The whole text of a file."""
    encoding = sniff_encoding(data)
    text = data[encoding.bom :].decode(encoding.name, errors="replace")
    return Decoded(
        text=normalise_newlines(text),
        encoding=encoding.name,
        replacements=encoding.replacements,
        notes=encoding.notes,
    )


def sniff_encoding(data: bytes) -> Encoding:
    """The encoding of a text file: by its byte order mark, else UTF-8 if it is valid, else GB18030 or Windows-1252.

    A file that is UTF-8 but for a few bytes is read as UTF-8 and the losses are counted. GB18030 is chosen when at
    least nine in ten bytes above 127 pair up as Chinese characters do; Windows-1252 is the last resort and is said.
    """
    for mark, name in (
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if data[: len(mark)] == mark:
            return _counted(data, name, len(mark), ())
    head = data[:4096]
    zeros_odd, zeros_even = head[1::2].count(0), head[0::2].count(0)
    if max(zeros_odd, zeros_even) > len(head) // 5 and min(zeros_odd, zeros_even) < len(head) // 50:
        name = "utf-16-le" if zeros_odd > zeros_even else "utf-16-be"
        return _counted(data, name, 0, (f"read as {name.upper()} by its zero bytes; it has no byte order mark",))
    good, bad = _utf8_quality(data)
    if bad == 1 and good and cut_character(data):
        return _counted(data, "utf-8", 0, ())
    if bad == 0 or (good >= 10 and bad <= good // 20):
        return _counted(data, "utf-8", 0, ())
    sample = bytes(data[: 4 * _CHUNK])
    high = len(_HIGH.findall(sample))
    paired = 2 * len(_GB_PAIR.findall(sample))
    if paired >= 0.9 * high:
        return _counted(data, "gb18030", 0, ("not UTF-8; read as GB18030, as its byte pairs are Chinese characters",))
    try:
        codecs.decode(sample, "cp1252")
        name = "cp1252"
    except UnicodeDecodeError:
        name = "latin-1"
    note = f"not UTF-8; read as {'Windows-1252' if name == 'cp1252' else 'ISO 8859-1'}: check accented letters"
    return _counted(data, name, 0, (note,))


def cut_character(data: bytes) -> bool:
    """Whether UTF-8 text ends inside a character of several bytes, as a file that was cut off does."""
    tail = bytes(data[max(0, len(data) - 3) :])
    for back, byte in enumerate(reversed(tail), start=1):
        if byte >= 0xC0:
            return back < (2 if byte < 0xE0 else 3 if byte < 0xF0 else 4)
        if byte < 0x80:
            return False
    return False


def _utf8_quality(data: bytes) -> tuple[int, int]:
    """Valid multi-byte characters and undecodable stretches of the data read as UTF-8, in chunks."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="surrogateescape")
    good = bad = 0
    for start in range(0, max(len(data), 1), _CHUNK):
        chunk = bytes(data[start : start + _CHUNK])
        text = decoder.decode(chunk, final=start + _CHUNK >= len(data))
        if text.isascii():
            continue
        lost = len(re.findall("[\udc80-\udcff]+", text))
        bad += lost
        good += sum(1 for c in text if c > "\x7f") - lost if lost else 1
    return good, bad


def _counted(data: bytes, name: str, bom: int, notes: tuple[str, ...]) -> Encoding:
    """The encoding with its lost characters counted, in chunks."""
    if name == "utf-8":
        kept = sum(bytes(data[i : i + _CHUNK]).count(b"\xef\xbf\xbd") for i in range(0, len(data), _CHUNK))
    else:
        kept = 0
    decoder = codecs.getincrementaldecoder(name)(errors="replace")
    seen = 0
    for start in range(bom, max(len(data), 1), _CHUNK):
        chunk = bytes(data[start : start + _CHUNK])
        if name in {"utf-8", "cp1252", "latin-1"} and chunk.isascii():
            continue
        seen += decoder.decode(chunk, final=start + _CHUNK >= len(data)).count("�")
    replacements = max(seen, kept)
    if kept:
        notes += (f"{counted(kept, 'character', 'was', 'were')} already lost (U+FFFD) when the file was made",)
    if replacements > kept:
        notes += (f"{counted(replacements - kept, 'place')} could not be decoded as {name.upper()} and became U+FFFD",)
    return Encoding(name=name, bom=bom, replacements=replacements, notes=notes)


def one_encoding(data: bytes) -> tuple[bytes, str] | None:
    """A file joined of parts in UTF-8 and in another encoding, all in UTF-8, and what was done; None for others.

    Lines are the parts: one that is not UTF-8 is read in the encoding that all such lines together point to.
    """
    lines = bytes(data).split(b"\n")
    strange: list[int] = []
    known: list[int] = []
    for number, line in enumerate(lines):
        if line.isascii():
            continue
        try:
            known.append(sum(1 for c in line.decode("utf-8") if c > "\x7f"))
        except UnicodeDecodeError:
            strange.append(number)
    if not strange:
        return None
    name = sniff_encoding(b"\n".join(lines[number] for number in strange)).name
    # Two Chinese characters in GB18030 can happen to be valid UTF-8; three in a row hardly, and accents never.
    sure = sum(1 for count in known if count >= 3 or name in {"cp1252", "latin-1"})
    if name == "utf-8" or not sure:
        return None
    for number in strange:
        lines[number] = lines[number].decode(name, errors="replace").encode("utf-8")
    lines_read = counted(len(strange), "line", "that is not UTF-8 was", "that are not UTF-8 were")
    note = f"joined of parts in two encodings: {lines_read} read as {name.upper()}"
    return b"\n".join(lines), note


def wrong_kind(data: bytes) -> str | None:
    """What a file is when it is neither text nor XLSX: "a PDF", "an HTML page" ..., or None."""
    head = bytes(data[:2048])
    if head.startswith(b"%PDF"):
        return "a PDF document"
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        return "an old Excel or Word binary (.xls, .doc); save it as .xlsx or .csv"
    if head.startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF8")):
        return "an image"
    if head.startswith(b"SQLite format 3"):
        return "a SQLite database"
    if head.startswith((b"Rar!", b"7z\xbc\xaf")):
        return "a RAR or 7z archive; unpack it first"
    start = head.lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    if start.startswith((b"<!doctype html", b"<html")) or (start.startswith(b"<?xml") and b"<html" in start[:600]):
        return "a web page (HTML), perhaps a login or error page saved instead of the export"
    if start.startswith(b"{\\rtf"):
        return "a rich text document (RTF); save it as plain text"
    utf16 = head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) or sniff_encoding(head).name.startswith("utf-16")
    if b"\x00" in head and not utf16 and head[:4] != codecs.BOM_UTF32_LE:
        return "binary, not text"
    return None


def unpack(data: bytes, name: str) -> tuple[bytes, str, tuple[str, ...]]:
    """The file itself, or the only member of a ZIP or gzip file, with its name and a note; XLSX is left alone.

    Raises
    ------
    InputError
        when the archive holds several files (they are listed), none, an encrypted or damaged one, or too much.
    """
    if data[:2] == b"\x1f\x8b":
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
                inner = stream.read(MAX_UNPACKED + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError("The gzip file is damaged.", file=name) from error
        if len(inner) > MAX_UNPACKED:
            raise InputError("The gzip file unpacks to more than 4 GB.", file=name)
        return inner, name.removesuffix(".gz"), (f"unpacked from the gzip file {name}",)
    if data[:4] not in (b"PK\x03\x04", b"PK\x05\x06"):
        return data, name, ()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = {info.filename for info in archive.infolist()}
            if "[Content_Types].xml" in names:
                return data, name, ()
            members = [
                info
                for info in archive.infolist()
                if not info.is_dir()
                and not info.filename.startswith("__MACOSX/")
                and not info.filename.rpartition("/")[2].startswith(".")
            ]
            return _only_member(archive, members, name)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise InputError("The ZIP file is damaged.", file=name) from error


def _only_member(
    archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], name: str
) -> tuple[bytes, str, tuple[str, ...]]:
    if len(members) != 1:
        listed = ", ".join(info.filename for info in members[:20])
        raise InputError(
            f"The ZIP file holds {counted(len(members), 'file')}; only one can be read at a time.",
            file=name,
            hint=f"Unpack it and import them one by one: {listed}." if members else None,
        )
    member = members[0]
    if member.flag_bits & 0x1:
        raise InputError("The ZIP file is encrypted; unpack it first.", file=name)
    with archive.open(member) as stream:
        inner = stream.read(MAX_UNPACKED + 1)
    if len(inner) > MAX_UNPACKED:
        raise InputError("The ZIP file unpacks to more than 4 GB.", file=name)
    return inner, member.filename.rpartition("/")[2], (f"unpacked {member.filename} from the ZIP file {name}",)
