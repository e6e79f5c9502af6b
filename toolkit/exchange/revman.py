"""Study data of RevMan read in: RevMan 5 files (.rm5, XML) and the data rows that RevMan Web lets one download.

No file from RevMan itself was at hand when this was written: the structure follows the published schema and what
others read from it. Whatever is not understood is said in the notes, never dropped silently.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.model.errors import InputError
from toolkit.records.tables import Form, FormRow, read_form

__all__ = ["RevmanAnalysis", "RevmanRow", "read_revman"]

# Element of an outcome -> kind of data and the element of one study's row in it.
OUTCOMES = {
    "DICH_OUTCOME": ("binary", "DICH_DATA"),
    "CONT_OUTCOME": ("continuous", "CONT_DATA"),
    "IV_OUTCOME": ("estimates", "IV_DATA"),
    "IPD_OUTCOME": ("individual", "IPD_DATA"),
    "OTHER_OUTCOME": ("other", "OTHER_DATA"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RevmanRow:
    """One study in one analysis; pairs are (experimental, control), None where the file has no number."""

    study: str
    year: int | None
    subgroup: str
    events: tuple[float | None, float | None] = (None, None)
    n: tuple[float | None, float | None] = (None, None)
    mean: tuple[float | None, float | None] = (None, None)
    sd: tuple[float | None, float | None] = (None, None)
    estimate: float | None = None
    se: float | None = None
    footnote: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RevmanAnalysis:
    """One analysis of a RevMan file. ``kind`` is "binary", "continuous" or "estimates"; groups may be unnamed ("")."""

    number: str
    name: str
    comparison: str
    kind: str
    experimental: str
    control: str
    measure: str
    rows: tuple[RevmanRow, ...]

    @property
    def row_names(self) -> tuple[str, ...]:
        """A name for each row: the study, with its subgroup if it stands in several, numbered if that is not enough.

        RevMan takes such rows as independent, and so does a table in which each has a name of its own.
        """
        several = {study for study, n in Counter(r.study for r in self.rows).items() if n > 1}
        names: list[str] = []
        for r in self.rows:
            name = f"{r.study} ({r.subgroup})" if r.study in several and r.subgroup else r.study
            number, stem = 2, name
            while name in names:
                name, number = f"{stem} ({number})", number + 1
            names.append(name)
        return tuple(names)

    @property
    def group_names(self) -> tuple[str, str]:
        """What the two groups are called in the rows; told apart where the file calls both the same."""
        first, second = self.experimental or "experimental", self.control or "control"
        return (first, second) if first != second else (f"{first} (experimental)", f"{second} (control)")

    def arm_rows(self) -> list[dict[str, object]]:
        """One row an arm, in the columns that 'evipool pairwise' reads; for estimates one row a study."""
        named = list(zip(self.row_names, self.rows, strict=True))
        if self.kind == "estimates":
            return [{"study": n, "subgroup": r.subgroup, "estimate": r.estimate, "se": r.se} for n, r in named]
        found: list[dict[str, object]] = []
        names = self.group_names
        for name, r in named:
            for side in (0, 1):
                cells: dict[str, object] = {"study": name, "subgroup": r.subgroup, "treatment": names[side]}
                if self.kind == "binary":
                    cells |= {"events": _whole(r.events[side]), "n": _whole(r.n[side])}
                else:
                    cells |= {"n": _whole(r.n[side]), "mean": r.mean[side], "sd": r.sd[side]}
                found.append({**cells, "note": r.footnote})
        return found


def _whole(value: float | None) -> float | None:
    """A count as people write it."""
    return int(value) if value is not None and value.is_integer() else value


def _repeats(analyses: Iterable[RevmanAnalysis]) -> tuple[str, ...]:
    """A note for each analysis in which a study has several rows."""
    notes = []
    for a in analyses:
        twice = [study for study, n in Counter(r.study for r in a.rows).items() if n > 1]
        if twice:
            notes.append(
                f"analysis {a.number}: {', '.join(twice)} stands in several rows; each is written as a study of its "
                "own, so patients who are in more than one would count more than once"
            )
    return tuple(notes)


def read_revman(path: str | Path) -> tuple[tuple[RevmanAnalysis, ...], tuple[str, ...]]:
    """Analyses of a .rm5 file or a data-rows CSV, and notes on what was found and what was not read.

    Raises
    ------
    InputError
        if the file is neither, or a number in it is not one.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError("there is no such file", file=path)
    data = path.read_bytes()
    is_xml = data.lstrip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n")[:1] in (b"<",)
    analyses, notes = _read_rm5(data, path) if is_xml else _read_rows(path)
    return analyses, (*notes, *_repeats(analyses))


# ---- RevMan 5 -----------------------------------------------------------------------------------------------------


def _read_rm5(data: bytes, path: Path) -> tuple[tuple[RevmanAnalysis, ...], tuple[str, ...]]:
    root, notes = _tree(data, path)
    if root.find(".//ANALYSES_AND_DATA") is None:
        raise InputError("this XML file has no ANALYSES_AND_DATA: not a RevMan 5 review", file=path)
    studies: dict[str, tuple[str, int | None]] = {}
    for study in root.iter("STUDY"):
        name = study.get("NAME") or study.get("ID") or ""
        studies[study.get("ID") or name] = (_text(name), _year(study.get("YEAR")))
    analyses = []
    for i, comparison in enumerate(root.iter("COMPARISON"), start=1):
        number = comparison.get("NO") or str(i)
        for j, outcome in enumerate((x for x in comparison if x.tag in OUTCOMES), start=1):
            kind, element = OUTCOMES[outcome.tag]
            label = f"{number}.{outcome.get('NO') or j}"
            if kind in ("individual", "other"):
                notes.append(f"analysis {label} ({_child(outcome, 'NAME')}) holds {kind} data and was not read")
                continue
            rows = tuple(_rm5_row(x, subgroup, studies, kind, path) for subgroup, x in _rm5_data(outcome, element))
            analyses.append(
                RevmanAnalysis(
                    number=label,
                    name=_child(outcome, "NAME"),
                    comparison=_child(comparison, "NAME"),
                    kind=kind,
                    experimental=_child(outcome, "GROUP_LABEL_1"),
                    control=_child(outcome, "GROUP_LABEL_2"),
                    measure=outcome.get("EFFECT_MEASURE") or "",
                    rows=rows,
                )
            )
    return tuple(analyses), tuple(notes)


def _tree(data: bytes, path: Path) -> tuple[Any, list[str]]:
    """The XML tree; a wrong declaration of the encoding and stray control characters are mended and told."""
    from lxml import etree

    def parse(content: bytes) -> Any:
        # No entities, no network, no DTD: the file comes from outside.
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
        return etree.fromstring(content, parser)

    try:
        return parse(data), []
    except (etree.XMLSyntaxError, ValueError) as first:
        problem = first
    for encoding in ("utf-8-sig", "utf-16", "cp1252"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        text = re.sub(r"^\s*<\?xml[^>]*\?>", "", text)
        text = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f]", "", text)
        text = re.sub(r"&(?!#?\w{1,31};)", "&amp;", text)
        text = re.sub(r"&(?!(?:#\d+|#x[0-9a-fA-F]+|amp|lt|gt|quot|apos);)(\w{1,31});", _named_entity, text)
        try:
            tree = parse(text.encode("utf-8"))
        except (etree.XMLSyntaxError, ValueError):
            continue
        return tree, [f"the file is not well-formed XML ({problem}); read as {encoding} with the faults mended"]
    raise InputError(f"not a readable XML file ({problem})", file=path)


def _named_entity(match: re.Match[str]) -> str:
    from html import unescape

    text = unescape(match[0])
    return text if text != match[0] else f"&amp;{match[1]};"


def _text(value: str | None) -> str:
    from html import unescape

    return " ".join(unescape(value or "").split())


def _child(element: Any, name: str) -> str:
    found = element.find(name)
    return _text("".join(found.itertext())) if found is not None else ""


def _rm5_data(outcome: Any, element: str) -> Iterator[tuple[str, Any]]:
    subgroup = element.replace("_DATA", "_SUBGROUP")
    for child in outcome:
        if child.tag == element:
            yield "", child
        elif child.tag == subgroup:
            name = _child(child, "NAME")
            for row in child.iter(element):
                yield name, row


def _rm5_row(
    row: Any, subgroup: str, studies: Mapping[str, tuple[str, int | None]], kind: str, path: Path
) -> RevmanRow:
    identity = row.get("STUDY_ID") or ""
    study, year = studies.get(identity, (_text(identity), None))

    def pair(name: str) -> tuple[float | None, float | None]:
        first, second = (_real(row.get(f"{name}_{i}"), path, f"{study}, {name}_{i}") for i in (1, 2))
        return first, second

    footnote = _child(row, "FOOTNOTE")
    if kind == "estimates":
        estimate, se = (_real(row.get(name), path, f"{study}, {name}") for name in ("ESTIMATE", "SE"))
        return RevmanRow(study=study, year=year, subgroup=subgroup, estimate=estimate, se=se, footnote=footnote)
    n = pair("TOTAL")
    # RevMan writes 0 of 0 where nothing was entered: a group of nobody is a group without numbers.
    known = tuple(bool(x) for x in n)

    def entered(name: str) -> tuple[float | None, float | None]:
        first, second = pair(name)
        return (first if known[0] else None, second if known[1] else None)

    return RevmanRow(
        study=study,
        year=year,
        subgroup=subgroup,
        n=(n[0] or None, n[1] or None),
        events=entered("EVENTS") if kind == "binary" else (None, None),
        mean=entered("MEAN") if kind == "continuous" else (None, None),
        sd=entered("SD") if kind == "continuous" else (None, None),
        footnote=footnote,
    )


def _year(text: str | None) -> int | None:
    found = re.search(r"\d{4}", text or "")
    return int(found[0]) if found else None


def _real(text: str | None, path: Path, where: str) -> float | None:
    if text is None or not text.strip():
        return None
    try:
        value = float(text.strip().replace("−", "-"))
    except ValueError as error:
        raise InputError(f"not a number ({where})", file=path, value=text) from error
    return None if value != value else value


# ---- RevMan Web ---------------------------------------------------------------------------------------------------

_COLUMNS = {
    "events": ("Experimental cases", "Control cases"),
    "n": ("Experimental N", "Control N"),
    "mean": ("Experimental mean", "Control mean"),
    "sd": ("Experimental SD", "Control SD"),
}


def _read_rows(path: Path) -> tuple[tuple[RevmanAnalysis, ...], tuple[str, ...]]:
    form = read_form(path)
    names = {_plain(name): name for name in form.header}
    if _plain("Study") not in names or not any(_plain(x) in names for pair in _COLUMNS.values() for x in pair):
        raise InputError(
            "neither a RevMan 5 file nor RevMan's study data",
            file=path,
            value=", ".join(form.header),
            allowed="Study, Experimental cases, Experimental N, Control cases, Control N ...",
        )

    rows = [_web_row(form, line, names) for line in form.rows]
    grouped: dict[tuple[str, str], list[RevmanRow]] = {}
    for line, row in zip(form.rows, rows, strict=True):
        parts = (_cell(line, names, "Analysis group"), _cell(line, names, "Analysis number"))
        number = ".".join(x for x in parts if x) or "1"
        grouped.setdefault((number, _cell(line, names, "Analysis name")), []).append(row)
    analyses = []
    for (number, name), own in grouped.items():
        kind = "continuous" if any(r.mean != (None, None) and r.sd != (None, None) for r in own) else "binary"
        if all(r.estimate is not None and r.n == (None, None) for r in own):
            kind = "estimates"
        analyses.append(
            RevmanAnalysis(
                number=number,
                name=name,
                comparison="",
                kind=kind,
                experimental="",
                control="",
                measure="",
                rows=tuple(own),
            )
        )
    return tuple(analyses), (*form.notes, "RevMan's study data do not name the two groups: experimental and control")


def _cell(line: FormRow, names: Mapping[str, str], name: str) -> str:
    return line.values.get(names.get(_plain(name), ""), "").strip()


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def _web_row(form: Form, line: FormRow, names: Mapping[str, str]) -> RevmanRow:
    def real(name: str) -> float | None:
        column = names.get(_plain(name))
        return None if column is None else form.number(line, column)

    def pair(name: str) -> tuple[float | None, float | None]:
        first, second = _COLUMNS[name]
        return real(first), real(second)

    return RevmanRow(
        study=_cell(line, names, "Study"),
        year=_year(_cell(line, names, "Study year")),
        subgroup=_cell(line, names, "Subgroup"),
        events=pair("events"),
        n=pair("n"),
        mean=pair("mean"),
        sd=pair("sd"),
        estimate=real("GIV Mean"),
        se=real("GIV SE"),
        footnote=_cell(line, names, "Footnotes"),
    )
