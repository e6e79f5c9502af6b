"""[[monitoring]] of review.toml: the effect of an analysis that was named before its data were seen."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["Monitoring"]

_Part = Annotated[float, Field(gt=0, lt=1)]


class Monitoring(BaseModel):
    """[[monitoring]]: what 'evipool monitor' holds an analysis against; its text is kept with its date.

    For risks ``control_risk`` with ``risk_reduction`` (relative, 0.25 is 25 %); for means ``difference`` with ``sd``;
    for a network ``compare`` (two treatments) with ``effect`` on the scale that is shown (an odds ratio of 0.8).
    ``lil`` and ``fragility`` need no effect. What is declared here also has a section in the report.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True, allow_inf_nan=False)

    analysis: str
    control_risk: _Part | None = None
    risk_reduction: float | None = None
    difference: float | None = None
    sd: float | None = Field(default=None, gt=0)
    compare: tuple[str, str] | None = None
    effect: float | None = None
    alpha: _Part = 0.05
    power: _Part = 0.9
    diversity: float | None = Field(default=None, ge=0, lt=1)
    tau2: float | None = Field(default=None, ge=0)
    futility: bool = True
    lil: bool = False
    fragility: bool = False

    @model_validator(mode="after")
    def _whole(self) -> Monitoring:
        pairs = (("control_risk", "risk_reduction"), ("difference", "sd"), ("compare", "effect"))
        named = [pair for pair in pairs if getattr(self, pair[1] if pair[1] != "sd" else pair[0]) is not None]
        for pair in pairs:
            if getattr(self, pair[0]) is not None and getattr(self, pair[1]) is None:
                raise ValueError(f"{pair[0]} needs {pair[1]}: an effect is named by both")
            if getattr(self, pair[1]) is not None and getattr(self, pair[0]) is None:
                raise ValueError(f"{pair[1]} needs {pair[0]}: an effect is named by both")
        if len(named) > 1 or not (named or self.lil or self.fragility):
            raise ValueError(
                "name one effect: "
                + ", or ".join(" with ".join(pair) for pair in pairs)
                + "; without one, lil = true or fragility = true"
            )
        return self
