"""[[analyses]] of review.toml: one synthesis with every choice that changes a number in it."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    computed_field,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from toolkit.model.choices import (
    INTERVALS,
    MEASURES,
    MODELS,
    NETWORK_INTERVALS,
    NETWORK_TAU2_METHODS,
    PREDICTION_INTERVALS,
    TAU2_INTERVALS,
    TAU2_METHODS,
)
from toolkit.model.further import Asked, asked
from toolkit.model.pairwise_options import (
    FIGURES,
    OPTIONS,
    check_option,
    check_together,
    columns_asked,
    with_defaults,
)
from toolkit.model.presets import PRESETS

__all__ = ["Analysis", "Identifier", "Strict", "fits"]


class Strict(BaseModel):
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


Identifier = Annotated[str, AfterValidator(_identifier)]


class Analysis(Strict):
    """[[analyses]]: one synthesis. Everything that changes a number is here; the result shows what was resolved.

    ``designs`` keeps studies of these designs; ``studies`` keeps only these; ``exclude`` maps a study to the reason
    why it is left out. ``lump`` reads one treatment as another ("CD+graft" = "CD"). ``also`` names
    further analyses of a network, each a name or a table of a name with settings (`toolkit.model.further`). ``role``
    is "headline" or "sensitivity" (with ``of``, the analysis it varies). A pairwise analysis takes the options of
    `evipool pairwise` too, with _ for - (`toolkit.model.pairwise_options`).
    """

    _options: dict[str, Any] = PrivateAttr(default_factory=dict)

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
    tau2_by: dict[Literal["inactive", "subgroup"], str] = Field(default_factory=dict)
    ci: str = "auto"
    prediction: str = "t_k1"
    level: float = Field(default=0.95, gt=0.5, lt=1)
    zero_add: float = Field(default=0.5, ge=0)
    zero_to: Literal["only0", "all", "if0all", "none"] = "only0"
    zero_rr: Literal["events", "cells"] = "events"
    zero_rd: Literal["variance", "cells"] = "variance"
    zero_arms: Literal["equal", "size"] = "equal"
    keep_double_zero: bool = False
    tau2_ci: str = "QP"
    figures: tuple[str, ...] = ()
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
        names += [name for key, name in self.tau2_by.items() if key == "subgroup"]
        return tuple(dict.fromkeys([*names, *columns_asked(self._options)]))

    @property
    def asked(self) -> dict[str, Any]:
        """Every option of a pairwise analysis with its value; several arms of one treatment are combined by default."""
        return with_defaults({"several_arms": "combine", **self._options})

    @computed_field  # type: ignore[prop-decorator]
    @property
    def named_options(self) -> dict[str, Any]:
        """The options of a pairwise analysis that review.toml names."""
        return dict(self._options)

    @model_validator(mode="wrap")
    @classmethod
    def _with_options(cls, data: Any, handler: ModelWrapValidatorHandler[Analysis]) -> Analysis:
        """The options of the shared table are taken out of the keys and checked by it."""
        if not isinstance(data, dict) or not any(name in OPTIONS for name in data):
            return handler(data)
        found = {name: value for name, value in data.items() if name in OPTIONS}
        kind = data.get("kind")
        if kind != "pairwise":
            name = next(iter(found))
            raise _wrong_option(name, found[name], "for pairwise analyses only")
        for name, value in found.items():
            try:
                found[name] = check_option(name, value)
            except ValueError as error:
                raise _wrong_option(name, value, str(error)) from error
        try:
            check_together(found, lambda name: f'"{name}"')
        except ValueError as error:
            name = next(key for key in found if f'"{key}"' in str(error))
            raise _wrong_option(name, found[name], str(error)) from error
        analysis = handler({name: value for name, value in data.items() if name not in OPTIONS})
        analysis._options = found
        return analysis

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

    @field_validator("tau2_ci")
    @classmethod
    def _tau2_ci(cls, value: str) -> str:
        return _key(value, TAU2_INTERVALS)

    @field_validator("figures")
    @classmethod
    def _figures(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_key(name, FIGURES) for name in value)

    @field_validator("prediction")
    @classmethod
    def _prediction(cls, value: str) -> str:
        return _key(value, PREDICTION_INTERVALS)

    @model_validator(mode="after")
    def _whole(self) -> Analysis:
        one_group = MEASURES[self.measure].groups == 1
        if self.kind == "pairwise" and one_group and (self.reference or not self.treatment):
            raise ValueError(f'{self.measure} is of one group: name its "treatment", and no "reference"')
        if self.kind == "pairwise" and not one_group and not (self.treatment and self.reference):
            raise ValueError('a pairwise analysis names its "treatment" and its "reference"')
        if self.treatment is not None and self.treatment == self.reference:
            raise ValueError(f"treatment and reference are both {self.treatment!r}")
        if self.of == self.id:
            raise ValueError('"of" names the analysis that this one varies, not itself')
        if self.kind == "network" and not (self.preset is None and self.model == "IV"):
            raise ValueError('"preset" and "model" are for pairwise analyses')
        self._tau2()
        theirs = {"tau2_ci", "figures"} & self.model_fields_set
        if self.kind == "network" and theirs:
            raise ValueError(f"{', '.join(sorted(theirs))}: for pairwise analyses only")
        own = {"tau2_by", "largest", "also"} & self.model_fields_set
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
        if len(self.tau2_by) > 1:
            raise ValueError("tau2_by goes by an inactive treatment or by a subgroup, not by both")
        if self.tau2_by and self.tau2 not in ("REML", "ML"):
            raise ValueError("several between-study variances (tau2_by) are estimated by REML or ML")


def _wrong_option(name: str, value: object, why: str) -> PydanticCustomError:
    return PydanticCustomError("option", "{why}", {"why": why, "key": name, "value": value})


def _key(value: str, table: dict[str, Any]) -> str:
    if table and value not in table:
        raise ValueError("allowed: " + ", ".join(f'"{name}"' for name in table))
    return value


def fits(measure: str, kind: str) -> bool:
    """Whether the numbers that a measure needs are those of this type of outcome."""
    needs = set(MEASURES[measure].needs)
    if kind == "effect":  # given by the authors on the scale of any measure of two groups
        return MEASURES[measure].groups == 2
    if not needs:
        return False
    own = {
        "binary": {"events"}, "continuous": {"mean", "sd"}, "rate": {"events", "time"}, "correlation": {"r"}
    }[kind]  # fmt: skip
    return not (needs & {"events", "mean", "sd", "time", "r"}) - own
