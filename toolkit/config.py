"""review.toml: the protocol and the declared analyses of a review, checked with errors that name the line."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from toolkit.config_analysis import Analysis, Identifier, Strict, fits
from toolkit.config_monitoring import Monitoring
from toolkit.model.errors import InputError
from toolkit.model.further import NETWORK_FURTHER
from toolkit.model.review import TITLE_ABSTRACT
from toolkit.tomlfile import line_of, line_of_reference, read_toml

__all__ = [
    "Analysis",
    "Dedup",
    "Eligibility",
    "Living",
    "Monitoring",
    "Outcome",
    "Protocol",
    "Review",
    "ReviewFile",
    "Reviewer",
    "Screening",
    "Source",
    "Treatment",
    "load_review",
]


Name = Annotated[str, Field(min_length=1)]


class Review(Strict):
    """[review]: what the review asks."""

    title: str
    question: str = ""
    authors: tuple[str, ...] = ()
    language: str = "en"


class Protocol(Strict):
    """[protocol]: where and when it was registered; empty where it was not."""

    registration: str | None = None
    url: str | None = None
    date: dt.date | None = None
    notes: str = ""


class Eligibility(Strict):
    """[eligibility]: PICO and the exclusion reasons of the full-text stage, in the order in which they are checked."""

    population: str = ""
    intervention: str = ""
    comparison: str = ""
    outcomes: str = ""
    designs: str = ""
    other: str = ""
    exclusion_reasons: tuple[str, ...] = ()


class Reviewer(Strict):
    """[[reviewers]]: a person who may act; ``name`` is what --as takes."""

    name: Name
    full_name: str = ""
    role: Literal["reviewer", "arbiter", "extractor", "statistician", "tool"] = "reviewer"


class Screening(Strict):
    """[screening]: how many reviewers vote on each report at each stage."""

    title_abstract: Literal[1, 2] = 2
    full_text: Literal[1, 2] = 2

    def votes_needed(self, stage: str) -> int:
        """How many reviewers vote on a report at ``stage``."""
        return self.title_abstract if stage == TITLE_ABSTRACT else self.full_text


class Dedup(Strict):
    """[dedup]: how sure a merge must be, and whose fields a report takes first.

    ``prefer`` names sources: what the first of them says of a report (title, authors, journal, abstract ...) is taken
    wherever it says anything; without it, and for what it leaves out, the best of each field counts.
    """

    strictness: Literal["strict", "balanced", "sensitive"] = "balanced"
    prefer: tuple[str, ...] = ()


class Source(Strict):
    """[[sources]]: a database, a register or another way of finding records."""

    name: Name
    kind: Literal["database", "register", "website", "organisation", "citation", "other"] = "database"
    platform: str = ""
    strategy: str | None = None
    schedule: str = ""
    notes: str = ""

    @property
    def column(self) -> str:
        """The PRISMA column: "database", "register" or "other"."""
        return self.kind if self.kind in ("database", "register") else "other"


class Living(Strict):
    """[living]: how a living review is kept: when it is searched, what follows when, and when it ends."""

    rationale: str = ""
    search: str = ""
    months: int | None = Field(default=None, ge=1, le=120)
    steps: str = ""
    retirement: str = ""
    retired: dt.date | None = None

    @property
    def stated(self) -> bool:
        """Whether anything of it is stated."""
        return self != Living()


class Outcome(Strict):
    """[[outcomes]]: what is measured, in which direction better lies, and which row of a study counts.

    Of type "effect" are effects that the authors computed (hazard ratios, adjusted estimates), with their intervals.
    ``rule`` picks one row per arm when a study reports several times: "latest", "earliest", "closest:24" (months),
    or "only" (several rows are an error).
    """

    id: Identifier
    name: str
    type: Literal["binary", "continuous", "rate", "correlation", "effect"]
    labels: tuple[str, ...] = ()
    instrument: str = ""
    unit: str = ""
    scale_min: float | None = None
    scale_max: float | None = None
    better: Literal["lower", "higher"] | None = None
    smallest_important_difference: float | None = Field(default=None, gt=0)
    months_min: float | None = Field(default=None, ge=0)
    months_max: float | None = Field(default=None, ge=0)
    rule: str = "only"

    @field_validator("rule")
    @classmethod
    def _known_rule(cls, value: str) -> str:
        if value in ("latest", "earliest", "only") or re.fullmatch(r"closest:\d+(\.\d+)?", value):
            return value
        raise ValueError('allowed: "latest", "earliest", "only", "closest:MONTHS"')

    @model_validator(mode="after")
    def _ranges(self) -> Outcome:
        for low, high in (("scale_min", "scale_max"), ("months_min", "months_max")):
            least, most = getattr(self, low), getattr(self, high)
            if least is not None and most is not None and least > most:
                raise ValueError(f"{low} {least:g} is above {high} {most:g}")
        return self


class Treatment(Strict):
    """[[treatments]]: a node of the synthesis and the extracted labels that belong to it (the node-making rule)."""

    id: Name
    name: str = ""
    labels: tuple[str, ...] = ()
    notes: str = ""


def _twice(names: list[str]) -> str | None:
    """The first name that stands a second time; two folders or people cannot differ in case only."""
    folded = [name.casefold() for name in names]
    return next((name for at, name in enumerate(names) if folded[at] in folded[:at]), None)


class ReviewFile(Strict):
    """The whole of review.toml."""

    review: Review
    protocol: Protocol = Protocol()
    eligibility: Eligibility = Eligibility()
    screening: Screening = Screening()
    dedup: Dedup = Dedup()
    living: Living = Living()
    reviewers: tuple[Reviewer, ...] = ()
    sources: tuple[Source, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    treatments: tuple[Treatment, ...] = ()
    analyses: tuple[Analysis, ...] = ()
    monitoring: tuple[Monitoring, ...] = ()

    @model_validator(mode="after")
    def _references(self) -> ReviewFile:
        for name, items in (
            ("reviewers", [r.name for r in self.reviewers]),
            ("sources", [s.name for s in self.sources]),
            ("outcomes", [o.id for o in self.outcomes]),
            ("treatments", [t.id for t in self.treatments]),
            ("analyses", [a.id for a in self.analyses]),
            ("monitoring", [m.analysis for m in self.monitoring]),
        ):
            twice = _twice(items)
            if twice is not None:
                raise ValueError(f"[[{name}]] has {twice!r} twice (upper and lower case count as the same)")
        sources = {s.name.casefold() for s in self.sources}
        for name in self.dedup.prefer:
            if name.casefold() not in sources:
                raise ValueError(f"[dedup] prefers {name!r}, which is not among [[sources]]")
        self._labels()
        for m in self.monitoring:
            if m.analysis not in {a.id for a in self.analyses}:
                raise ValueError(f"[[monitoring]] names analysis {m.analysis!r}, which is not among [[analyses]]")
        outcomes = {o.id for o in self.outcomes}
        nodes = {t.id for t in self.treatments}
        analyses = {a.id for a in self.analyses}
        for a in self.analyses:
            if a.outcome not in outcomes:
                raise ValueError(f"analysis {a.id!r} asks for outcome {a.outcome!r}, which is not among [[outcomes]]")
            kind = next(o.type for o in self.outcomes if o.id == a.outcome)
            if not fits(a.measure, kind) and not a.asked["smd_or"]:
                raise ValueError(f"analysis {a.id!r}: outcome {a.outcome!r} is {kind}, no outcome for {a.measure!r}")
            for node in (a.treatment, a.reference, a.tau2_by.get("inactive"), *a.treatments, *a.lump, *a.lump.values()):
                if node is not None and nodes and node not in nodes:
                    raise ValueError(f"analysis {a.id!r} names treatment {node!r}, which is not among [[treatments]]")
            self._further(a)
            if a.of is not None and a.of not in analyses:
                raise ValueError(f"analysis {a.id!r} varies {a.of!r}, which is not among [[analyses]]")
        return self

    def _further(self, a: Analysis) -> None:
        """Ranks need a direction; analyses over several outcomes name other networks of this file."""
        better = {o.id: o.better for o in self.outcomes}
        for one in a.further:
            if NETWORK_FURTHER[one.name].ranks and better[a.outcome] is None:
                raise ValueError(f'analysis {a.id!r} ranks ({one.name}), but outcome {a.outcome!r} has no "better"')
            for name in one.options.with_outcome:
                other = next((x for x in self.analyses if x.id == name), None)
                if other is None or other.kind != "network" or other.id == a.id:
                    raise ValueError(f"analysis {a.id!r} names {name!r} in with_outcome, which is no other network")
                if better.get(other.outcome) is None:
                    raise ValueError(f'analysis {a.id!r} ranks {name!r} too, whose outcome has no "better"')

    def _labels(self) -> None:
        """A label belongs to one treatment, or rows would go to whichever stands first."""
        owner: dict[str, str] = {}
        for t in self.treatments:
            for label in (t.id, *t.labels):
                first = owner.setdefault(label.strip().casefold(), t.id)
                if first != t.id:
                    raise ValueError(f"[[treatments]] has the label {label!r} under {first!r} and {t.id!r}")

    def outcome(self, identity: str) -> Outcome:
        """The outcome with this id."""
        return next(o for o in self.outcomes if o.id == identity)

    def analysis(self, identity: str) -> Analysis:
        """The analysis with this id."""
        for a in self.analyses:
            if a.id == identity:
                return a
        known = ", ".join(a.id for a in self.analyses) or "none is declared"
        raise InputError("no such analysis in review.toml", value=identity, allowed=known)

    def source(self, name: str) -> Source:
        """The source with this name (case does not matter)."""
        for s in self.sources:
            if s.name.casefold() == name.casefold():
                return s
        known = ", ".join(s.name for s in self.sources) or "none is declared"
        raise InputError(
            "no such source in review.toml",
            value=name,
            allowed=known,
            hint='Add it under [[sources]] with name = "..." and kind = "database", "register" or other.',
        )

    def node_of(self, label: str) -> str | None:
        """The treatment node an extracted label belongs to, None if no rule covers it."""
        folded = label.strip().casefold()
        for t in self.treatments:
            if folded in {t.id.casefold(), *(x.casefold() for x in t.labels)}:
                return t.id
        return None


def load_review(path: Path) -> ReviewFile:
    """Read and check review.toml.

    Raises
    ------
    InputError
        naming the line, the value found and what is allowed.
    """
    text, data = read_toml(path)
    try:
        return ReviewFile.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = tuple(first["loc"])
        line = line_of(text, where)
        if first["type"] == "option":
            where = (*where, first["ctx"]["key"])
            line = line_of(text, where)
        key = ".".join(str(part) for part in where)
        if first["type"] == "extra_forbidden":
            message = f"unknown key {where[-1]!r}"
        elif first["type"] == "missing":
            message = f"missing key {where[-1]!r}"
        else:
            message = first["msg"].removeprefix("Value error, ")
        if line is None:
            line = line_of_reference(text, message)
        value = first["ctx"]["value"] if first["type"] == "option" else first.get("input")
        shown = value if isinstance(value, (str, int, float, bool)) else None
        more = f" ({len(error.errors()) - 1} more after it)" if len(error.errors()) > 1 else ""
        raise InputError(
            f"{key}: {message}{more}" if key else message + more, file=path, line=line, value=shown
        ) from error
