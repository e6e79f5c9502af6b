"""A table file as a grid of cells: encoding, delimiter and decimal mark are detected, stated and overridable."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from toolkit.model.errors import InputError
from toolkit.model.text import visible
from toolkit.model.wording import counted

__all__ = ["Grid", "decode", "name_of", "number", "read_grid"]

_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_MISSING = frozenset(
    {"", ".", "-", "–", "?", "na", "n/a", "nan", "nr", "n.r.", "n/r", "null", "none", "not reported", "missing", "#n/a"}
)
_BLANKS = re.compile(r"[-+−]?[1-9]\d{0,2}( \d{3})+")
_SEVERAL = re.compile(r"[-+]?\d+([.,]\d+)?\s*(±|\+/-|\(|\[|/)\s*[-+]?\d")
_COMMA_NUMBER = re.compile(r"[-+−]?\d+,\d+(e[-+]?\d+)?", re.IGNORECASE)
# 1,020 is one thousand and twenty to some and one and a bit to others.
_GROUPED = re.compile(r"[-+−]?[1-9]\d{0,2}([.,]\d{3})+")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.IGNORECASE)
_POINT_NUMBER = re.compile(r"[-+−]?\d+\.\d+(e[-+]?\d+)?", re.IGNORECASE)
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_GB_PAIRS = re.compile(rb"(?:[\x00-\x7f]|[\xa1-\xf7][\xa1-\xfe])*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Cells of a table as text or numbers, the header apart.

    Attributes
    ----------
    file : name for messages, None for a data frame
    header : column names
    rows : cells, one tuple a row, as long as the header; rows without any content are left out
    row : number of each row as the user's program counts (the header is row 1)
    decimal : decimal mark of numbers that are text
    ambiguous : the decimal comma was concluded from numbers such as 1,020 alone
    stated : the user said which mark is the decimal one, so that the other one separates thousands
    notes : what was detected
    """

    file: str | None
    header: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    row: tuple[int, ...]
    decimal: str = "."
    ambiguous: bool = False
    stated: bool = False
    notes: tuple[str, ...] = ()


def read_grid(
    path: Path,
    *,
    sheet: str | None = None,
    delimiter: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
) -> Grid:
    """The grid of a text table; spreadsheets are read by `toolkit.engine.tables`.

    Raises
    ------
    InputError
        If the file is not there, empty, not a table, or its rows are longer than the header.
    """
    content = _content(path)
    text, encoded = decode(content, encoding, file=path)
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n'):
        raise InputError("A delimiter is one character.", value=delimiter, allowed="',' ';' '|' or a tab, for example")
    mark = delimiter or _find_delimiter(text)
    cells = _cells(text, mark, file=path)
    grid = grid_of_cells(cells, file=str(path))
    found = _find_decimal(grid, mark) if decimal is None else decimal
    if found not in (".", ","):
        raise InputError("The decimal mark is a point or a comma.", value=found, allowed="'.' or ','")
    name = _DELIMITERS.get(mark, repr(mark))
    notes = (f"read as {encoded}, columns separated by {name}, decimal {'comma' if found == ',' else 'point'}",)
    return replace(
        grid, decimal=found, ambiguous=decimal is None and _only_grouped(grid, mark), stated=decimal is not None,
        notes=notes + grid.notes,
    )  # fmt: skip


def _cells(text: str, delimiter: str, *, file: Path) -> list[list[str]]:
    """Rows of cells; a quotation mark that never closes would swallow the rows after it, so it is refused."""
    csv.field_size_limit(2**31 - 1)
    rows: list[list[str]] = []
    try:
        for row in csv.reader(text.splitlines(keepends=True), delimiter=delimiter, strict=True):
            rows.append(row)
    except csv.Error as error:
        raise InputError(
            f"The quotation marks do not pair up ({error}).",
            file=file,
            row=len(rows) + 1,
            hint='Close the quotation mark, or write a quotation mark inside quotation marks twice ("").',
        ) from error
    return rows


def _only_grouped(grid: Grid, delimiter: str) -> bool:
    """Whether every number with a comma may as well be one with a thousands separator."""
    texts = [str(cell).strip() for row in grid.rows for cell in row if "," in str(cell)]
    numbers = [text for text in texts if _COMMA_NUMBER.fullmatch(text) or _GROUPED.fullmatch(text)]
    return delimiter != ";" and bool(numbers) and all(_GROUPED.fullmatch(text) for text in numbers)


def _content(path: Path) -> bytes:
    if not path.is_file():
        raise InputError("There is no such file." if not path.exists() else "This is not a file.", file=path)
    content = path.read_bytes()
    if not content.strip():
        raise InputError("The file is empty.", file=path)
    if content[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        raise InputError("This is an old Excel workbook (.xls).", file=path, hint="Save it as .xlsx or CSV.")
    if content.lstrip()[:14].lower().startswith((b"<!doctype html", b"<html")):
        raise InputError(
            "This is a web page (HTML), perhaps a login page saved instead of the table.",
            file=path,
            hint="Give a CSV or XLSX file.",
        )
    if content[:4] == b"%PDF":
        raise InputError("This is a PDF, not a table.", file=path, hint="Give a CSV or XLSX file.")
    return content


def decode(content: bytes, encoding: str | None = None, *, file: object = None) -> tuple[str, str]:
    """Text of bytes and the name of the encoding: by its mark (BOM), else UTF-8, else GB18030 or Windows-1252."""
    if encoding is not None:
        try:
            return content.decode(encoding), encoding
        except (LookupError, UnicodeDecodeError) as error:
            raise InputError(f"The file cannot be read as {encoding}.", file=file, hint=str(error)) from error
    for mark, name in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if content.startswith(mark):
            try:
                return content.decode(name), name
            except UnicodeDecodeError as error:
                raise InputError(f"The file is marked as {name} but is not.", file=file) from error
    if _BINARY.search(content):
        raise InputError("This is not a text table.", file=file, hint="Give a CSV or XLSX file.")
    try:
        return content.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        pass
    name = "gb18030" if _GB_PAIRS.fullmatch(content) else "cp1252"
    return content.decode(name, errors="replace"), name


def _find_delimiter(text: str) -> str:
    """The delimiter that gives the most columns, the same number in each of the first rows where possible."""
    sample = [line for line in text.splitlines()[:50] if line.strip()]
    best, score = ",", (False, 1)
    for mark in _DELIMITERS:
        csv.field_size_limit(2**31 - 1)
        widths = [len(cells) for cells in csv.reader(sample, delimiter=mark)]
        even = len(set(widths)) == 1
        if widths and widths[0] > 1 and (even, widths[0]) > score:
            best, score = mark, (even, widths[0])
    return best


def _find_decimal(grid: Grid, delimiter: str) -> str:
    if delimiter == "," and not any("," in str(cell) for row in grid.rows for cell in row):
        return "."
    texts = [str(cell).strip() for row in grid.rows for cell in row]
    commas = sum(_COMMA_NUMBER.fullmatch(text) is not None for text in texts)
    points = sum(_POINT_NUMBER.fullmatch(text) is not None for text in texts)
    return "," if commas and not points else "."


def grid_of_cells(cells: Sequence[Sequence[object]], *, file: str | None) -> Grid:
    """A grid from rows of cells: the first row with content is the header."""
    filled = [(at, list(row)) for at, row in enumerate(cells, start=1) if any(not _is_blank(cell) for cell in row)]
    if not filled:
        raise InputError("The table is empty.", file=file)
    filled, notes = _without_titles(filled)
    head_at, head = filled[0]
    names = ["" if _is_blank(cell) else name_of(cell) for cell in head]
    while names and not names[-1]:
        names.pop()
    joined = _two_rows_of_headings(names, filled)
    if joined is not None:
        names, filled = joined, filled[1:]
        notes.append("the headings were taken from two rows")
    seen: dict[str, int] = {}
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        if name and seen[name] > 1:
            raise InputError("Two columns have the same name.", file=file, row=head_at, column=name)
    rows, numbers = [], []
    for at, row in filled[1:]:
        if any(not _is_blank(cell) for cell in row[len(names) :]):
            raise InputError(
                f"The row has {counted(len(row), 'cell')}, the header {len(names)}.",
                file=file,
                row=at,
                hint="Quote cells that contain the delimiter, or name every column.",
            )
        own = [*row[: len(names)], *[None] * (len(names) - len(row))]
        rows.append(tuple(own))
        numbers.append(at)
    if not rows:
        raise InputError("The table has a header and no rows.", file=file)
    return Grid(file=file, header=tuple(names), rows=tuple(rows), row=tuple(numbers), notes=tuple(notes))


_Row = tuple[int, list[object]]


def _without_titles(filled: list[_Row]) -> tuple[list[_Row], list[str]]:
    """Without the lines of one cell each that stand above the headings of a wider table."""
    own = [sum(not _is_blank(cell) for cell in row) for _, row in filled[:10]]
    first = next((i for i, count in enumerate(own) if count > 2), 0)
    if first == 0 or any(count != 1 for count in own[:first]):
        return filled, []
    titles = ", ".join(str(at) for at, _ in filled[:first])
    return filled[first:], [f"row {titles} above the headings was not read"]


def _two_rows_of_headings(names: Sequence[str], filled: Sequence[_Row]) -> list[str] | None:
    """ "Experimental" over "Events, Total" and "Control" over the same, as "Experimental Events" and so on."""
    if len(filled) < 3 or not names or names[0]:
        return None
    below = ["" if _is_blank(cell) else name_of(cell) for cell in filled[1][1]]
    while below and not below[-1]:
        below.pop()
    twice = len(set(below)) < len(below)
    if not twice or not all(below) or len(below) < len(names) or any(_NUMBER.fullmatch(name) for name in below):
        return None
    joined, group = [], ""
    for at, name in enumerate(below):
        group = names[at] if at < len(names) and names[at] else group
        joined.append(f"{group} {name}".strip())
    return joined


def _is_blank(cell: object) -> bool:
    return cell is None or (isinstance(cell, float) and cell != cell) or not str(cell).strip()


def _thousands(text: str, decimal: str) -> bool:
    mark = "," if decimal == "." else "."
    return re.fullmatch(rf"[-+]?[1-9]\d{{0,2}}(\{mark}\d{{3}})+(\{decimal}\d+)?", text) is not None


def _hint(text: str, doubtful: bool, grouped: bool) -> str:
    """What to do about a cell that is no number."""
    if doubtful:
        return "Thousand or decimal? Write it without a separator, or say which mark is the decimal one (--decimal)."
    if text.endswith("%"):
        return "Events are counts: write how many of n, not their percentage (status derived_from_percent in a review)."
    if _SEVERAL.match(text):
        return "There are several numbers in the cell: give each a column (mean, sd; events, n; ci_low, ci_high)."
    if grouped or _COMMA_NUMBER.fullmatch(text):
        return "Is the comma a decimal mark? Give decimal=',' (--decimal , on the command line)."
    return "Leave the cell empty if the number was not reported."


def number(grid: Grid, at: int, column: int, *, count: bool = False) -> float:
    """The cell as a number; NaN where it says "not reported".

    With ``count``, 1,204 is a count of one thousand where the user said that the decimal mark is a point.

    Raises
    ------
    InputError
        Naming file, row, column and what was found.
    """
    cell = grid.rows[at][column]
    if isinstance(cell, (int, float)) and not isinstance(cell, bool):
        return float(cell)
    text = "" if cell is None else unicodedata.normalize("NFKC", str(cell)).strip().replace("−", "-")
    if text.lower() in _MISSING:
        return float("nan")
    if count and grid.stated and _thousands(text, grid.decimal):
        text = text.replace("," if grid.decimal == "." else ".", "")
    if _BLANKS.fullmatch(text):
        text = text.replace(" ", "")
    grouped = _GROUPED.fullmatch(text) is not None
    doubtful = grouped and (grid.ambiguous or (grid.decimal == "," and "." in text))
    if not doubtful:
        plain = text.replace(",", ".") if grid.decimal == "," and "." not in text else text
        if _NUMBER.fullmatch(plain):
            return float(plain)
    hint = _hint(text, doubtful, grouped)
    raise InputError(
        "A number was expected.",
        file=grid.file,
        row=grid.row[at],
        column=grid.header[column],
        value=text,
        hint=hint,
    )


def name_of(cell: object) -> str:
    """The name in a cell: composed characters, no marks without width, single blanks; 3.0 of a workbook is "3"."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return " ".join(visible(str(cell)).split())
