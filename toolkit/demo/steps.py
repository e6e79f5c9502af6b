"""The commands of the demo reviews, in order; the tutorial tells the same story and a test holds them equal."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["REVIEWS", "Review", "Step"]


@dataclass(frozen=True, slots=True)
class Step:
    """A command as typed after ``evipool``, what it is for, and the exit code it ends with (3: people's work waits)."""

    command: str
    why: str
    exit_code: int = 0


@dataclass(frozen=True, slots=True)
class Review:
    """A bundled review: its folder in the data, its steps, and the analyses whose figures are named at the end."""

    folder: str
    title: str
    steps: tuple[Step, ...]
    forest: str
    network: str


_IMPORTS = (
    ("Embase", "embase.ris"),
    ("Cochrane Library", "cochrane.ris"),
    ("Web of Science", "web-of-science.txt"),
    ("CNKI", "cnki.enw"),
)


def _imports(day: str) -> tuple[Step, ...]:
    return tuple(
        Step(f'import imports/{day}/{name} --database "{source}" --date {day}', f"records exported from {source}")
        for source, name in _IMPORTS
    )


def _screening(day: str, stage: str, words: str) -> tuple[Step, ...]:
    return tuple(
        Step(f"screen import screening/{day}-{stage}-{person}.csv --stage {stage} --as {person}", f"{words}, {person}")
        for person in ("AB", "CD")
    )


def _resolve(day: str, stage: str) -> tuple[Step, ...]:
    return (
        Step(f"screen conflicts --stage {stage}", "where the two reviewers differ"),
        Step(f"screen resolve --file screening/{day}-{stage}-EF.csv --stage {stage} --as EF", "the arbiter decides"),
    )


# Duplicates that a person has to join: records so thin that a program should not, and titles in two scripts.
_SAME = (
    ("bc527701", "53a90ad1", "the same title; one record lacks authors and year"),
    ("917fc207", "9e360f7e", "the same trial; one record has nothing but its title"),
    ("cf856e5c", "a409a456", "the same review; both records are thin"),
    ("76f93888", "ee090c9f", "the same cohort; one record has nothing but its title"),
    ("4a088786", "b4d1b858", "the same review; one record has nothing but its title"),
    ("cc50d180", "6b2ca522", "the same review; one title was cut by the catalogue"),
    ("e28af96a", "b5f774ef", "the same article, its title in simplified and in traditional characters"),
)

_SAME_AGAIN = (
    ("2fb19f43", "7d2dd608", "the same article; one record has nothing but its title"),
    ("4c6aa157", "251073ce", "the same article; one record has nothing but its title"),
)

# Studies known from a row of a review's table alone: their articles have to be read before anybody can classify them.
_AWAITING = (
    ("Liu2013", "known from the table of another review; treatments and numbers are not clear from it"),
    ("Yamasaki2010", "known from the table of another review; treatments and numbers are not clear from it"),
)

_FIRST, _SECOND = "2021-05-31", "2026-10-31"

_ONFH = Review(
    folder="onfh-review",
    title="Autologous stem cells with core decompression for osteonecrosis of the femoral head",
    forest="tha-nonrandomised",
    network="tha-network",
    steps=(
        Step("search check search_strategies/pubmed.txt", "does the strategy say what it seems to say?"),
        Step(f"search run search_strategies/pubmed.txt --replies replies/{_FIRST}", "PubMed, from recorded replies"),
        *_imports(_FIRST),
        Step(
            f'import imports/{_FIRST}/reference-lists.ris --database "Reference lists" --date {_FIRST}',
            "studies found by reading",
        ),
        Step("dedup", "join the records of one report"),
        Step("dedup review --list", "pairs that only a person can judge"),
        *(Step(f"dedup merge {a} {b} --as AB", why) for a, b, why in _SAME),
        *_screening(_FIRST, "title-abstract", "titles and abstracts"),
        *_resolve(_FIRST, "title-abstract"),
        Step("screen agreement --stage title-abstract", "how far the two agreed before that"),
        Step(f"fulltext import fulltext/{_FIRST}.csv --as AB", "which full texts came, and which study they describe"),
        *(
            Step(f'fulltext study {study} awaiting_classification --reason "{why}" --as AB', "it has to wait")
            for study, why in _AWAITING
        ),
        *_screening(_FIRST, "full-text", "full texts with reasons"),
        *_resolve(_FIRST, "full-text"),
        Step(f"extract import extraction/{_FIRST}-studies.csv --as AB", "what each study is"),
        Step(f"extract import extraction/{_FIRST}-results.csv --as AB", "the numbers, arm by arm"),
        Step("extract check", "what a careful reader would ask about them"),
        Step("analyse", "every analysis that review.toml declares"),
        Step("prisma", "the flow, counted from the decisions"),
        Step("report", "the first version of the report"),
        Step(f"update --replies replies/{_SECOND}", "close version 1, search again: new records wait", 3),
        *_imports(_SECOND),
        Step("dedup", "new records against everything already there"),
        *(Step(f"dedup merge {a} {b} --as AB", why) for a, b, why in _SAME_AGAIN),
        *_screening(_SECOND, "title-abstract", "the new titles"),
        Step(f"fulltext import fulltext/{_SECOND}.csv --as AB", "the new full texts"),
        *_screening(_SECOND, "full-text", "the new full texts"),
        Step(f"extract import extraction/{_SECOND}-studies.csv --as AB", "the new study"),
        Step(f"extract import extraction/{_SECOND}-results.csv --as AB", "its numbers"),
        Step("update", "analyses, report and version 2: what changed"),
        Step("status", "nothing waits any more"),
    ),
)

_DIABETES = Review(
    folder="diabetes-review",
    title="Antihypertensive drugs and new-onset diabetes: a published network, refitted",
    forest="network",
    network="network",
    steps=(
        Step('import trials.ris --database "Elliott and Meyer 2007" --date 2007-01-20 --expect 22', "the 22 trials"),
        Step("dedup", "no two of them are one"),
        Step("fulltext import fulltext.csv --as AB", "each trial is a study"),
        Step("screen import full-text.csv --stage full-text --as AB", "all are in the published network"),
        Step("extract import studies.csv --as AB", "what each study is"),
        Step("extract import results.csv --as AB", "48 arms"),
        Step("analyse", "the network, its league table and its inconsistency"),
        Step("report", "everything on one page"),
        Step("status", "nothing waits"),
    ),
)

REVIEWS: dict[str, Review] = {"onfh": _ONFH, "diabetes": _DIABETES}
