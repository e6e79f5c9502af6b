"""The CSV of the R package PRISMA2020: written from a flow, and read back as one.

Its 34 rows are keyed by ``data``; the three title rows have NA there. Reasons and databases share one cell,
"Reason 1, 10; Reason 2, 5", so a label can hold neither comma nor semicolon: both are replaced and the change is told.

References
----------
Haddaway et al. 2022, Campbell Syst Rev 18:e1230. doi:10.1002/cl2.1230 (package version 1.1.4)
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from pathlib import Path

from toolkit.model.errors import InputError
from toolkit.model.wording import counted
from toolkit.prisma.boxes import Box, Column, Flow, Line

__all__ = ["COLUMNS", "R_ROWS", "flow_from_r_csv", "r_csv_text", "read_r_csv"]

COLUMNS = ("data", "node", "box", "description", "boxtext", "tooltips", "url", "n")

# data, node, box, description, text in the box, page linked to. Keys, nodes and boxes are those the package reads.
R_ROWS: tuple[tuple[str, str, str, str, str, str], ...] = (
    ("NA", "node4", "prevstud", "Grey title box; Previous studies", "Previous studies", "prevstud"),
    ("previous_studies", "node5", "box1", "", "Studies included in previous version of review", "previous_studies"),
    ("previous_reports", "NA", "box1", "", "Reports of studies included in previous version of review", "NA"),
    ("NA", "node6", "newstud", "Yellow title box; Identification of new studies via databases and registers",
     "Identification of new studies via databases and registers", "newstud"),
    ("database_results", "node7", "box2", "Records identified from: Databases", "Databases", "database_results"),
    ("database_specific_results", "NA", "box2", "Records identified from: specific databases", "Specific Databases",
     "database_results"),
    ("register_results", "NA", "box2", "Records identified from: Registers", "Registers", "NA"),
    ("register_specific_results", "NA", "box2", "Records identified from: specific registers", "Specific Registers",
     "database_results"),
    ("NA", "node16", "othstud", "Grey title box; Identification of new studies via other methods",
     "Identification of new studies via other methods", "othstud"),
    ("website_results", "node17", "box11", "Records identified from: Websites", "Websites", "website_results"),
    ("organisation_results", "NA", "box11", "Records identified from: Organisations", "Organisations", "NA"),
    ("citations_results", "NA", "box11", "Records identified from: Citation searching", "Citation searching", "NA"),
    ("duplicates", "node8", "box3", "", "Duplicate records", "duplicates"),
    ("excluded_automatic", "NA", "box3", "", "Records marked as ineligible by automation tools", "NA"),
    ("excluded_other", "NA", "box3", "", "Records removed for other reasons", "NA"),
    ("records_screened", "node9", "box4", "Records screened (databases and registers)", "Records screened",
     "records_screened"),
    ("records_excluded", "node10", "box5", "Records excluded (databases and registers)", "Records excluded",
     "records_excluded"),
    ("dbr_sought_reports", "node11", "box6", "Reports sought for retrieval (databases and registers)",
     "Reports sought for retrieval", "dbr_sought_reports"),
    ("dbr_notretrieved_reports", "node12", "box7", "Reports not retrieved (databases and registers)",
     "Reports not retrieved", "dbr_notretrieved_reports"),
    ("other_sought_reports", "node18", "box12", "Reports sought for retrieval (other)", "Reports sought for retrieval",
     "other_sought_reports"),
    ("other_notretrieved_reports", "node19", "box13", "Reports not retrieved (other)", "Reports not retrieved",
     "other_notretrieved_reports"),
    ("dbr_assessed", "node13", "box8", "Reports assessed for eligibility (databases and registers)",
     "Reports assessed for eligibility", "dbr_assessed"),
    ("dbr_excluded", "node14", "box9", "Reports excluded (databases and registers)", "Reports excluded",
     "dbrexcludedrecords"),
    ("other_assessed", "node20", "box14", "Reports assessed for eligibility (other)",
     "Reports assessed for eligibility", "other_assessed"),
    ("other_excluded", "node21", "box15", "Reports excluded (other)", "Reports excluded", "other_excluded"),
    ("new_studies", "node15", "box10", "", "New studies included in review", "new_studies"),
    ("new_reports", "NA", "box10", "", "Reports of new included studies", "NA"),
    ("total_studies", "node22", "box16", "", "Total studies included in review", "total_studies"),
    ("total_reports", "NA", "box16", "", "Reports of total included studies", "NA"),
    ("identification", "node1", "identification", "Blue identification box", "Identification", "identification"),
    ("screening", "node2", "screening", "Blue screening box", "Screening", "screening"),
    ("included", "node3", "included", "Blue included box", "Included", "included"),
    ("total_studies_ma", "node23", "box17", "", "Total studies included in meta-analysis", "total_studies_ma"),
    ("total_reports_ma", "NA", "box17", "", "Reports of total included studies in meta-analysis", "NA"),
)  # fmt: skip

_LISTS = ("database_specific_results", "register_specific_results", "dbr_excluded", "other_excluded")
_METHOD_KEYS = {"Websites": "website_results", "Organisations": "organisation_results"}


def r_csv_text(flow: Flow) -> tuple[str, tuple[str, ...]]:
    """The CSV for the R package, and what had to be changed to fit its form.

    A line of its own that the package does not know (another method of finding, a report awaiting classification) is
    told in the second value.
    """
    numbers, notes = _numbers(flow)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    previous = flow.is_update
    for key, node, box, description, text, url in R_ROWS:
        shown = text if previous else text.replace("New studies", "Studies").replace(" new ", " ")
        tip = shown if node != "NA" else "NA"
        link = f"{url}.html" if url != "NA" else "NA"
        writer.writerow([key, node, box, description or shown, shown, tip, link, numbers.get(key, "0")])
    return out.getvalue(), notes


def _numbers(flow: Flow) -> tuple[dict[str, str], tuple[str, ...]]:
    notes: list[str] = []
    methods = dict.fromkeys(("website_results", "organisation_results", "citations_results"), 0)
    for line in flow.other_methods:
        name = line.group or line.label
        key = _METHOD_KEYS.get(name, "citations_results")
        methods[key] += line.box.n
        if name not in (*_METHOD_KEYS, "Citation searching"):
            notes.append(
                f"{name!r} ({counted(line.box.n, 'record')}) is counted under Citation searching: "
                "the file has no line for it"
            )
    carried = flow.carried.n
    if carried:
        notes.append(
            f"{counted(carried, 'report', 'taken up again is', 'taken up again are')} counted under Databases: "
            "the file has no line for that"
        )
    for words, column in (("databases and registers", flow.main), ("other methods", flow.other)):
        kept = column.ongoing.n + column.awaiting.n + column.undecided.n + column.pending.n
        if kept:
            reports = f"{counted(kept, 'report')} (ongoing, awaiting or undecided)"
            notes.append(f"{words}: {reports} without a line in the CSV of the R package PRISMA2020")
    databases = [*flow.databases]
    if carried:
        databases.append(Line(label="Taken up again from previous version", box=flow.carried))
    plain: dict[str, int] = {
        **methods,
        "previous_studies": flow.previous_studies.n,
        "previous_reports": flow.previous_reports.n,
        "database_results": flow.database_records.n + carried,
        "register_results": flow.register_records.n,
        "duplicates": flow.duplicates.n,
        "excluded_automatic": flow.automation.n,
        "excluded_other": flow.removed_other.n,
        "records_screened": flow.screened.n,
        "records_excluded": flow.excluded.n,
        "dbr_sought_reports": flow.main.sought.n,
        "dbr_notretrieved_reports": flow.main.not_retrieved.n,
        "other_sought_reports": flow.other.sought.n,
        "other_notretrieved_reports": flow.other.not_retrieved.n,
        "dbr_assessed": flow.main.assessed.n,
        "other_assessed": flow.other.assessed.n,
        "new_studies": flow.new_studies.n,
        "new_reports": flow.new_reports.n,
        "total_studies": flow.total_studies.n,
        "total_reports": flow.total_reports.n,
        "total_studies_ma": _in_any_synthesis(flow),
        "total_reports_ma": flow.synthesis_reports.n,
    }
    lists = {
        "database_specific_results": databases,
        "register_specific_results": flow.registers,
        "dbr_excluded": flow.main.excluded,
        "other_excluded": flow.other.excluded,
    }
    cells = {key: str(n) for key, n in plain.items()}
    cells |= {key: _cell(lines, notes) for key, lines in lists.items()}
    return cells, tuple(notes)


def _in_any_synthesis(flow: Flow) -> int:
    """Studies in at least one synthesis; the largest synthesis where only numbers are known."""
    if all(line.box.ids is not None for line in flow.syntheses):
        return len({study for line in flow.syntheses for study in line.box.ids or ()})
    return max((line.box.n for line in flow.syntheses), default=0)


def _cell(lines: Iterable[Line], notes: list[str]) -> str:
    parts = []
    for line in lines:
        label = re.sub(r"\s*[;；]\s*", " / ", re.sub(r"\s*[,，]\s*", " - ", line.label)).strip()
        if label != line.label:
            notes.append(f"{line.label!r} is written {label!r}: the file allows no comma or semicolon in a label")
        parts.append(f"{label}, {line.box.n}")
    return "; ".join(parts) if parts else "0"


def read_r_csv(path: Path) -> Flow:
    """The flow in a CSV of the R package; its boxes know numbers only.

    Raises
    ------
    InputError
        when a column or row is missing, or a number is not one.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError("the file is not UTF-8 text", file=path, hint="Save it as CSV UTF-8.") from error
    return flow_from_r_csv(text, path)


def flow_from_r_csv(text: str, path: Path | str = "PRISMA.csv") -> Flow:
    """The flow in the text of such a CSV; see `read_r_csv`. What is NA or missing counts as zero there."""
    rows = list(csv.reader(io.StringIO(text)))
    header = [name.strip() for name in rows[0]] if rows else []
    for needed in ("data", "n"):
        if needed not in header:
            raise InputError(f"column {needed!r} is missing", file=path, row=1, allowed=", ".join(COLUMNS))
    data, n = header.index("data"), header.index("n")
    cells: dict[str, tuple[int, str]] = {}
    for number, row in enumerate(rows[1:], start=2):
        if len(row) > max(data, n) and row[data].strip() not in ("", "NA"):
            cells[row[data].strip()] = (number, row[n].strip())
    missing = [key for key in ("records_screened", "dbr_assessed", "new_studies") if key not in cells]
    if missing:
        raise InputError("not a CSV of the PRISMA2020 package: rows are missing", file=path, value=", ".join(missing))
    return _flow(_Cells(cells, path))


class _Cells:
    """Numbers and lists of a file, with errors that name the row."""

    def __init__(self, cells: dict[str, tuple[int, str]], path: Path | str) -> None:
        self._cells, self._path = cells, path

    def box(self, key: str, unit: str) -> Box:
        row, text = self._cells.get(key, (None, "0"))
        return Box(unit=unit, n=self._number(text, row), ids=None)

    def lines(self, key: str, unit: str, whole: str, otherwise: int = 0) -> tuple[Line, ...]:
        """The lines of a list cell; a plain number, or a template nobody filled, is one line called ``whole``."""
        row, text = self._cells.get(key, (None, ""))
        if text.lower().endswith("xxx") or text in ("", "NA", "0") or re.fullmatch(r"[\d ]+", text):
            n = int(text.replace(" ", "")) if re.fullmatch(r"[\d ]+", text) and text != "0" else otherwise
            return (Line(label=whole, box=Box(unit=unit, n=n, ids=None)),) if n else ()
        found = []
        for part in text.split(";"):
            label, comma, number = part.rpartition(",") if part.count(",") == 1 else part.partition(",")
            if not comma:
                raise InputError("a line needs a label, a comma and a number", file=self._path, row=row, value=part)
            found.append(Line(label=label.strip(), box=Box(unit=unit, n=self._number(number, row), ids=None)))
        return tuple(found)

    def sources(self, kind: str) -> tuple[Line, ...]:
        """Records of each database or register; their sum must be the number given for all of them."""
        row, _ = self._cells.get(f"{kind}_results", (None, ""))
        stated = self.box(f"{kind}_results", "record").n
        lines = self.lines(f"{kind}_specific_results", "record", f"{kind.capitalize()}s", stated)
        summed = sum(line.box.n for line in lines)
        if summed != stated:
            raise InputError(
                f"the {kind}s listed add up to {summed}, not to the number given for all of them",
                file=self._path,
                row=row,
                column="n",
                value=stated,
            )
        return lines

    def _number(self, text: str, row: int | None) -> int:
        plain = text.replace(",", "").replace(" ", "")
        if plain in ("", "NA"):
            return 0
        if not plain.isdecimal():
            raise InputError(
                "a count is a whole number of zero or more", file=self._path, row=row, column="n", value=text
            )
        return int(plain)


def _less(whole: Box, *parts: int) -> Box:
    return Box(unit="report", n=whole.n - sum(parts), ids=None)


def _columns(cells: _Cells) -> dict[str, Column]:
    columns = {}
    for name, prefix in (("main", "dbr"), ("other", "other")):
        excluded = cells.lines(f"{prefix}_excluded", "report", "Reports excluded")
        assessed = _reports(cells, f"{prefix}_assessed")
        columns[name] = Column(
            sought=_reports(cells, f"{prefix}_sought_reports"),
            not_retrieved=_reports(cells, f"{prefix}_notretrieved_reports"),
            assessed=assessed,
            excluded=excluded,
            included=_less(assessed, sum(line.box.n for line in excluded)),
        )
    return columns


def _reports(cells: _Cells, key: str) -> Box:
    return cells.box(key, "report")


def _flow(cells: _Cells) -> Flow:
    def reports(key: str) -> Box:
        return _reports(cells, key)

    def studies(key: str) -> Box:
        return cells.box(key, "study")

    columns = _columns(cells)
    methods = (("Websites", "website"), ("Organisations", "organisation"), ("Citation searching", "citations"))
    others = tuple(
        Line(label=label, group=label, box=box)
        for label, key in methods
        if (box := cells.box(f"{key}_results", "record")).n
    )
    screened, excluded_human = reports("records_screened"), reports("records_excluded")
    previous = studies("previous_studies"), reports("previous_reports")
    new, total = (studies("new_studies"), reports("new_reports")), (studies("total_studies"), reports("total_reports"))
    update = bool(previous[0].n or previous[1].n)
    synthesis = studies("total_studies_ma")
    found = sum(line.box.n for line in others)
    new_by_columns = columns["main"].included.n + columns["other"].included.n
    return Flow(
        is_update=update,
        databases=cells.sources("database"),
        registers=cells.sources("register"),
        duplicates_tool=cells.box("duplicates", "record"),
        automation=reports("excluded_automatic"),
        removed_other=reports("excluded_other"),
        screened=screened,
        excluded_human=excluded_human,
        forward=_less(screened, excluded_human.n),
        main=columns["main"],
        other_methods=others,
        other_dropped=_dropped(found - columns["other"].sought.n),
        other=columns["other"],
        previous_studies=previous[0],
        previous_reports=previous[1],
        new_studies=new[0],
        new_reports=new[1],
        new_reports_of_old=Box(unit="report", n=max(new_by_columns - new[1].n, 0) if update else 0, ids=None),
        removed_studies=Box(unit="study", n=max(previous[0].n + new[0].n - total[0].n, 0) if update else 0, ids=None),
        removed_reports=Box(
            unit="report",
            n=max(previous[1].n + max(new_by_columns, new[1].n) - total[1].n, 0) if update else 0,
            ids=None,
        ),
        total_studies=total[0] if update else new[0],
        total_reports=total[1] if update else new[1],
        syntheses=(Line(label="Meta-analysis", box=synthesis),) if synthesis.n else (),
        synthesis_reports=reports("total_reports_ma"),
    )


def _dropped(n: int) -> tuple[Line, ...]:
    box = Box(unit="record", n=n, ids=None)
    return (Line(label="not sought, cause not in the file", box=box),) if n > 0 else ()
