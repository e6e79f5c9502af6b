"""What [[monitoring]] of review.toml declares, computed beside the results of the present data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from toolkit.analysis.monitor import Watched, methods_asked
from toolkit.analysis.plan import AnalysisOutcome
from toolkit.analysis.settings import kept_since
from toolkit.config import Monitoring
from toolkit.model.errors import InputError, NotEstimable
from toolkit.model.review import Version
from toolkit.project import Project

__all__ = ["Monitored", "monitored"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitored:
    """What one row of [[monitoring]] found.

    Attributes
    ----------
    since : moment (UTC) since which review.toml has named this effect; None while no text of it was kept
    late : label of the first version that had a result of the analysis before the effect was named; "" for none
    found : name of the method -> its result
    problems : name of the method -> why there is none; "" is the name where nothing could be computed
    """

    analysis: str
    title: str
    declared: Monitoring
    since: str | None
    late: str
    found: Mapping[str, Watched]
    problems: Mapping[str, str]


def monitored(project: Project, outcomes: Sequence[AnalysisOutcome], versions: Sequence[Version]) -> list[Monitored]:
    """Compute what [[monitoring]] declares, for analyses whose result is computed on the present data."""
    by_id = {o.analysis.id: o for o in outcomes}
    made = []
    for m in project.config.monitoring:
        outcome = by_id[m.analysis]
        found, problems = _compute(project, outcome, m)
        since = kept_since(project, "monitoring", m.analysis)
        first = next((v for v in versions if m.analysis in v.payload.get("analyses", {})), None)
        made.append(
            Monitored(
                analysis=m.analysis,
                title=outcome.analysis.title or m.analysis,
                declared=m,
                since=since,
                late=first.label if first is not None and since is not None and since > first.at else "",
                found=found,
                problems=problems,
            )
        )
    return made


def _compute(project: Project, outcome: AnalysisOutcome, m: Monitoring) -> tuple[dict[str, Watched], dict[str, str]]:
    if outcome.payload is None:
        return {}, {"": outcome.problem or "the analysis is not computed for the present data yet"}
    found: dict[str, Watched] = {}
    problems: dict[str, str] = {}
    for name, compute in methods_asked(project, m.analysis, **m.model_dump(exclude={"analysis"})).items():
        try:
            found[name] = compute()
        except (InputError, NotEstimable) as error:
            problems[name] = str(error)
    return found, problems
