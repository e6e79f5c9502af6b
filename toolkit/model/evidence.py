"""Evidence tables: which columns they have, what a cell may hold, and rows as typed values."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from toolkit.model.errors import InputError
from toolkit.model.text import visible

__all__ = [
    "CHARACTERISTICS",
    "RESULTS",
    "STUDIES",
    "TABLES",
    "ArmResult",
    "Column",
    "StudyFacts",
    "Table",
    "arm_result",
    "check_cell",
    "row_key",
    "split_key",
    "study_facts",
]

STUDIES = "studies"
RESULTS = "results"
CHARACTERISTICS = "characteristics"

# How a value came to be; anything but "reported" is a flag that follows the value into tables and figures.
VALUE_STATUS = (
    "reported",
    "derived_from_percent",
    "derived_complement",
    "n_inferred",
    "mean_only",
    "events_missing",
    "converted",
    "imputed",
    "read_from_figure",
    "from_author",
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of an evidence table. ``kind`` is text, count, number, positive, correlation, year, yesno or choice.

    ``group`` is empty, or the type of outcome that asks for the column: an empty form of a review without one has none.
    """

    kind: str
    help: str
    choices: tuple[str, ...] = ()
    group: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """An evidence table: the columns that identify a row, and all columns with what they hold."""

    key: tuple[str, ...]
    columns: Mapping[str, Column]
    help: str


def _continuous(kind: str, text: str, choices: tuple[str, ...] = ()) -> Column:
    return Column(kind, text, choices, group="continuous")


# What reports give in place of means and SDs, and effects that were computed by the authors.
_REPORTED: dict[str, Column] = {
    "se": _continuous("positive", "standard error of the mean"),
    "ci_low": _continuous("number", "lower limit of the 95 % confidence interval of the mean"),
    "ci_high": _continuous("number", "its upper limit"),
    "median": _continuous("number", "median"),
    "q1": _continuous("number", "lower quartile"),
    "q3": _continuous("number", "upper quartile"),
    "minimum": _continuous("number", "smallest value"),
    "maximum": _continuous("number", "largest value"),
    "t_value": _continuous("number", "t of the difference between the two arms of the study"),
    "p_value": _continuous("positive", "its exact two-sided p"),
    "baseline_mean": _continuous("number", "mean before treatment, where mean is the one after it"),
    "baseline_sd": _continuous("positive", "its standard deviation"),
    "score": _continuous("choice", "whether mean and SD are of final values or of changes", ("final", "change")),
    "reversed": _continuous("yesno", "yes if this scale runs against the direction of the outcome"),
    "r": Column("correlation", "correlation coefficient, from -1 to 1; n is the number of pairs", group="correlation"),
    "versus": Column("text", "treatment that the effect below is against, as the report words it", group="effect"),
    "effect": Column("number", "effect of this arm against it: a ratio as it is, not its logarithm", group="effect"),
    "effect_low": Column("number", "lower limit of its 95 % confidence interval", group="effect"),
    "effect_high": Column("number", "its upper limit", group="effect"),
    "effect_se": Column("positive", "its standard error (of the logarithm of a ratio)", group="effect"),
    "o_minus_e": Column("number", "observed minus expected events of a log-rank test", group="effect"),
    "logrank_v": Column("positive", "its variance", group="effect"),
}

TABLES: dict[str, Table] = {
    STUDIES: Table(
        key=("study",),
        help="one row a study: what it is and how it was done",
        columns={
            "study": Column("text", "study id, as in results"),
            "first_author": Column("text", "first author"),
            "year": Column("year", "year of the main report"),
            "design": Column("text", "RCT, CCT, cohort ... as your protocol names designs"),
            "country": Column("text", "country"),
            "patients": Column("count", "patients in the study"),
            "units": Column("count", "units analysed (hips, eyes ...) if they are not patients"),
            "unit": Column("text", "what a unit is: patients, hips ..."),
            "paired": Column("yesno", "yes if one patient gives units to several arms"),
            "cohort": Column("text", "one name for all studies that report the same patients"),
            "follow_up_months": Column("positive", "mean follow-up in months"),
            "registration": Column("text", "trial registration number"),
            "source": Column("text", "page, table or file the facts were read from"),
            "note": Column("text", "anything a reader must know"),
        },
    ),
    RESULTS: Table(
        key=("study", "arm", "outcome", "months"),
        help="one row an arm, outcome and time point: the numbers",
        columns={
            "study": Column("text", "study id"),
            "arm": Column("text", "arm id, unique within the study"),
            "treatment": Column("text", "treatment as the report words it; [[treatments]] maps it to a node"),
            "outcome": Column("text", "outcome id or one of its labels, as in [[outcomes]]"),
            "months": Column("positive", "months from baseline; empty if not reported"),
            "unit": Column("text", "what n counts: patients, hips ..."),
            "n": Column("count", "number analysed"),
            "events": Column("count", "number with the event"),
            "mean": Column("number", "mean of a continuous outcome"),
            "sd": Column("positive", "standard deviation (not the standard error)"),
            "time": Column("positive", "person-time of a rate"),
            **_REPORTED,
            "status": Column("choice", "how the value came to be", VALUE_STATUS),
            "source": Column("text", "page, table or file the numbers were read from"),
            "note": Column("text", "anything a reader must know"),
        },
    ),
    CHARACTERISTICS: Table(
        key=("study", "characteristic"),
        help="one row a study and characteristic that an analysis asks for by name: mean age, risk of bias, setting",
        columns={
            "study": Column("text", "study id, as in results"),
            "characteristic": Column("text", "its name, as analyses in review.toml give it"),
            "value": Column("text", "number or word; empty if not reported"),
            "source": Column("text", "page, table or file it was read from"),
            "note": Column("text", "anything a reader must know"),
        },
    ),
}

_YES, _NO = ("yes", "y", "true", "1"), ("no", "n", "false", "0")


def row_key(table: str, row: Mapping[str, str | None]) -> str:
    """The identity of a row: its key cells joined by '|'.

    Examples
    --------
    >>> row_key("results", {"study": "Kang2018", "arm": "SC", "outcome": "tha", "months": "51.4"})
    'Kang2018|SC|tha|51.4'
    """
    return "|".join((row.get(name) or "").replace("|", "/") for name in TABLES[table].key)


def split_key(table: str, key: str) -> dict[str, str]:
    """The key cells of a row."""
    return dict(zip(TABLES[table].key, key.split("|"), strict=True))


def check_cell(
    table: str, column: str, text: str | None, *, file: object = None, row: int | None = None, decimal: str = "."
) -> str | None:
    """The cell in its stored form (plain decimals, trimmed), None if empty.

    Raises
    ------
    InputError
        naming file, row, column, the value found and what is allowed.
    """
    definition = TABLES[table].columns[column]
    value = visible(text or "").strip()
    if value == "" or value.upper() in ("NA", "NR", "N/A", "NAN", "-", "–", "?"):
        return None
    if definition.kind == "text":
        return value
    if definition.kind == "choice":
        if value in definition.choices:
            return value
        allowed = ", ".join(definition.choices)
        raise InputError("unknown value", file=file, row=row, column=column, value=value, allowed=allowed)
    if definition.kind == "yesno":
        if value.lower() in (*_YES, *_NO):
            return "yes" if value.lower() in _YES else "no"
        raise InputError("neither yes nor no", file=file, row=row, column=column, value=value, allowed="yes, no")
    return _number(definition.kind, value, file=file, row=row, column=column, decimal=decimal)


_ALLOWED = {
    "count": "a whole number, 0 or more; empty if not reported",
    "number": "a number; empty if not reported",
    "positive": "a number, 0 or more; empty if not reported",
    "correlation": "a number from -1 to 1; empty if not reported (a number of events goes in the column events)",
    "year": "a year such as 2018",
}


_PLAIN = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.IGNORECASE)
_GROUPED = re.compile(r"[-+]?[1-9]\d{0,2}(\.\d{3})+")
_LARGEST = 1e15  # beyond any study, and nearly what a float still counts exactly


def _number(kind: str, value: str, *, file: object, row: int | None, column: str, decimal: str) -> str:
    plain = unicodedata.normalize("NFKC", value).replace("−", "-").replace(" ", "")
    thousands = decimal == "," and _GROUPED.fullmatch(plain) is not None  # 1.234 in such a file may be 1234
    if decimal == ",":
        plain = plain.replace(".", "").replace(",", ".") if "," in plain else plain
    number = float(plain) if _PLAIN.fullmatch(plain) and not thousands else math.nan
    good = abs(number) <= _LARGEST and (kind in ("number", "correlation") or number >= 0)
    if kind == "correlation":
        good = abs(number) <= 1
    if kind in ("count", "year"):
        good = good and number == int(number)
    if kind == "year":
        good = good and 1500 <= number <= 2200
    if not good:
        raise InputError(
            "not a value this column can hold", file=file, row=row, column=column, value=value, allowed=_ALLOWED[kind]
        )
    return str(int(number)) if number == int(number) else repr(number)


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyFacts:
    """A row of the studies table; None is not reported."""

    study: str
    first_author: str | None
    year: int | None
    design: str | None
    country: str | None
    patients: int | None
    units: int | None
    unit: str | None
    paired: bool | None
    cohort: str | None
    follow_up_months: float | None
    registration: str | None
    source: str | None
    note: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmResult:
    """A row of the results table; None is not reported. ``conflicts`` names columns on which extractors differ.

    ``reported`` holds the numbers of further columns that are there, by name.
    """

    study: str
    arm: str
    treatment: str | None
    outcome: str
    months: float | None
    unit: str | None
    n: int | None
    events: int | None
    mean: float | None
    sd: float | None
    time: float | None
    status: str | None
    source: str | None
    note: str | None
    conflicts: tuple[str, ...] = ()
    reported: tuple[tuple[str, float], ...] = ()
    score: str | None = None
    reversed: bool | None = None
    versus: str | None = None


def _integer(value: str | None) -> int | None:
    return None if value is None else int(value)


def _real(value: str | None) -> float | None:
    return None if value is None else float(value)


def study_facts(key: str, cells: Mapping[str, str | None]) -> StudyFacts:
    """A typed row of the studies table from its agreed cells."""
    return StudyFacts(
        study=key,
        first_author=cells.get("first_author"),
        year=_integer(cells.get("year")),
        design=cells.get("design"),
        country=cells.get("country"),
        patients=_integer(cells.get("patients")),
        units=_integer(cells.get("units")),
        unit=cells.get("unit"),
        paired=None if cells.get("paired") is None else cells.get("paired") == "yes",
        cohort=cells.get("cohort"),
        follow_up_months=_real(cells.get("follow_up_months")),
        registration=cells.get("registration"),
        source=cells.get("source"),
        note=cells.get("note"),
    )


def arm_result(key: str, cells: Mapping[str, str | None], conflicts: tuple[str, ...] = ()) -> ArmResult:
    """A typed row of the results table from its agreed cells."""
    identity = split_key(RESULTS, key)
    return ArmResult(
        study=identity["study"],
        arm=identity["arm"],
        treatment=cells.get("treatment"),
        outcome=identity["outcome"],
        months=_real(identity["months"] or None),
        unit=cells.get("unit"),
        n=_integer(cells.get("n")),
        events=_integer(cells.get("events")),
        mean=_real(cells.get("mean")),
        sd=_real(cells.get("sd")),
        time=_real(cells.get("time")),
        status=cells.get("status"),
        source=cells.get("source"),
        note=cells.get("note"),
        conflicts=conflicts,
        reported=tuple(
            (name, float(text))
            for name, column in _REPORTED.items()
            if column.kind in ("number", "positive", "correlation") and (text := cells.get(name)) is not None
        ),
        score=cells.get("score"),
        reversed=None if cells.get("reversed") is None else cells.get("reversed") == "yes",
        versus=cells.get("versus"),
    )
