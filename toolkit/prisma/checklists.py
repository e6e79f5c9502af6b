"""Reporting checklists, filled with what the project knows; the rest is marked as the author's to write."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType

from toolkit import __version__
from toolkit.config import Analysis, ReviewFile
from toolkit.model.errors import InputError
from toolkit.model.events import Event, is_person
from toolkit.model.review import Run
from toolkit.model.wording import counted
from toolkit.prisma.boxes import Flow
from toolkit.prisma.checklist_items import CHECKLISTS
from toolkit.prisma.living import merged_columns
from toolkit.prisma.run import flow
from toolkit.project import Project
from toolkit.store import views

__all__ = ["ChecklistRow", "checklist"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChecklistRow:
    """An item and what can be said of it; ``answer`` is None where the author has to write it."""

    number: str
    topic: str
    item: str
    answer: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    config: ReviewFile
    runs: tuple[Run, ...]
    counted: Flow
    versions: int
    extractors: tuple[str, ...]
    ratings: tuple[Event, ...]


_Answer = Callable[[_Facts], str | None]


def checklist(project: Project, which: str) -> tuple[ChecklistRow, ...]:
    """The rows of a checklist ("2020", "S" or "NMA") with what the project knows.

    Raises
    ------
    InputError
        for a name that is not one of these.
    """
    if which not in CHECKLISTS:
        raise InputError("unknown checklist", value=which, allowed=", ".join(CHECKLISTS))
    store = project.store
    facts = _Facts(
        config=project.config,
        runs=tuple(views.runs(store)),
        counted=flow(project),
        versions=len(views.versions(store)),
        extractors=tuple(dict.fromkeys(event.actor for event in store.heads("extract") if is_person(event.actor))),
        ratings=tuple(store.heads("certainty")),
    )
    answers = _ANSWERS[which]
    rows = []
    for item in CHECKLISTS[which][1]:
        answer = answers.get(item.number)
        said = (answer(facts) or None) if answer is not None else None
        rows.append(ChecklistRow(number=item.number, topic=item.topic, item=item.text, answer=said))
    return tuple(rows)


# ---- answers ------------------------------------------------------------------------------------------------------


def _title(facts: _Facts) -> str | None:
    title = facts.config.review.title
    named = any(words in title.casefold() for words in ("systematic review", "系统评价", "系统综述"))
    return f'Title: "{title}".' if named else None


def _question(facts: _Facts) -> str | None:
    return facts.config.review.question or None


def _eligibility(facts: _Facts) -> str | None:
    e = facts.config.eligibility
    parts = [
        (name, getattr(e, name))
        for name in ("population", "intervention", "comparison", "outcomes", "designs", "other")
        if getattr(e, name)
    ]
    return "; ".join(f"{name}: {text}" for name, text in parts) + "." if parts else None


def _last_dates(facts: _Facts) -> dict[tuple[str, str], str]:
    last: dict[tuple[str, str], str] = {}
    for run in facts.runs:
        key = (run.source_kind, run.source)
        last[key] = max(last.get(key, ""), run.searched_on)
    return last


def _platform(facts: _Facts, name: str) -> str:
    found = next((s.platform for s in facts.config.sources if s.name.casefold() == name.casefold()), "")
    return f" ({found})" if found else ""


def _sources(facts: _Facts, *kinds: str) -> str | None:
    dated = [
        f"{source}{_platform(facts, source)}, last searched {day or 'on a day not recorded'}"
        for (kind, source), day in _last_dates(facts).items()
        if not kinds or kind in kinds
    ]
    return "; ".join(dated) + "." if dated else None


def _of_kind(facts: _Facts, *kinds: str) -> str | None:
    names = {s.name.casefold(): s.name for s in facts.config.sources if s.kind in kinds}
    used = dict.fromkeys(run.source for run in facts.runs if run.source.casefold() in names)
    return "; ".join(used) + "." if used else None


def _strategies(facts: _Facts) -> str | None:
    searched = [run for run in facts.runs if run.kind == "search"]
    if not searched:
        return None
    listed = "; ".join(f"{run.source} {run.searched_on} ({run.file_name or 'query as sent'})" for run in searched)
    return f"Queries as sent, with the database's translation and the count, are kept for: {listed}."


def _selection(facts: _Facts) -> str:
    s = facts.config.screening
    words = {1: "one reviewer decided on each", 2: "two reviewers voted on each"}
    text = f"Title and abstract: {words[s.title_abstract]} record; full text: {words[s.full_text]} report."
    counted = facts.counted
    tools = counted.automation.n + counted.excluded_tool.n
    if tools:
        text += f" Automation tools removed {counted.automation.n} and excluded {counted.excluded_tool.n} records."
    return text


def _outcomes(facts: _Facts) -> str | None:
    listed = [
        f"{o.name}{f' ({o.instrument})' if o.instrument else ''}, rule for several results of a study: {o.rule}"
        for o in facts.config.outcomes
    ]
    return "; ".join(listed) + "." if listed else None


def _per_analysis(facts: _Facts, words: Callable[[Analysis], str], role: str = "") -> str | None:
    chosen = [a for a in facts.config.analyses if not role or a.role == role]
    return "; ".join(f"{a.title or a.id}: {words(a)}" for a in chosen) + "." if chosen else None


def _measures(facts: _Facts) -> str | None:
    return _per_analysis(facts, lambda a: a.measure)


def _grouping(facts: _Facts) -> str | None:
    def words(a: Analysis) -> str:
        nodes = a.treatments or tuple(t for t in (a.treatment, a.reference) if t)
        parts = [f"outcome {a.outcome}", "treatments " + (", ".join(nodes) or "all")]
        parts += [f"designs {', '.join(a.designs)}"] if a.designs else []
        parts += [f"left out {study} ({why})" for study, why in a.exclude.items()]
        return ", ".join(parts)

    return _per_analysis(facts, words)


def _models(facts: _Facts) -> str | None:
    said = _per_analysis(facts, lambda a: f"{a.kind}, random effects, tau2 by {a.tau2}, {a.level:.0%} intervals")
    return f"{said} Software: evipool {__version__}." if said else None


def _sensitivity(facts: _Facts) -> str | None:
    return _per_analysis(facts, lambda a: a.notes or f"varies {a.of or 'the headline analysis'}", "sensitivity")


def _extraction(facts: _Facts) -> str | None:
    return f"Extracted into forms by: {', '.join(facts.extractors)}." if facts.extractors else None


def _labels(labels: tuple[str, ...]) -> str:
    return f" ({', '.join(labels)})" if labels else ""


def _nodes(facts: _Facts) -> str | None:
    """Treatments and what was put under each of them."""
    nodes = [f"{t.name or t.id}{_labels(t.labels)}" for t in facts.config.treatments]
    lumped = {one: into for a in facts.config.analyses if a.kind == "network" for one, into in a.lump.items()}
    text = f"Treatments: {'; '.join(nodes)}." if nodes else ""
    text += f" Read as another: {'; '.join(f'{one} as {into}' for one, into in lumped.items())}." if lumped else ""
    return text.strip() or None


def _asked(facts: _Facts, options: Mapping[str, str], further: Mapping[str, str] = MappingProxyType({})) -> str | None:
    """What analyses ask for: ``options`` of pairwise analyses and ``further`` analyses of networks, in words."""

    def words(a: Analysis) -> str:
        named = [f"{options[name]} ({_value(value)})" for name, value in a.named_options.items() if name in options]
        return ", ".join([*named, *(further[one.name] for one in a.further if one.name in further)])

    said = [(a, words(a)) for a in facts.config.analyses]
    listed = [f"{a.title or a.id}: {text}" for a, text in said if text]
    return f"{'; '.join(listed)}." if listed else None


def _value(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _preparation(facts: _Facts) -> str | None:
    return _asked(facts, _PREPARING)


def _heterogeneity(facts: _Facts) -> str | None:
    return _asked(facts, _EXPLORING, {"regression": "network meta-regression", "subgroups": "subgroups"})


def _small_studies(facts: _Facts) -> str | None:
    return _asked(
        facts, _SMALL_STUDIES, {"funnel": "comparison-adjusted funnel plot", "small-studies": "regression on the SE"}
    )


def _certainty(facts: _Facts) -> str | None:
    rated = [f"{e.subject}{f', {e.field}' if e.field else ''}: {e.value}" for e in facts.ratings if e.value]
    return f"Rated by people, with reasons kept: {'; '.join(rated)}." if rated else None


def _both(*answers: _Answer) -> _Answer:
    """Two answers to one item, one after the other."""
    return lambda facts: " ".join(text for one in answers if (text := one(facts))) or None


def _network_title(facts: _Facts) -> str | None:
    named = any(words in facts.config.review.title.casefold() for words in ("network meta-analysis", "网状"))
    return _title(facts) if named else None


def _selected(facts: _Facts) -> str:
    c = facts.counted
    since = f"Since version {c.previous_label}: " if c.previous_label else ""
    in_all = " in all" if c.previous_label else ""
    others = f", {c.other_records.n} by other methods" if c.has_other else ""
    sought, assessed = c.main.sought.n + c.other.sought.n, c.main.assessed.n + c.other.assessed.n
    return (
        f"{since}{counted(c.database_records.n, 'record')} from databases and {c.register_records.n} from registers"
        f"{others}, {counted(c.duplicates.n, 'duplicate')} removed, {c.screened.n} screened, "
        f"{counted(sought, 'report')} sought, {assessed} assessed; {counted(c.total_studies.n, 'study')} in "
        f"{counted(c.total_reports.n, 'report')} included{in_all}. Flow diagram: evipool prisma."
    )


def _excluded(facts: _Facts) -> str | None:
    lines = merged_columns(facts.counted).excluded
    if not lines:
        return None
    reasons = "; ".join(f"{line.label} (n = {line.box.n})" for line in lines)
    return f"Reports excluded at full text, by reason: {reasons}. Listed by: evipool prisma --ids main.excluded."


def _studies(facts: _Facts) -> str | None:
    names = facts.counted.total_studies.ids
    return f"{counted(len(names), 'study')}: {'; '.join(names)}." if names else None


def _registration(facts: _Facts) -> str | None:
    return facts.config.protocol.registration


def _protocol(facts: _Facts) -> str | None:
    return facts.config.protocol.url


def _amendments(facts: _Facts) -> str | None:
    late = [f"{a.title or a.id}: {a.post_hoc_reason}" for a in facts.config.analyses if not a.planned]
    return f"Analyses not planned: {'; '.join(late)}." if late else None


ONE_SEARCH = timedelta(days=7)
"""Exports of a source within a week of the first belong to one search: large results come in parts."""


def _updates(facts: _Facts) -> str | None:
    again: dict[str, list[str]] = {}
    for run in sorted(facts.runs, key=lambda run: run.searched_on):
        days = again.setdefault(run.source, [])
        if not days or date.fromisoformat(run.searched_on) - date.fromisoformat(days[-1]) > ONE_SEARCH:
            days.append(run.searched_on)
    listed = [f"{source}: {', '.join(days)}" for source, days in again.items() if len(days) > 1]
    return f"Searches rerun on: {'; '.join(listed)}. Completed versions: {facts.versions}." if listed else None


def _totals(facts: _Facts) -> str | None:
    c = facts.counted
    lines = (*c.databases, *c.registers, *c.other_methods)
    since = f"Since version {c.previous_label}: " if c.previous_label else ""
    return since + "; ".join(f"{line.label} (n = {line.box.n})" for line in lines) + "." if lines else None


def _deduplication(facts: _Facts) -> str | None:
    c = facts.counted
    if not c.database_records.n:
        return None
    return (
        f"{counted(c.duplicates.n, 'duplicate record')}: {c.duplicates_tool.n} joined by evipool {__version__}, "
        f"{c.duplicates_person.n} by people, {c.duplicates_known.n} of reports known from the previous version. "
        "The evidence for each is kept."
    )


def _network(facts: _Facts, words: str) -> str | None:
    names = [a.title or a.id for a in facts.config.analyses if a.kind == "network"]
    return f"{words}: {'; '.join(names)}." if names else None


_PREPARING = {"convert": "means and SDs converted", "impute_sd": "missing SDs imputed", "change": "change scores",
              "icc": "clustered samples reduced", "redirect": "scales turned"}  # fmt: skip
_EXPLORING = {"subgroup": "subgroups", "regress": "meta-regression", "scale": "covariates of tau2"}
_SMALL_STUDIES = {"bias": "test of small-study effects", "trim_fill": "trim and fill", "adjust": "adjusted estimates",
                  "contours": "funnel plot with contours"}  # fmt: skip

_ANSWERS: dict[str, Mapping[str, _Answer]] = {
    "2020": {
        "1": _title,
        "4": _question,
        "5": _eligibility,
        "6": _sources,
        "7": _strategies,
        "8": _selection,
        "9": _extraction,
        "10a": _outcomes,
        "12": _measures,
        "13a": _grouping,
        "13b": _preparation,
        "13d": _models,
        "13e": _heterogeneity,
        "13f": _sensitivity,
        "14": _small_studies,
        "16a": _selected,
        "16b": _excluded,
        "17": _studies,
        "22": _certainty,
        "24a": _registration,
        "24b": _protocol,
        "24c": _amendments,
    },
    "S": {
        "1": lambda facts: _sources(facts, "database"),
        "3": lambda facts: _sources(facts, "register"),
        "4": lambda facts: _of_kind(facts, "website", "organisation"),
        "5": lambda facts: _of_kind(facts, "citation"),
        "7": lambda facts: _of_kind(facts, "other"),
        "8": _strategies,
        "12": _updates,
        "13": _sources,
        "15": _totals,
        "16": _deduplication,
    },
    "NMA": {
        "1": _network_title,
        "4": _question,
        "5": _both(_registration, _protocol),
        "6": _both(_eligibility, _nodes),
        "7": _sources,
        "8": _strategies,
        "9": _selection,
        "10": _extraction,
        "11": _outcomes,
        "13": _measures,
        "14": _models,
        "15": _small_studies,
        "16": _both(_sensitivity, _heterogeneity),
        "17": _both(_selected, _excluded),
        "18": _studies,
        "24": _certainty,
        "S2": lambda facts: _network(facts, "Design-by-treatment decomposition of Q and splitting of direct and "
                                            "indirect evidence, for"),
        "S3": lambda facts: _network(facts, "Network graph in the results folder of"),
    },
}  # fmt: skip
