"""Database exports of the demo review, written from the facts in data/onfh/records.csv.

The facts (titles, authors, journals, numbers) are real; which database delivered a record, on which day, and the files
themselves are ours. Nothing is invented to fill a gap: a field that records.csv does not have is not in the export.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

__all__ = ["CITED", "EXPORTS", "FIRST_DAY", "SECOND_DAY", "export_files", "is_later", "read_records"]

FIRST_DAY = "2021-05-31"
SECOND_DAY = "2026-10-31"

Row = Mapping[str, str]

# Records that the second search brings: those of 2022 and later, and a few whose page shows that they are younger.
_YOUNGER = {"R016", "R021", "R040", "R120", "R122"}
# In Chinese journals, or catalogued there: what our CNKI export holds.
_CNKI = {"R006", "R051", "R052", "R053", "R132"}
# Trials, and copies of trials on other pages: what our Cochrane export holds.
_COCHRANE = {
    "R010", "R012", "R020", "R025", "R027", "R028", "R029", "R030", "R042", "R043", "R081", "R091", "R104", "R113",
    "R116", "R118", "R119",
}  # fmt: skip

# Studies known only from a row of a review's table: found by reading reference lists, no title at hand.
CITED: dict[str, tuple[str, str]] = {
    "Liu2013": ("Liu", "Table 3 of doi 10.1186/s13018-023-04025-8"),
    "Tabatabaee2015": ("Tabatabaee", "Table 3 of doi 10.1186/s13018-023-04025-8; Table 1 of doi 10.1155/2017/6136205"),
    "Yamasaki2010": ("Yamasaki", "Table 3 of doi 10.1186/s13018-023-04025-8"),
    "Guo2008": ("Guo", "Table 1 of doi 10.1155/2017/6136205"),
    "Zhao2016": ("Zhao", "Table 1 of doi 10.1155/2017/6136205"),
    "Yang2015": ("Yang", "Table 1 of doi 10.1155/2017/6136205"),
    "Hernigou2009": ("Hernigou", "Table 1 of doi 10.1186/s12967-020-02565-9"),
}


def read_records(path: Path) -> list[dict[str, str]]:
    """The rows of records.csv."""
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def is_later(row: Row) -> bool:
    """Whether our second search, not the first, brings the record."""
    return row["record_id"] in _YOUNGER or (row["year"].isdigit() and int(row["year"]) >= 2022)


def _number(row: Row) -> int:
    return int(row["record_id"][1:])


def _holds(source: str, row: Row) -> bool:
    """Which of our exports a record is in: a rule, so that it can be checked; copies make duplicates."""
    n, pubmed = _number(row), bool(row["pmid"])
    if source == "CNKI":
        return row["record_id"] in _CNKI
    if row["record_id"] in _CNKI:
        return False
    if source == "Cochrane Library":
        return row["record_id"] in _COCHRANE
    if source == "Embase":
        return (not pubmed and n % 2 == 0) or (pubmed and n % 3 == 0) or row["record_id"] in ("R043", "R025")
    return (not pubmed and (n % 2 == 1 or n % 8 == 0)) or (pubmed and n % 4 == 0)


def _authors(row: Row) -> list[str]:
    return [name.strip().rstrip(".") for name in row["authors"].split(";") if name.strip()]


def _pages(row: Row) -> tuple[str, str]:
    first, _, last = row["pages"].partition("-")
    return first, last


def _ris(rows: Sequence[Row], *, gap: str = "  ", head: Callable[[int, int], list[str]] | None = None) -> str:
    out: list[str] = []
    for i, row in enumerate(rows, start=1):
        first, last = _pages(row)
        fields = [("T1", row["title"]), *[("A1", name) for name in _authors(row)], ("JF", row["journal"])]
        fields += [("Y1", row["year"]), ("VL", row["volume"]), ("IS", row["issue"]), ("SP", first), ("EP", last)]
        fields += [("DO", row["doi"])]
        out += head(i, len(rows)) if head else []
        out.append(f"TY{gap}- JOUR" if gap == "  " else "TY  -  JOUR")
        dash = "  - " if gap == "  " else "  -  "
        out += [f"{tag}{dash}{value}" for tag, value in fields if value]
        out += [f"ER{dash}", ""]
    return "\r\n".join(out) + "\r\n"


def _cochrane(rows: Sequence[Row]) -> str:
    def head(i: int, total: int) -> list[str]:
        return [
            f"Record #{i} of {total}",
            "Provider: John Wiley & Sons, Ltd.",
            'Content: text/plain; charset="UTF-8"',
            "",
        ]

    return _ris(rows, gap=" ", head=head)


def _wos(rows: Sequence[Row]) -> str:
    out = ["FN Clarivate Analytics Web of Science", "VR 1.0"]
    for row in rows:
        first, last = _pages(row)
        authors = [name.replace(" ", ", ", 1) for name in _authors(row)]
        out.append("PT J")
        if authors:
            out += [f"AU {authors[0]}", *[f"   {name}" for name in authors[1:]]]
        fields = [("TI", row["title"]), ("SO", row["journal"].upper()), ("PY", row["year"]), ("VL", row["volume"])]
        fields += [("IS", row["issue"]), ("BP", first), ("EP", last), ("DI", row["doi"])]
        out += [f"{tag} {value}" for tag, value in fields if value]
        out += ["ER", ""]
    return "\n".join([*out, "EF"]) + "\n"


def _cnki(rows: Sequence[Row]) -> str:
    out: list[str] = []
    for row in rows:
        out += ["%0 Journal Article", *[f"%A {name}" for name in _authors(row)], f"%T {row['title']}"]
        fields = [("%J", row["journal"]), ("%D", row["year"]), ("%V", row["volume"]), ("%N", row["issue"])]
        fields += [("%P", row["pages"]), ("%R", row["doi"])]
        out += [f"{tag} {value}" for tag, value in fields if value]
        out += ["%W CNKI", ""]
    return "\n".join(out) + "\n"


def _cited(studies: Sequence[Row]) -> str:
    out: list[str] = []
    for row in studies:
        author, where = CITED[row["study_id"]]
        out += ["TY  - JOUR", f"AU  - {author}", f"PY  - {row['year']}", f"ID  - {row['study_id']}"]
        out += [f"N1  - Known from {where}; title not at hand.", "ER  - ", ""]
    return "\n".join(out) + "\n"


# source, file name in imports/<day>/, writer
EXPORTS: tuple[tuple[str, str, Callable[[Sequence[Row]], str]], ...] = (
    ("Embase", "embase.ris", _ris),
    ("Cochrane Library", "cochrane.ris", _cochrane),
    ("Web of Science", "web-of-science.txt", _wos),
    ("CNKI", "cnki.enw", _cnki),
)


def export_files(records: Path, studies: Path, out: Path) -> dict[str, int]:
    """Write the exports of both searches; returns path below ``out`` -> number of records."""
    counts: dict[str, int] = {}
    for day, later in ((FIRST_DAY, False), (SECOND_DAY, True)):
        folder = out / day
        folder.mkdir(parents=True, exist_ok=True)
        for source, name, write in EXPORTS:
            rows = [row for row in read_records(records) if is_later(row) == later and _holds(source, row)]
            if rows:
                (folder / name).write_text(write(rows), encoding="utf-8", newline="")
                counts[f"{day}/{name}"] = len(rows)
    cited = [row for row in read_records(studies) if row["study_id"] in CITED]
    (out / FIRST_DAY / "reference-lists.ris").write_text(_cited(cited), encoding="utf-8", newline="")
    counts[f"{FIRST_DAY}/reference-lists.ris"] = len(cited)
    return counts
