"""A draft of a strategy for another platform, in which everything lossy or untranslatable is marked.

A translation is never run by evipool, and `run_search` refuses a file that says it is a draft: a person checks each
mark against the original beside it, resolves what stands between ⟦ ⟧, and deletes the ``status`` line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from toolkit.model.errors import InputError
from toolkit.search import write_terms as write
from toolkit.search.findings import Finding
from toolkit.search.lint import check_lookalikes
from toolkit.search.lint_platform import check_foreign_syntax
from toolkit.search.parse import ParseError, parse_line
from toolkit.search.platforms import SYNTAX
from toolkit.search.strategy import Strategy, StrategyLine
from toolkit.search.tree import Chain, Dates, Group, Heading, Near, Node, Qualifier, Refs, Term, Type, Unknown

__all__ = ["Mark", "TranslatedLine", "Translation", "draft_text", "translate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What must be said of one token.

    Attributes
    ----------
    kind : "lossy" (translated, and not the same) or "untranslatable" (left between ⟦ ⟧)
    row, column : of the original token in its file, from 1
    original, written : the token before and after
    message : what is lost, and what to do
    """

    kind: str
    row: int
    column: int
    original: str
    written: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TranslatedLine:
    """One line: its number, the original text, the draft, and its marks."""

    number: int | None
    original: str
    text: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """A draft for ``target``; ``notes`` concern the whole."""

    source: str
    target: str
    file: str
    lines: tuple[TranslatedLine, ...]
    notes: tuple[str, ...]

    @property
    def marks(self) -> tuple[Mark, ...]:
        """Every mark, in the order of the lines."""
        return tuple(mark for line in self.lines for mark in line.marks)

    def as_json(self) -> dict[str, Any]:
        """Plain data for JSON."""
        from dataclasses import asdict

        return asdict(self)


def translate(strategy: Strategy, target: str, *, database: str | None = None) -> Translation:
    """Draft the strategy for another platform.

    Parameters
    ----------
    target : key of `toolkit.search.platforms.SYNTAX`
    database : the database there, which decides the vocabulary at Ovid and EBSCOhost (MEDLINE, Embase, CINAHL)

    Raises
    ------
    InputError
        the source or the target platform is not known, or they are the same.
    """
    source = strategy.platform
    if source not in SYNTAX:
        raise InputError("The strategy's platform is not known.", file=strategy.file, allowed=", ".join(SYNTAX))
    if target not in SYNTAX:
        raise InputError("There is no such platform.", value=target, allowed=", ".join(SYNTAX))
    if source == target:
        raise InputError(f"The strategy is for {SYNTAX[source].name} already.", file=strategy.file)
    job = _Job(strategy, source, target, (_vocabulary(source, _database(strategy)), _vocabulary(target, database)))
    lines = tuple(job.line(line) for line in strategy.lines)
    return Translation(
        source=source, target=target, file=strategy.file, lines=lines, notes=tuple(_notes(strategy, target))
    )


def _database(strategy: Strategy) -> str:
    return (strategy.get("database") or "").lower()


def _vocabulary(platform: str, database: str | None) -> str:
    """MeSH, Emtree, CINAHL ... or "" where there is none."""
    name = (database or "").lower()
    if platform in ("ovid", "ebsco"):
        for word, vocabulary in (("embase", "Emtree"), ("cinahl", "CINAHL"), ("psyc", "APA"), ("medline", "MeSH")):
            if word in name:
                return vocabulary
        return "MeSH" if platform == "ovid" else "CINAHL"
    return SYNTAX[platform].headings


def _notes(strategy: Strategy, target: str) -> list[str]:
    notes = ["A draft: nothing here was run, and no platform was asked. Check every line against its original."]
    filters = strategy.all("filter", "filters")
    if filters:
        notes.append(
            f"The strategy holds a search filter ({'; '.join(filters)}). A filter is not translated: take the version "
            f"published for {SYNTAX[target].name}, and cite it."
        )
    if target == "cochrane":
        notes.append("CENTRAL holds trials only: leave out filters for trials and for humans (MECIR C34).")
    if target == "cnki":
        notes.append("CNKI combines no numbered lines: put each line where its number stands.")
    return notes


def _misread(strategy: Strategy) -> list[Finding]:
    """What the source platform takes for words and nobody means so: curly quotes, syntax of another platform."""
    found = [*check_lookalikes(strategy), *check_foreign_syntax(strategy)]
    return [finding for finding in found if finding.severity == "error"]


class _Job:
    """One strategy on its way to one platform."""

    def __init__(self, strategy: Strategy, source: str, target: str, vocabularies: tuple[str, str]) -> None:
        self.strategy, self.source, self.target, self.vocabularies = strategy, source, target, vocabularies
        self.numbers = {line.number for line in strategy.lines}
        self.misread = _misread(strategy)

    def line(self, line: StrategyLine) -> TranslatedLine:
        """One line translated, or left between ⟦ ⟧ whole where it cannot be read, or would be read as other words."""
        marks: list[Mark] = []
        first, last = line.place(0)[0], line.place(len(line.text))[0]
        if wrong := [finding for finding in self.misread if first <= finding.row <= last]:
            text = f"⟦{line.text}⟧"
            marks = [
                Mark(
                    kind=write.UNTRANSLATABLE, row=finding.row, column=finding.column,
                    original=line.text, written=text, message=finding.message,
                )
                for finding in wrong
            ]  # fmt: skip
            return TranslatedLine(number=line.number, original=line.text, text=text, marks=tuple(marks))
        try:
            tree = parse_line(line, self.source, self.strategy.numbering)
        except ParseError as error:
            self._mark(line, marks, error.start, line.text[error.start :], line.text, write.UNTRANSLATABLE, str(error))
            return TranslatedLine(number=line.number, original=line.text, text=f"⟦{line.text}⟧", marks=tuple(marks))
        text = self._node(tree, line, marks)
        return TranslatedLine(number=line.number, original=line.text, text=text, marks=tuple(marks))

    def _mark(
        self, line: StrategyLine, marks: list[Mark], start: int, original: str, written: str, kind: str, message: str
    ) -> None:
        row, column = line.place(start)
        marks.append(
            Mark(kind=kind, row=row, column=column, original=original, written=written, message=message)
        )  # fmt: skip

    def _node(self, node: Node, line: StrategyLine, marks: list[Mark]) -> str:
        if isinstance(node, Group) and isinstance(node.inner, Near):
            return self._leaf_text(node.inner, line, line.text[node.start : node.end], marks)
        if isinstance(node, Group):
            inner = self._node(node.inner, line, marks)
            return f"({inner})"
        if isinstance(node, Chain):
            return self._chain(node, line, marks)
        if isinstance(node, Refs):
            return self._refs(node, line, marks)
        return self._leaf_text(node, line, line.text[node.start : node.end], marks)

    def _leaf_text(self, node: Node, line: StrategyLine, original: str, marks: list[Mark]) -> str:
        written = self._leaf(node, original)
        for kind, message in written.marks:
            self._mark(line, marks, node.start, original, written.text, kind, message)
        return written.text

    def _leaf(self, node: Node, original: str) -> write.Written:
        source, target = self.source, self.target
        if isinstance(node, Term):
            return write.write_phrase(node, original, source, target, self.vocabularies[1])
        if isinstance(node, Near):
            return write.write_near(node, self._operand, original, source, target, self.vocabularies[1])
        if isinstance(node, Heading):
            return write.write_heading(node, original, source, target, self.vocabularies)
        if isinstance(node, Qualifier):
            return write.write_qualifier(node, original, target)
        if isinstance(node, Type):
            return write.write_type(node, original, target, self.vocabularies[1])
        if isinstance(node, Dates):
            return write.write_dates(node, original, target)
        why = node.why if isinstance(node, Unknown) else "this construct"
        return write.refusal(original, f"{why} has no rule")

    def _operand(self, text: str) -> str | None:
        """Words inside a proximity search, without a field."""
        bare = Term(text=text, quoted=" " in text, start=0, end=0, fields=("all",))
        written = write.write_phrase(bare, text, self.source, self.target, self.vocabularies[1])
        if any(kind == write.UNTRANSLATABLE for kind, _ in written.marks):
            return None
        return _unwrapped(written.text, self.target)

    def _chain(self, node: Chain, line: StrategyLine, marks: list[Mark]) -> str:
        texts = [self._node(item, line, marks) for item in node.items]
        kinds = set(node.operators)
        spelled = [self._operator(word) for word in node.operators]
        mixed = len(kinds) > 1 and not (kinds == {"AND", "NOT"} and node.operators == tuple(sorted(node.operators)))
        if not mixed:
            out = texts[0]
            for operator, text in zip(spelled, texts[1:], strict=True):
                out += f" {operator} {text}"
            return out
        original = line.text[node.start : node.end]
        if self.source == "pubmed":
            out = texts[0]
            for number, (operator, text) in enumerate(zip(spelled, texts[1:], strict=True)):
                out = f"({out}) {operator} {text}" if number else f"{out} {operator} {text}"
            message = "operators without brackets: those set here show how PubMed reads them, from left to right"
        else:
            out = texts[0] + "".join(f" {o} {t}" for o, t in zip(spelled, texts[1:], strict=True))
            message = "operators without brackets are read in another order elsewhere: set brackets"
        self._mark(line, marks, node.start, original, out, write.LOSSY, message)
        return out

    def _operator(self, word: str) -> str:
        if self.target == "ovid":
            return word.lower()
        return "AND NOT" if word == "NOT" and self.target == "scopus" else word

    def _refs(self, node: Refs, line: StrategyLine, marks: list[Mark]) -> str:
        original = line.text[node.start : node.end]
        missing = [n for n in node.numbers if n not in self.numbers]
        if missing or self.target == "cnki":
            message = f"there is no line {missing[0]}" if missing else "CNKI has no line numbers: put the line here"
            self._mark(line, marks, node.start, original, f"⟦{original}⟧", write.UNTRANSLATABLE, message)
            return f"⟦{original}⟧"
        named = [SYNTAX[self.target].reference.format(n=n) for n in node.numbers]
        if len(named) == 1:
            return named[0]
        first, last, operator = node.numbers[0], node.numbers[-1], node.operator or "OR"
        unbroken = node.numbers == tuple(range(first, last + 1))
        if self.target == "ovid":
            return f"{operator.lower()}/{f'{first}-{last}' if unbroken else ','.join(map(str, node.numbers))}"
        if self.target == "cochrane" and unbroken:
            return f"{{{operator.lower()} #{first}-#{last}}}"
        joined = f" {operator} ".join(named)
        return joined if (node.start, node.end) == (0, len(line.text)) else f"({joined})"


def _unwrapped(text: str, target: str) -> str:
    """The words out of the field form of "all fields"."""
    before = {"wos": "ALL=(", "scopus": "ALL(", "ebsco": "TX "}.get(target, "")
    after = {"ovid": ".af.", "wos": ")", "scopus": ")", "pubmed": "[all]"}.get(target, "")
    return text.removeprefix(before).removesuffix(after)


def draft_text(translation: Translation, strategy: Strategy, *, database: str | None = None) -> str:
    """The draft as a strategy file: header, then each line below its original, with its marks as comments."""
    syntax = SYNTAX[translation.target]
    head = [
        "# status: draft",
        f"# platform: {syntax.name}",
        f"# database: {database or '(fill in)'}",
        f"# source: {strategy.name}, {SYNTAX[translation.source].name}, by rule",
    ]
    head += [f"# {key}: {value}" for key, value in strategy.header if key in ("title", "topic", "searcher", "limits")]
    head += [f"# note: {note}" for note in translation.notes]
    body: list[str] = []
    for line in translation.lines:
        number = f"#{line.number} " if line.number is not None else ""
        body += ["", f"#  | {number}{line.original}"]
        body += [f"#    {_grouped(mark, others)}" for mark, others in _by_message(line.marks)]
        own = syntax.reference.format(n=line.number) if line.number is not None else ""
        own = f"{own}." if own and translation.target == "ovid" else own
        body.append(f"{own} {line.text}".strip())
    return "\n".join([*head, *body]) + "\n"


def _by_message(marks: tuple[Mark, ...]) -> list[tuple[Mark, list[Mark]]]:
    found: dict[tuple[str, str], list[Mark]] = {}
    for mark in marks:
        found.setdefault((mark.kind, mark.message), []).append(mark)
    return [(some[0], some) for some in found.values()]


def _grouped(mark: Mark, others: list[Mark]) -> str:
    tokens = "; ".join(
        f"{m.original} -> {m.written}" if m.kind == write.LOSSY else m.original for m in others
    )  # fmt: skip
    sign = "~" if mark.kind == write.LOSSY else "!"
    return f"{sign} {mark.kind}: {tokens} | {mark.message}"
