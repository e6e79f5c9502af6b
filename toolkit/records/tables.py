"""Forms in CSV and XLSX as people's spreadsheet programs make them: read with everything stated, written safely."""

from __future__ import annotations

import contextlib
import csv
import errno
import io
import os
import re
import tempfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from toolkit.model.errors import InputError, SourceError
from toolkit.model.wording import counted
from toolkit.records.textfile import MAX_UNPACKED, decode, normalise_newlines, unpack, wrong_kind

__all__ = [
    "Form",
    "FormRow",
    "escape_cell",
    "is_mangled_date",
    "parse_number",
    "read_form",
    "sniff_delimiter",
    "unescape_cell",
    "write_form",
]

_NUMBER = re.compile(r"[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d+)?\s*%?")
# What makes a spreadsheet take a cell for a formula (OWASP, "CSV injection"), full-width forms included.
_FORMULA = re.compile(r"'*[=+\-@\t＝＋－＠]")
_ESCAPED = re.compile(r"'+[=+\-@\t＝＋－＠]")
_MONTHS = "jan|feb|mar|mär|apr|may|mai|jun|jul|aug|sep|sept|oct|okt|out|nov|dec|dez|dic|déc|juin|juil|août|févr|avr"
_MANGLED = re.compile(
    rf"(?:\d{{1,4}}(?:[-. ]|\. )(?:{_MONTHS})\.?(?:[-. ]\d{{2,4}})?|(?:{_MONTHS})\.?[-. ]\d{{1,4}}"
    r"|\d{1,2}月\d{1,2}日)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FormRow:
    """One row: its number as the spreadsheet shows it (the header is row 1), and its cells; an empty cell is ""."""

    row: int
    values: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A table with a header.

    Attributes
    ----------
    file : the name it was read from, for messages
    delimiter : "," ";" or a tab; "" for XLSX
    decimal_mark : "." or ","
    notes : what was detected, for the user to read
    """

    file: str
    header: tuple[str, ...]
    rows: tuple[FormRow, ...]
    encoding: str
    delimiter: str
    decimal_mark: str
    notes: tuple[str, ...]

    def number(self, row: FormRow, column: str) -> float | None:
        """The number in a cell, None where it is empty or "NA"; InputError with row and column where it is not one."""
        text = row.values.get(column, "")
        if text == "" or text.upper() in {"NA", "N/A", "NR"}:
            return None
        try:
            return parse_number(text, self.decimal_mark)
        except ValueError as error:
            raise InputError(str(error), file=self.file, row=row.row, column=column, value=text) from None


def parse_number(text: str, decimal_mark: str = ".") -> float:
    """A number written with this decimal mark; "50 %" gives 0.5.

    Raises
    ------
    ValueError
        for anything else, also for the other decimal mark ("1,234" may be 1.234 or 1234).
    """
    cleaned = text.strip().replace("−", "-").replace(" ", "").replace("\u00a0", "").replace("\u202f", "")
    if is_mangled_date(text):
        raise ValueError("A date stands here; the spreadsheet program made it of something else, such as a range.")
    other = "," if decimal_mark == "." else "."
    if not _NUMBER.fullmatch(cleaned):
        raise ValueError("This is not a number.")
    if other in cleaned:
        raise ValueError(f"The decimal mark of this file is {decimal_mark!r}; {other!r} in a number is ambiguous.")
    share = cleaned.endswith("%")
    value = float(cleaned.rstrip("%").replace(",", "."))
    return value / 100 if share else value


def is_mangled_date(text: str) -> bool:
    """Whether a cell looks like a page range or a ratio that a spreadsheet turned into a date ("06-Oct", "Jan-97").

    What stood there before cannot be told: treat the cell as unknown.
    """
    return bool(_MANGLED.fullmatch(text.strip()))


def escape_cell(text: str) -> str:
    """The text with an apostrophe before it where a spreadsheet would run it as a formula; numbers stay numbers."""
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def unescape_cell(text: str) -> str:
    """The inverse of :func:`escape_cell`."""
    return text[1:] if _ESCAPED.match(text) else text


def sniff_delimiter(text: str) -> str:
    """Comma, semicolon, tab or bar: what splits the first rows most evenly, then into most columns."""
    first = text[:200_000]
    best = (0.0, 0, ",")
    for delimiter in (",", ";", "\t", "|"):
        rows = []
        with contextlib.suppress(csv.Error):
            for row in csv.reader(io.StringIO(first, newline=""), delimiter=delimiter):
                rows.append(len(row))
                if len(rows) == 30:
                    break
        rows = [n for n in rows if n]
        if rows and rows[0] > 1:
            score = (round(sum(1 for n in rows if n == rows[0]) / len(rows), 1), rows[0], delimiter)
            best = max(best, score, key=lambda s: s[:2])
    return best[2]


def read_form(path: str | Path, *, delimiter: str | None = None, decimal_mark: str | None = None) -> Form:
    """A CSV or XLSX table, its kind told by its content.

    Parameters
    ----------
    delimiter, decimal_mark : given by the user; detected otherwise and stated in ``notes``

    Raises
    ------
    InputError
        for an absent or empty file, a file of another kind, a header with a name missing or twice, a row longer
        than the header, a quotation mark that is never closed, a formula without a stored value.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise InputError("There is no such file.", file=path) from None
    except IsADirectoryError:
        raise InputError("This is a folder, not a file.", file=path) from None
    except OSError as error:
        raise SourceError(f"{path}: the file cannot be read ({error.strerror}).") from error
    return parse_form(data, file=str(path), delimiter=delimiter, decimal_mark=decimal_mark)


def parse_form(data: bytes, *, file: str, delimiter: str | None = None, decimal_mark: str | None = None) -> Form:
    """As :func:`read_form`, from the bytes of the file."""
    data, _, notes = unpack(data, file)
    if not data.strip(b"\xef\xbb\xbf\xff\xfe \r\n\t"):
        raise InputError("The file is empty.", file=file)
    if data[:4] == b"PK\x03\x04":
        encoding, used = "xlsx", ""
        rows, more = read_xlsx_rows(data, file=file)
        notes += more
    else:
        kind = wrong_kind(data)
        if kind:
            raise InputError(f"The file is {kind}.", file=file, allowed="CSV or XLSX")
        decoded = decode(data)
        encoding, text = decoded.encoding, decoded.text
        notes += decoded.notes
        rows, used = _csv_rows(text, file, delimiter)
        if used != ",":
            notes += (f"columns are separated by {'a tab' if used == chr(9) else repr(used)}",)
    header, body = _header_and_rows(rows, file)
    mark = decimal_mark or _decimal_mark(body)
    if mark == ",":
        notes += ("the decimal mark is a comma",)
    mangled = [(r.row, c) for r in body for c, v in r.values.items() if is_mangled_date(v)]
    if mangled:
        notes += (f"{counted(len(mangled), 'cell', 'looks', 'look')} like dates made by the spreadsheet, "
                  f"first row {mangled[0][0]}, column {mangled[0][1]!r}; what stood there is unknown",)  # fmt: skip
    return Form(
        file=file, header=header, rows=tuple(body), encoding=encoding, delimiter=used, decimal_mark=mark, notes=notes
    )


def _csv_rows(text: str, file: str, delimiter: str | None) -> tuple[list[tuple[int, list[str]]], str]:
    first, _, rest = text.partition("\n")
    if match := re.fullmatch(r"\"?sep=(.)\"?", first.strip(), re.IGNORECASE):
        delimiter, text = delimiter or match.group(1), rest
    used = delimiter or sniff_delimiter(text)
    csv.field_size_limit(2**31 - 1)
    rows: list[tuple[int, list[str]]] = []
    number = 0
    try:
        for number, row in enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=used, strict=True), start=1):
            rows.append((number, [unescape_cell(cell.strip()) for cell in row]))
    except csv.Error as error:
        raise InputError(f"The quotation marks do not pair up ({error}).", file=file, row=number + 1) from error
    return rows, used


def read_xlsx_rows(data: bytes, *, file: str) -> tuple[list[tuple[int, list[str]]], tuple[str, ...]]:
    """Rows of the first sheet that has any, as text with their numbers, and notes."""
    from openpyxl import load_workbook

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(info.file_size for info in archive.infolist()) > MAX_UNPACKED:
                raise InputError("The workbook unpacks to more than 4 GB.", file=file)
        book = load_workbook(io.BytesIO(data), read_only=True)
        stored = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    except (ValueError, KeyError, OSError, SyntaxError, TypeError, zipfile.BadZipFile) as error:
        raise InputError(f"The file is not a readable XLSX workbook ({error}).", file=file) from error
    filled = [s for s in book.worksheets if any(any(c is not None for c in r) for r in s.iter_rows(values_only=True))]
    if not filled:
        raise InputError("The workbook is empty.", file=file)
    notes: tuple[str, ...] = ()
    if len(filled) > 1:
        others = ", ".join(repr(s.title) for s in filled[1:])
        notes = (f"read sheet {filled[0].title!r}; not read: {others}",)
    rows = []
    values = stored[filled[0].title].iter_rows()
    for number, (cells, cached) in enumerate(zip(filled[0].iter_rows(), values, strict=True), start=1):
        texts = []
        for cell, value in zip(cells, cached, strict=True):
            if getattr(cell, "data_type", "n") == "f" and value.value is None:
                raise InputError(
                    "The formula has no stored value.",
                    file=file,
                    row=number,
                    value=cell.value,
                    hint="Open the workbook in Excel or LibreOffice and save it.",
                )
            texts.append(_cell_text(value.value, getattr(value, "number_format", "")))
        rows.append((number, texts))
    return rows, notes


def _cell_text(value: Any, number_format: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime):
        if "y" not in number_format.lower():
            return value.strftime("%d-%b")
        if "d" not in number_format.lower():
            return value.strftime("%b-%y")
        return value.date().isoformat() if value.time() == time() else value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    return unescape_cell(normalise_newlines(str(value)).strip())


def _header_and_rows(rows: list[tuple[int, list[str]]], file: str) -> tuple[tuple[str, ...], list[FormRow]]:
    filled = [(number, cells) for number, cells in rows if any(cells)]
    if not filled:
        raise InputError("The file is empty.", file=file)
    header_row, header = filled[0]
    width = max(max((i + 1 for i, cell in enumerate(cells) if cell), default=0) for _, cells in filled)
    header = header + [""] * (width - len(header))
    seen: dict[str, int] = {}
    for index, name in enumerate(header[:width], start=1):
        if not name:
            where = next((n for n, cells in filled[1:] if len(cells) >= index and cells[index - 1]), header_row)
            raise InputError(f"Column {index} has cells but no name in the header.", file=file, row=where)
        if name.casefold() in seen:
            raise InputError(
                f"The column stands twice in the header (columns {seen[name.casefold()]} and {index}).",
                file=file,
                row=header_row,
                column=name,
            )
        seen[name.casefold()] = index
    names = tuple(header[:width])
    body = [
        FormRow(row=number, values=dict(zip(names, cells + [""] * (width - len(cells)), strict=False)))
        for number, cells in filled[1:]
    ]
    return names, body


def _decimal_mark(rows: list[FormRow]) -> str:
    """A comma when numbers with a comma are found and none with a point."""
    cells = [v for r in rows for v in r.values.values()]
    commas = sum(1 for v in cells if re.fullmatch(r"[+-]?\d+,\d+\s*%?", v))
    points = sum(1 for v in cells if re.fullmatch(r"[+-]?\d+\.\d+\s*%?", v))
    return "," if commas and not points else "."


def write_form(
    path: str | Path, header: Sequence[str], rows: Iterable[Sequence[object] | Mapping[str, object]]
) -> None:
    """Write a table as CSV (UTF-8 with BOM, formulas escaped) or, by the suffix, XLSX; whole or not at all.

    Parameters
    ----------
    rows : sequences in the order of the header, or mappings; None is an empty cell. Cells are stripped, and
        :func:`read_form` gives back what was written.

    Raises
    ------
    SourceError
        when the file cannot be written (disk full, open in Excel); the old file is then still there.
    """
    path = Path(path)
    table = [[_plain(row.get(n) if isinstance(row, Mapping) else row[i]) for i, n in enumerate(header)] for row in rows]
    data = _xlsx_bytes(header, table) if path.suffix.lower() == ".xlsx" else _csv_bytes(header, table)
    write_whole(path, data)


def write_whole(path: Path, data: bytes) -> None:
    """Put the bytes in place of the file in one step (a temporary file beside it, then a rename)."""
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(path)
    except OSError as error:
        if temporary:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
        full = error.errno in (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", None))
        todo = "Free some space, then run again." if full else "If it is open in a spreadsheet, close it."
        raise SourceError(f"{path}: the file cannot be written ({error.strerror}). {todo}") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _plain(value: object) -> str:
    if value is None or (isinstance(value, float) and value != value):
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    return normalise_newlines(str(value)).strip()


def _csv_bytes(header: Sequence[str], table: list[list[str]]) -> bytes:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow([escape_cell(name) for name in header])
    writer.writerows([escape_cell(cell) for cell in row] for row in table)
    return stream.getvalue().encode("utf-8-sig")


def _xlsx_bytes(header: Sequence[str], table: list[list[str]]) -> bytes:
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.worksheets[0]
    for number, row in enumerate([list(header), *table], start=1):
        for index, text in enumerate(row, start=1):
            if not text:
                continue
            cell = sheet.cell(row=number, column=index)
            if re.fullmatch(r"-?(?:0|[1-9]\d{0,14})(?:\.\d+)?", text) and repr(float(text)) in {text, text + ".0"}:
                cell.value = float(text) if "." in text else int(text)
            else:
                cell.value = escape_cell(text) if _ESCAPED.match(text) else text
                cell.data_type = "s"
                cell.number_format = "@"
    sheet.freeze_panes = "A2"
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()
