"""Peer review of a strategy by the PRESS 2015 elements, signed for the very text that was reviewed.

References
----------
McGowan et al. 2016, J Clin Epidemiol 75:40-46 (PRESS 2015 guideline statement). doi:10.1016/j.jclinepi.2016.01.021
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from toolkit.model.errors import InputError
from toolkit.model.events import NewEvent
from toolkit.project import Project
from toolkit.search.strategy import Strategy

__all__ = ["ANSWERS", "ELEMENTS", "PressReview", "form_text", "press_reviews", "read_form", "sign"]

# Element -> what the reviewer looks at.
ELEMENTS: dict[str, str] = {
    "question": "Translation of the research question into search concepts",
    "operators": "Boolean and proximity operators",
    "headings": "Subject headings specific to the database",
    "text_words": "Text word searching (free text)",
    "spelling": "Spelling, syntax and line numbers",
    "limits": "Limits and filters",
}
ANSWERS: dict[str, str] = {
    "none": "no revision",
    "suggested": "revision suggested",
    "required": "revision required",
}
_SUBJECT = "press:"


@dataclass(frozen=True, slots=True, kw_only=True)
class PressReview:
    """A peer's standing review of one strategy.

    ``elements`` is (element, answer, comment); ``current`` says whether the strategy still reads as reviewed.
    """

    strategy: str
    peer: str
    at: str
    elements: tuple[tuple[str, str, str], ...]
    remark: str
    sha256: str
    current: bool | None = None

    @property
    def verdict(self) -> str:
        """The gravest answer in words."""
        answers = {answer for _, answer, _ in self.elements}
        return ANSWERS[next(a for a in ("required", "suggested", "none") if a in answers)]


def digest_of(strategy: Strategy) -> str:
    """The sha256 of a strategy's text."""
    return hashlib.sha256(strategy.text.encode("utf-8")).hexdigest()


def form_text(strategy: Strategy) -> str:
    """A form to fill in (TOML), for the text as it stands."""
    lines = [
        "# PRESS 2015: peer review of a search strategy. Fill in each answer, and a comment where it is not none.",
        f"# {strategy.file}",
        f'strategy_sha256 = "{digest_of(strategy)}"',
        "",
    ]
    for name, words in ELEMENTS.items():
        lines += [
            f"[{name}]",
            f"# {words}",
            'answer = ""  # none, suggested or required (a revision)',
            'comment = ""',
            "",
        ]
    return "\n".join([*lines, "[overall]", 'remark = ""', ""])


def read_form(path: str | Path, strategy: Strategy) -> tuple[tuple[tuple[str, str, str], ...], str]:
    """(element, answer, comment) of a filled form, and its remark.

    Raises
    ------
    InputError
        an answer is missing or unknown, a revision has no comment, or the strategy changed since the form was made.
    """
    path = Path(path)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise InputError("There is no such file.", file=path) from None
    except (OSError, ValueError) as error:
        raise InputError(f"The form cannot be read: {error}.", file=path) from None
    if content.get("strategy_sha256") != digest_of(strategy):
        raise InputError(
            "The strategy is not the one this form was made for.",
            file=path,
            hint="Make a new form with --form: a review is signed for one text only.",
        )
    found = []
    for name, words in ELEMENTS.items():
        part = content.get(name)
        table: Mapping[str, object] = part if isinstance(part, Mapping) else {}
        answer, comment = str(table.get("answer", "")).strip().lower(), str(table.get("comment", "")).strip()
        answer = next((key for key, text in ANSWERS.items() if answer in (key, text)), answer)
        if answer not in ANSWERS:
            raise InputError(
                f"{words}: the answer is missing or unknown.", file=path, column=name, value=answer,
                allowed=", ".join(ANSWERS),
            )  # fmt: skip
        if answer != "none" and not comment:
            raise InputError(f"{words}: say in a comment what to revise.", file=path, column=name)
        found.append((name, answer, comment))
    overall = content.get("overall")
    remark = str(overall.get("remark", "")).strip() if isinstance(overall, Mapping) else ""
    return tuple(found), remark


def sign(project: Project, strategy: Strategy, form: str | Path, *, command: str = "search press") -> PressReview:
    """Store a filled form as the review of the acting person, the peer.

    Raises
    ------
    InputError
        nobody is named by --as, the peer wrote the strategy, or the form is not complete.
    """
    peer = project.reviewer() or ""
    elements, remark = read_form(form, strategy)
    searchers = {value.casefold() for value in strategy.all("searcher", "author")}
    if peer.casefold() in searchers:
        raise InputError(
            "Nobody reviews their own strategy: this peer is its searcher.", file=strategy.file, value=peer
        )
    payload = {
        "strategy": strategy.name,
        "sha256": digest_of(strategy),
        "elements": [list(element) for element in elements],
        "remark": remark,
    }
    with project.writing(command, actor=peer) as batch:
        batch.append([NewEvent(kind="note", subject=f"{_SUBJECT}{strategy.name}", value="PRESS 2015", payload=payload)])
    return next(r for r in press_reviews(project, strategy) if r.peer == peer)


def press_reviews(project: Project, strategy: Strategy | None = None) -> tuple[PressReview, ...]:
    """Standing reviews, of one strategy (then ``current`` is known) or of all."""
    digest = digest_of(strategy) if strategy is not None else None
    found = []
    for event in project.store.heads("note"):
        if not event.subject.startswith(_SUBJECT):
            continue
        if strategy is not None and event.subject != f"{_SUBJECT}{strategy.name}":
            continue
        found.append(
            PressReview(
                strategy=event.payload["strategy"],
                peer=event.actor,
                at=event.at,
                elements=tuple((e[0], e[1], e[2]) for e in event.payload["elements"]),
                remark=event.payload["remark"],
                sha256=event.payload["sha256"],
                current=None if digest is None else event.payload["sha256"] == digest,
            )
        )
    return tuple(found)
