"""Pages of the reference about tables: exit codes, review.toml, forms, columns, methods by name, kinds of events."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Sequence

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from toolkit import config
from toolkit.dedup.rules import APART, JOINS, PROMPTS, VETOES
from toolkit.engine.columns import ROLES
from toolkit.extraction.forms import ALIASES
from toolkit.model import choices
from toolkit.model.events import EVENT_KINDS
from toolkit.model.evidence import TABLES, VALUE_STATUS
from toolkit.model.further import NETWORK_FURTHER, SETTINGS
from toolkit.model.pairwise_options import FIGURES, OPTIONS, range_words
from toolkit.model.presets import PRESETS
from toolkit.prisma.identities import EXPLAINABLE, IDENTITIES
from toolkit.screening.forms import FORM_COLUMNS, VERDICTS
from toolkit.screening.fulltext import FULLTEXT_COLUMNS, STATUSES
from toolkit.search.lint import CHECKS

__all__ = ["EXIT_CODES", "KEYS", "table_pages"]

EXIT_CODES: dict[int, str] = {
    0: "Done.",
    1: "The outside world failed: network, database service, disk, a locked or read-only file. Try again, or `evipool "
    "doctor`.",
    2: "The input or the call is wrong: a file, a cell, a setting, an option. The message names file, row, column, the "
    "value found and what is allowed. Nothing was written.",
    3: "Everything a program can do is done; a person's work is waiting. `evipool status` says whose.",
    130: "Interrupted with Ctrl-C. What was finished is kept; the same command goes on where it stopped.",
}

# What each key of review.toml is for; types, allowed values and defaults come from the models.
KEYS: dict[str, str] = {
    "review.title": "title of the review",
    "review.question": "one sentence: in whom, what against what, for which outcome",
    "review.authors": "authors, as the report prints them",
    "review.language": "language of the report",
    "protocol.registration": "registration number; leave it out if there is none",
    "protocol.url": "where the registration or protocol can be read",
    "protocol.date": "day of registration, without quotation marks",
    "protocol.notes": "amendments and deviations, with dates",
    "eligibility.population": "who was studied",
    "eligibility.intervention": "what was done",
    "eligibility.comparison": "what it was compared with",
    "eligibility.outcomes": "which outcomes count",
    "eligibility.designs": "which designs count",
    "eligibility.other": "language, dates, publication status",
    "eligibility.exclusion_reasons": "reasons at full text, in the order in which they are checked",
    "screening.title_abstract": "votes each report needs by title and abstract",
    "screening.full_text": "votes each report needs by full text",
    "dedup.strictness": "what `evipool dedup` takes where no `--strictness` is given",
    "dedup.prefer": "names of sources whose fields a report takes first, in this order",
    "living.rationale": "why the review is kept alive",
    "living.search": "when it is searched, in words",
    "living.months": "months between searches; the status block says when the next is due",
    "living.steps": "when screening, extraction, analysis and publication follow",
    "living.retirement": "when it will no longer be kept alive",
    "living.retired": "the day it was retired from the living mode",
    "reviewers.name": "what `--as` takes",
    "reviewers.full_name": "full name, for the report",
    "reviewers.role": "an arbiter settles conflicts; what only a tool votes out is counted apart in the PRISMA flow",
    "sources.name": "what `import --database` takes",
    "sources.kind": "database and register are the two left columns of the PRISMA flow, all others the right one",
    "sources.platform": "where it was searched, for the methods text",
    "sources.strategy": "file of the strategy, below the project folder",
    "sources.schedule": "when this source is searched, where it differs from [living]",
    "sources.notes": "anything a reader of the methods must know",
    "outcomes.id": "short name, usable as a file name",
    "outcomes.name": "name in words",
    "outcomes.type": "what is measured",
    "outcomes.labels": "other names under which forms may give it",
    "outcomes.instrument": "scale or instrument",
    "outcomes.unit": "unit of measurement, or what is counted",
    "outcomes.scale_min": "lowest possible value; values below it are questioned",
    "outcomes.scale_max": "highest possible value; values above it are questioned",
    "outcomes.better": "which direction is good; nothing is ranked without it",
    "outcomes.smallest_important_difference": "smallest difference that matters to patients, on the scale itself",
    "outcomes.months_min": "earliest time that counts, in months",
    "outcomes.months_max": "latest time that counts, in months",
    "outcomes.rule": "which row counts when a study reports several times: latest, earliest, closest:MONTHS, only",
    "treatments.id": "name of the node",
    "treatments.name": "name in words",
    "treatments.labels": "extracted labels that belong to the node",
    "treatments.notes": "why these belong together",
    "analyses.id": "short name; the folder below results/",
    "analyses.title": "title in the report",
    "analyses.kind": "one comparison, or a network",
    "analyses.outcome": "id of the outcome",
    "analyses.measure": "effect measure",
    "analyses.treatment": "the treatment of a pairwise analysis",
    "analyses.reference": "what it is compared with; in a network, the reference of the tables",
    "analyses.treatments": "networks: only these nodes",
    "analyses.designs": "only studies of these designs",
    "analyses.studies": "only these studies",
    "analyses.exclude": "study = reason why it is left out",
    "analyses.lump": "read one treatment as another",
    "analyses.preset": "pairwise: choices as another program makes them; keys named here stand on top",
    "analyses.model": "pairwise: inverse variance, or a model of the counts themselves",
    "analyses.tau2": "estimator of the between-study variance; a network takes those of the network table",
    "analyses.tau2_by": "networks: several between-study variances: `inactive = ` a treatment whose comparisons have "
    "their own, or `subgroup = ` a column of the studies form, or characteristic, whose groups have each their own",
    "analyses.ci": "interval of the random-effects estimate; auto is HK_adhoc from three studies, else Wald",
    "analyses.prediction": "prediction interval",
    "analyses.level": "confidence level, between 0.5 and 1",
    "analyses.zero_add": "what is added to the cells of a table with a zero",
    "analyses.zero_to": "which tables it is added to",
    "analyses.zero_rr": "of a risk ratio, whether it is added to the events or to all cells",
    "analyses.zero_rd": "of a risk difference, whether its variance or all cells are corrected",
    "analyses.zero_arms": "the same to every arm, or in proportion to its size with `zero_add` as the mean",
    "analyses.keep_double_zero": "keep studies without events in either arm",
    "analyses.tau2_ci": "pairwise: interval of the between-study variance",
    "analyses.figures": "pairwise: figures beside forest and funnel plot",
    "analyses.largest": "networks: analyse the largest piece of a disconnected network",
    "analyses.also": "networks: further analyses, each a name or a table of a name with settings; listed below",
    "analyses.planned": "whether the protocol had it",
    "analyses.post_hoc_reason": "why it was added; needed where planned = false",
    "analyses.role": "headline analyses stand first in the report",
    "analyses.of": "the analysis that a sensitivity analysis varies",
    "analyses.notes": "printed with the result",
    "monitoring.analysis": "id of the analysis that 'evipool monitor' watches",
    "monitoring.control_risk": "risk of the controls, named before the data were seen",
    "monitoring.risk_reduction": "relative risk reduction to be found (0.25 is 25 %)",
    "monitoring.difference": "difference of means to be found",
    "monitoring.sd": "standard deviation to be expected",
    "monitoring.compare": "of a network: the two treatments to watch",
    "monitoring.effect": "effect of the first against the second to be found, as it is shown (an odds ratio of 0.8)",
    "monitoring.alpha": "two-sided error of the first kind",
    "monitoring.power": "1 - error of the second kind",
    "monitoring.diversity": "diversity to be expected; without it that of the analysis",
    "monitoring.tau2": "of a network: between-study variance named beforehand; without it the analysis' estimate",
    "monitoring.futility": "whether the inner wedge is computed",
    "monitoring.lil": "whether Z is penalised after the law of the iterated logarithm; needs no effect",
    "monitoring.fragility": "whether the fragility index is computed; needs no effect",
}
_MANY = {"reviewers", "sources", "outcomes", "treatments", "analyses", "monitoring"}
_CHECKED = {
    "analyses.measure": "MEASURES",
    "analyses.model": "MODELS",
    "analyses.tau2": "TAU2_METHODS",
    "analyses.ci": "INTERVALS",
    "analyses.prediction": "PREDICTION_INTERVALS",
    "analyses.tau2_ci": "TAU2_INTERVALS",
}


def table_pages() -> dict[str, str]:
    """File name -> Markdown."""
    pages = {
        "exit-codes.md": _exit_codes(),
        "review-toml.md": _review_toml(),
        "forms.md": _forms(),
        "columns.md": _columns(),
        "choices.md": _choices(),
        "events.md": _events(),
        "rules.md": _rules(),
    }
    return {name: "\n".join(lines).rstrip() + "\n" for name, lines in pages.items()}


def _rows(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    cells = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    return [
        f"| {' | '.join(header)} |",
        f"|{'---|' * len(header)}",
        *(f"| {' | '.join(row)} |" for row in cells),
        "",
    ]


def _exit_codes() -> list[str]:
    return [
        "# Exit codes",
        "",
        "A program that calls evipool, such as a monthly job, reads what happened from the exit code.",
        "",
        *_rows(("code", "meaning"), [(str(code), text) for code, text in EXIT_CODES.items()]),
    ]


def _review_toml() -> list[str]:
    lines = [
        "# review.toml",
        "",
        "The protocol of a review and everything that changes a number in it: UTF-8 text in TOML format.",
        "`evipool init` writes one with every key explained. A key that is not listed here, a value that is not",
        "allowed, or an analysis that names an outcome or treatment that does not exist is refused, and the message",
        "names the line.",
        "",
    ]
    for table, field in config.ReviewFile.model_fields.items():
        many = table in _MANY
        model = _model(field)
        lines += [f"## {'[[' if many else '['}{table}{']]' if many else ']'}", ""]
        doc = " ".join((model.__doc__ or "").split("\n\n")[0].split()).replace("``", "`")
        lines += [doc.partition(": ")[2][:1].upper() + doc.partition(": ")[2][1:], ""]
        if many:
            lines += ["May stand as often as needed.", ""]
        rows = [
            (f"`{key}`", *_typed(f"{table}.{key}", f), KEYS[f"{table}.{key}"]) for key, f in model.model_fields.items()
        ]
        lines += _rows(("key", "type and allowed values", "default", "what it is"), rows)
    return lines + _options() + _further()


_OPTION_KINDS = {
    "flag": "true or false", "choice": "text", "choices": "list of texts", "texts": "list of texts",
    "numbers": "list of numbers", "column": "name of a column", "columns": "list of columns",
    "formula": "formula of columns",
}  # fmt: skip


def _options() -> list[str]:
    """Options of `evipool pairwise` that are keys of a pairwise analysis."""
    rows = []
    for name, option in OPTIONS.items():
        kind = _OPTION_KINDS.get(option.kind) or range_words(option)
        if option.allowed:
            kind += f": {', '.join(option.allowed)}"
        default = "not given" if option.default is None else f"`{option.default}`"
        default = {"()": "empty list", "False": "`false`"}.get(str(option.default), default)
        rows.append((f"`{name}`", kind, default, option.help))
    return [
        "## Options of a pairwise analysis",
        "",
        "Options of [evipool pairwise](pairwise.md) are keys of a pairwise analysis too. A column is one of the",
        "studies form, a characteristic, `study`, `units_per_patient` (units over patients), or `score` and `reversed`",
        "of the results form.",
        "",
        *_rows(("key", "type and allowed values", "default", "what it does"), rows),
    ]


def _further() -> list[str]:
    """What ``also`` of a network takes."""
    analyses = [
        (
            f"`{name}`",
            one.help,
            ", ".join(f"`{x}`{' (needed)' if x in one.needs else ''}" for x in one.takes)
            + (" (one of them needed)" if one.needs_one_of else ""),
            "`better` of the outcome" if one.ranks else "odds ratios of counts" if one.counts else "",
        )
        for name, one in NETWORK_FURTHER.items()
    ]
    kinds = {
        "text": "text",
        "texts": "list of text",
        "number": "number",
        "numbers": "number or list of numbers",
        "count": "whole number",
        "column": "name of a column of the studies form, or of a characteristic",
        "columns": "list of such names",
        "outcomes": "ids of other networks of this file",
    }
    settings = [
        (f"`{name}`", kinds[one.kind] + (f": {', '.join(one.choices)}" if one.choices else ""), one.help)
        for name, one in SETTINGS.items()
    ]
    return [
        "## Further analyses of a network",
        "",
        "An entry of `also` is a name, or a table of a name with settings, such as",
        '`{ name = "regression", covariate = "mean age" }`. What it asks of the studies is a column of the studies',
        "form (`year`, `design`, `country` ...) or a row of the characteristics form (`evipool extract template",
        "--table characteristics`). The same analyses are options of [`evipool network --also`](network.md). They",
        "count as settings of the analysis, stand in its result.json under `further` and in the report with their",
        "figures; one that cannot be had says why there.",
        "",
        *_rows(("name", "what it is", "settings", "needs"), analyses),
        *_rows(("setting", "holds", "what it is"), settings),
    ]


def _model(field: FieldInfo) -> type[BaseModel]:
    inner = [part for part in (field.annotation, *typing.get_args(field.annotation)) if isinstance(part, type)]
    return next(part for part in inner if issubclass(part, BaseModel))


def _typed(key: str, field: FieldInfo) -> tuple[str, str]:
    name = _type_name(field.annotation)
    if key == "analyses.preset":
        return f"text: {', '.join(PRESETS)}", "not given"
    if key == "analyses.tau2_by":
        return "table of one key: inactive, subgroup", "one variance"
    if key == "analyses.also":
        return "list of names, or tables of a name with settings", "empty list"
    if key == "analyses.figures":
        return f"list of text: {', '.join(FIGURES)}", "empty list"
    if key in _CHECKED:
        extra = "auto, " if key == "analyses.ci" else ""
        name = f"text: {extra}{', '.join(getattr(choices, _CHECKED[key]))}"
        name += "; a number fixes that of a network" if key == "analyses.tau2" else ""
    if field.is_required():
        return name, "required"
    value = field.get_default(call_default_factory=True)
    return name, {None: "not given", "": "empty", (): "empty list", True: "`true`", False: "`false`"}.get(
        value if not isinstance(value, dict) else (), f'`"{value}"`' if isinstance(value, str) else f"`{value}`"
    )


def _type_name(annotation: object) -> str:
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return ("number: " if isinstance(args[0], int) else "text: ") + ", ".join(str(a) for a in args)
    if origin is typing.Annotated:
        return "text, usable as a file name" if args[0] is str else _type_name(args[0])
    if origin in (typing.Union, types.UnionType):
        return _type_name(next(a for a in args if a is not type(None)))
    if origin is tuple:
        return f"list of {_type_name(args[0])}"
    if origin is dict:
        return "table of text = text"
    names = {"str": "text", "float": "number", "int": "whole number", "bool": "true or false", "date": "date"}
    return names.get(getattr(annotation, "__name__", ""), str(annotation))


_KINDS = {
    "text": "text",
    "count": "whole number, 0 or more",
    "number": "number",
    "positive": "number, 0 or more",
    "correlation": "number from -1 to 1",
    "year": "year",
    "yesno": "yes or no",
    "choice": "one of the list below",
}


def _forms() -> list[str]:
    verdicts = {
        name: [word for word, means in VERDICTS.items() if means == name] for name in ("include", "exclude", "maybe")
    }
    lines = [
        "# Forms",
        "",
        "Forms are CSV or XLSX files that go out to people and come back. A form is never the store: what counts is",
        "what was imported. CSV is written as UTF-8 with a byte-order mark, so that Excel opens Chinese text; commas,",
        'semicolons and tabs, decimal points and commas, and what was detected is said. An empty cell means "not',
        'reported" or "nothing said", never zero.',
        "",
        "## Screening form",
        "",
        "Written by `evipool screen export`, read by `evipool screen import`. Columns: "
        + ", ".join(f"`{c}`" for c in FORM_COLUMNS)
        + ".",
        "Only `verdict`, `reason` and `note` are read back; `report`, `doi`, `pmid` or `title` names the report.",
        "",
        *_rows(
            ("verdict", "also understood"),
            [(k, ", ".join(w for w in words if w != k)) for k, words in verdicts.items()],
        ),
        "At full text an exclusion needs its `reason`: the words of review.toml, or the number in its list.",
        "",
        "## Full-text form",
        "",
        "Written by `evipool fulltext list --format csv`, read by `evipool fulltext import`. Columns: "
        + ", ".join(f"`{c}`" for c in FULLTEXT_COLUMNS)
        + ".",
        f"`status` is {', '.join(STATUSES)}; `study` is the study the report describes (several: separated by",
        "semicolons); `role` is primary or secondary.",
        "",
    ]
    for name, table in TABLES.items():
        lines += [
            f"## {name.capitalize()} form",
            "",
            f"{table.help[0].upper()}{table.help[1:]}. "
            f"A row is known by {', '.join(f'`{k}`' for k in table.key)}. Written by `evipool extract template "
            f"--table {name}`, read by `evipool extract import`.",
            "",
        ]
        lines += _rows(
            ("column", "holds", "what it is"), [(f"`{k}`", _KINDS[c.kind], c.help) for k, c in table.columns.items()]
        )
    lines += [
        f"`status` is one of {', '.join(VALUE_STATUS)}. Anything but `reported` follows the value into the report.",
        "",
        "Cells that hold NA, NR, N/A, - or ? are read as empty.",
        "",
        "Headings are compared without case, blanks and underscores; these are understood too:",
        "",
        *_rows(("heading", "column"), [(f"`{k}`", f"`{v}`") for k, v in ALIASES.items()]),
    ]
    return lines


def _columns() -> list[str]:
    return [
        "# Columns that pairwise and network recognise",
        "",
        "A table for `evipool pairwise` and `evipool network` has one row an arm (study, treatment and numbers), one",
        "row a study with the two arms beside each other, or one row a contrast with an effect and its standard error.",
        "Headings are compared without case, blanks, points, hyphens and underscores; the first name that is present",
        "counts. What was taken for what is printed with the result. Other headings are named by",
        "`--columns role=heading`.",
        "",
        *_rows(("role", "recognised names"), [(f"`{k}`", ", ".join(f"`{n}`" for n in v)) for k, v in ROLES.items()]),
        "Third and further arms of a wide table carry the number of the arm: `treat3`, `event3`, `n3`, `mean3` ...",
    ]


def _choices() -> list[str]:
    lines = [
        "# Measures, estimators and intervals by name",
        "",
        "The names that review.toml and the options `--measure`, `--tau2`, `--tau2-ci`, `--ci`, `--prediction` take.",
        "Formulas and sources: [methods](../methods/index.md).",
        "",
        "## Measures",
        "",
    ]
    rows = [
        (f"`{key}`", m.help, m.scale, ", ".join(m.needs) or "effect and standard error", str(m.groups))
        for key, m in choices.MEASURES.items()
    ]
    lines += _rows(("name", "measure", "model scale", "needs for each arm", "groups"), rows)
    for title, name in (
        ("Models of a pairwise analysis (`--model`)", "MODELS"),
        ("Between-study variance of a pairwise analysis", "TAU2_METHODS"),
        ("Between-study variance of a network", "NETWORK_TAU2_METHODS"),
        ("Intervals of a network", "NETWORK_INTERVALS"),
        ("Interval of the between-study variance", "TAU2_INTERVALS"),
        ("Interval of the random-effects estimate", "INTERVALS"),
        ("Prediction interval", "PREDICTION_INTERVALS"),
        ("Interval of each study's proportion (`--study-ci`)", "STUDY_CI"),
    ):
        table: dict[str, choices.Choice] = getattr(choices, name)
        lines += [f"## {title}", "", *_rows(("name", "what it is"), [(f"`{k}`", c.help) for k, c in table.items()])]
    title = "Measure and its other sampling variances (`--variance`)"
    rows = [(f"`{measure}` `{key}`", c.help) for measure, own in choices.VARIANCES.items() for key, c in own.items()]
    lines += [f"## {title}", "", *_rows(("name", "what it is"), rows)]
    return lines + _presets()


def _presets() -> list[str]:
    """Each preset with every choice and its source."""
    lines = ["## Presets of a pairwise analysis (`--preset`)", ""]
    for key, preset in PRESETS.items():
        rows = [(f"`{name}`", f"`{value}`", source) for name, (value, source) in preset.fields.items()]
        rows += [
            (f"zero cells: `{name}`", f"`{value}`", preset.zero_source) for name, value in preset.zero_cells.items()
        ]
        rows += [(f"measure `{a}`", f"`{b}`", preset.measure_source) for a, b in preset.measures.items()]
        lines += [f"### `{key}`: {preset.help}", "", *_rows(("choice", "value", "source"), rows)]
    return lines


def _events() -> list[str]:
    rows = [
        (f"`{name}`", kind.help, ", ".join(kind.key), ", ".join(kind.values or ()) or "free")
        for name, kind in EVENT_KINDS.items()
    ]
    return [
        "# Kinds of events",
        "",
        "Every judgement is one appended event. Two events of one kind that agree in what the third column names",
        "speak of the same fact; the later supersedes the earlier, and both stay in the history (`evipool log`).",
        "",
        *_rows(("kind", "what it says", "the fact is named by", "values"), rows),
    ]


def _rules() -> list[str]:
    vetoes = [(rule.name, rule.says, "stay apart" if rule.outcome == APART else "a person is asked") for rule in VETOES]
    return [
        "# Rules",
        "",
        "Rules that decide something without a person, as the program holds them.",
        "",
        "## Deduplication: what always joins two records",
        "",
        *_rows(("rule", "what it says"), [(rule.name, rule.says) for rule in JOINS]),
        "## Deduplication: what a score alone may not overrule",
        "",
        *_rows(("rule", "what it says", "then the two"), vetoes),
        "## Deduplication: what a person is asked whatever the score",
        "",
        *_rows(("rule", "what it says"), [(rule.name, rule.says) for rule in PROMPTS]),
        "## Identities of the PRISMA flow",
        "",
        *[_sentence(function) for function in IDENTITIES.values()],
        "",
        "Differences that a reviewer may explain (`evipool prisma --explain CODE TEXT`):",
        "",
        *_rows(("code", "what differs"), list(EXPLAINABLE.items())),
        "## Checks of a search strategy",
        "",
        *[f"- {_sentence(check)}" for check in CHECKS],
    ]


def _sentence(function: object) -> str:
    return (function.__doc__ or "").strip().splitlines()[0]
