"""review.toml: the protocol and the declared analyses of a review, checked with errors that name the line."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from toolkit.config_monitoring import Monitoring
from toolkit.model.choices import (
    INTERVALS,
    MEASURES,
    MODELS,
    NETWORK_INTERVALS,
    NETWORK_TAU2_METHODS,
    PREDICTION_INTERVALS,
    TAU2_METHODS,
)
from toolkit.model.errors import InputError
from toolkit.model.further import NETWORK_FURTHER, Asked, asked
from toolkit.model.presets import PRESETS
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


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True, allow_inf_nan=False)


# Windows keeps these names for devices, with any ending.
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_ID = re.compile(r"^[^\s/\\:*?\"<>|.][^\s/\\:*?\"<>|]*$")


def _identifier(value: str) -> str:
    if not _ID.match(value):
        raise ValueError('an id must be usable as a file name: no spaces and none of / \\ : * ? " < > |')
    if len(value) > 100 or value.endswith(".") or _DEVICE.fullmatch(value):
        raise ValueError("an id must be usable as a file name: up to 100 characters, no dot at its end, no CON or NUL")
    return value


Name = Annotated[str, Field(min_length=1)]
Identifier = Annotated[str, AfterValidator(_identifier)]


class Review(_Strict):
    """[review]: what the review asks."""

    title: str
    question: str = ""
    authors: tuple[str, ...] = ()
    language: str = "en"


class Protocol(_Strict):
    """[protocol]: where and when it was registered; empty where it was not."""

    registration: str | None = None
    url: str | None = None
    date: dt.date | None = None
    notes: str = ""


class Eligibility(_Strict):
    """[eligibility]: PICO and the exclusion reasons of the full-text stage, in the order in which they are checked."""

    population: str = ""
    intervention: str = ""
    comparison: str = ""
    outcomes: str = ""
    designs: str = ""
    other: str = ""
    exclusion_reasons: tuple[str, ...] = ()


class Reviewer(_Strict):
    """[[reviewers]]: a person who may act; ``name`` is what --as takes."""

    name: Name
    full_name: str = ""
    role: Literal["reviewer", "arbiter", "extractor", "statistician"] = "reviewer"


class Screening(_Strict):
    """[screening]: how many reviewers vote on each report at each stage."""

    title_abstract: Literal[1, 2] = 2
    full_text: Literal[1, 2] = 2

    def votes_needed(self, stage: str) -> int:
        """How many reviewers vote on a report at ``stage``."""
        return self.title_abstract if stage == TITLE_ABSTRACT else self.full_text


class Dedup(_Strict):
    """[dedup]: how sure a merge must be, and whose fields a report takes first.

    ``prefer`` names sources: what the first of them says of a report (title, authors, journal, abstract ...) is taken
    wherever it says anything; without it, and for what it leaves out, the best of each field counts.
    """

    strictness: Literal["strict", "balanced", "sensitive"] = "balanced"
    prefer: tuple[str, ...] = ()


class Source(_Strict):
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


class Living(_Strict):
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


class Outcome(_Strict):
    """[[outcomes]]: what is measured, in which direction better lies, and which row of a study counts.

    ``rule`` picks one row per arm when a study reports several times: "latest", "earliest", "closest:24" (months),
    or "only" (several rows are an error).
    """

    id: Identifier
    name: str
    type: Literal["binary", "continuous", "rate"]
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


class Treatment(_Strict):
    """[[treatments]]: a node of the synthesis and the extracted labels that belong to it (the node-making rule)."""

    id: Name
    name: str = ""
    labels: tuple[str, ...] = ()
    notes: str = ""


class Analysis(_Strict):
    """[[analyses]]: one synthesis. Everything that changes a number is here; the result shows what was resolved.

    ``designs`` keeps studies of these designs; ``studies`` keeps only these; ``exclude`` maps a study to the reason
    why it is left out. ``lump`` reads one treatment as another ("CD+graft" = "CD"). ``also`` names
    further analyses of a network, each a name or a table of a name with settings (`toolkit.model.further`). ``role``
    is "headline" or "sensitivity" (with ``of``, the analysis it varies).
    """

    id: Identifier
    title: str = ""
    kind: Literal["pairwise", "network"]
    outcome: str
    measure: str
    treatment: str | None = None
    reference: str | None = None
    treatments: tuple[str, ...] = ()
    designs: tuple[str, ...] = ()
    studies: tuple[str, ...] = ()
    exclude: dict[str, str] = Field(default_factory=dict)
    lump: dict[str, str] = Field(default_factory=dict)
    preset: str | None = None
    model: str = "IV"
    tau2: str | float = "REML"
    ci: str = "auto"
    prediction: str = "t_k1"
    level: float = Field(default=0.95, gt=0.5, lt=1)
    zero_add: float = Field(default=0.5, ge=0)
    zero_to: Literal["only0", "all", "if0all", "none"] = "only0"
    largest: bool = False
    also: tuple[str | dict[str, Any], ...] = ()
    planned: bool = True
    post_hoc_reason: str = ""
    role: Literal["headline", "sensitivity"] = "headline"
    of: str | None = None
    notes: str = ""

    @property
    def further(self) -> tuple[Asked, ...]:
        """The further analyses that ``also`` asks for."""
        return tuple(asked(entry) for entry in self.also)

    @property
    def columns(self) -> tuple[str, ...]:
        """What must be known of each study besides its arms: columns of the studies form, or characteristics."""
        names = [name for one in self.further for name in one.options.columns]
        return tuple(dict.fromkeys(names))

    @field_validator("also")
    @classmethod
    def _also(cls, value: tuple[str | dict[str, Any], ...]) -> tuple[str | dict[str, Any], ...]:
        for entry in value:
            asked(entry)
        return value

    @field_validator("measure")
    @classmethod
    def _measure(cls, value: str) -> str:
        return _key(value, MEASURES)

    @field_validator("ci")
    @classmethod
    def _ci(cls, value: str) -> str:
        return value if value == "auto" else _key(value, INTERVALS)

    @field_validator("preset")
    @classmethod
    def _preset(cls, value: str | None) -> str | None:
        return value if value is None else _key(value, PRESETS)

    @field_validator("model")
    @classmethod
    def _model(cls, value: str) -> str:
        return _key(value, MODELS)

    @field_validator("prediction")
    @classmethod
    def _prediction(cls, value: str) -> str:
        return _key(value, PREDICTION_INTERVALS)

    @model_validator(mode="after")
    def _whole(self) -> Analysis:
        if self.kind == "pairwise" and not (self.treatment and self.reference):
            raise ValueError('a pairwise analysis names its "treatment" and its "reference"')
        if self.treatment is not None and self.treatment == self.reference:
            raise ValueError(f"treatment and reference are both {self.treatment!r}")
        if self.of == self.id:
            raise ValueError('"of" names the analysis that this one varies, not itself')
        if self.kind == "network" and not (self.preset is None and self.model == "IV"):
            raise ValueError('"preset" and "model" are for pairwise analyses')
        self._tau2()
        own = {"largest", "also"} & self.model_fields_set
        if self.kind == "pairwise" and own:
            raise ValueError(f"{', '.join(sorted(own))}: for networks only")
        if self.kind == "network" and self.ci not in ("auto", *NETWORK_INTERVALS):
            raise ValueError(f"ci {self.ci!r} of a network is not one of auto, {', '.join(NETWORK_INTERVALS)}")
        if not self.planned and not self.post_hoc_reason:
            raise ValueError('an analysis with planned = false says why in "post_hoc_reason"')
        return self

    def _tau2(self) -> None:
        methods = TAU2_METHODS if self.kind == "pairwise" else NETWORK_TAU2_METHODS
        if not isinstance(self.tau2, str):
            if self.kind == "pairwise" or self.tau2 < 0:
                raise ValueError("tau2 as a number is for networks, and 0 or more")
        elif self.tau2 not in methods:
            raise ValueError(f"tau2 {self.tau2!r} is not one of {', '.join(methods)}")
        elif self.tau2 == "fixed":
            raise ValueError("tau2 that you fix yourself is written as a number: tau2 = 0.04")


def _key(value: str, table: dict[str, Any]) -> str:
    if table and value not in table:
        raise ValueError("allowed: " + ", ".join(f'"{name}"' for name in table))
    return value


def _twice(names: list[str]) -> str | None:
    """The first name that stands a second time; two folders or people cannot differ in case only."""
    folded = [name.casefold() for name in names]
    return next((name for at, name in enumerate(names) if folded[at] in folded[:at]), None)


def _fits(measure: str, kind: str) -> bool:
    """Whether the numbers that a measure needs are those of this type of outcome."""
    needs = set(MEASURES[measure].needs)
    own = {"binary": {"events"}, "continuous": {"mean", "sd"}, "rate": {"events", "time"}}[kind]
    return not (needs & {"events", "mean", "sd", "time"}) - own


class ReviewFile(_Strict):
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
            if not _fits(a.measure, kind):
                raise ValueError(f"analysis {a.id!r}: outcome {a.outcome!r} is {kind}, no outcome for {a.measure!r}")
            for node in (a.treatment, a.reference, *a.treatments, *a.lump, *a.lump.values()):
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
        key = ".".join(str(part) for part in where)
        if first["type"] == "extra_forbidden":
            message = f"unknown key {where[-1]!r}"
        elif first["type"] == "missing":
            message = f"missing key {where[-1]!r}"
        else:
            message = first["msg"].removeprefix("Value error, ")
        if line is None:
            line = line_of_reference(text, message)
        value = first.get("input")
        shown = value if isinstance(value, (str, int, float, bool)) else None
        more = f" ({len(error.errors()) - 1} more after it)" if len(error.errors()) > 1 else ""
        raise InputError(
            f"{key}: {message}{more}" if key else message + more, file=path, line=line, value=shown
        ) from error
