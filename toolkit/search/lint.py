"""Findings on a strategy file: what would break the query, or silently change what it means.

Each check is a small function in `CHECKS`; it reads a strategy and yields findings with line and column.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from toolkit.search.findings import Finding, finding_at
from toolkit.search.lint_platform import PLATFORM_CHECKS
from toolkit.search.strategy import Strategy, StrategyLine, find_references

__all__ = ["CHECKS", "Finding", "check_strategy"]


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a query line: kind is quote, tag, open, close, operator, reference or word."""

    kind: str
    text: str
    start: int


TOKENS = re.compile(
    r'(?P<quote>"[^"]*"?)|(?P<tag>\[[^\]\[]*\]?)|(?P<open>\()|(?P<close>\))|(?P<stray>\])|'
    r"(?P<range>\b(?:and|or)\s*/\s*[#Ss]?\d+(?:\s*[-,]\s*[#Ss]?\d+)*)|(?P<reference>#\d+\b)|"
    r"(?P<word>[^\s()\[\]\"]+)",
    re.IGNORECASE,
)
OPERATORS = ("AND", "OR", "NOT")
# Typographic characters that word processors and Chinese input methods put in, and what was meant.
LOOKALIKES = {
    **dict.fromkeys("“”„‟«»＂″「」『』", '"'),
    **dict(zip("（）［］【】〔〕：＃＊／＝％＋－", "()[][][]:#*/=%+-", strict=True)),
}
APOSTROPHES = {"‘": "'", "’": "'", "＇": "'", "‛": "'"}
SPACES = {
    "\u00a0": "a non-breaking space",
    "\u3000": "a full-width (Chinese) space",
    "\u2007": "a figure space",
    "\u202f": "a narrow non-breaking space",
    "\u200b": "a zero-width space",
    "\ufeff": "a byte order mark",
    "\u200e": "an invisible direction mark",
    "\u00ad": "a soft hyphen",
}
PROXIMITY_WORD = re.compile(r"^(?:(?:NEAR|NEXT|ADJ)(?:/?\d+)?|(?:PRE|W|N)/?\d+)$")


def check_strategy(strategy: Strategy) -> tuple[Finding, ...]:
    """Every finding of every check, in the order of the file; errors say why the search will not be run."""
    found = [finding for check in CHECKS for finding in check(strategy)]
    return tuple(sorted(found, key=lambda f: (f.row, f.column, f.code)))


def check_lookalikes(strategy: Strategy) -> Iterator[Finding]:
    """Curly or full-width quotes and brackets, and spaces that are none."""
    for line in strategy.lines:
        for offset, character in enumerate(line.text):
            if character in LOOKALIKES:
                yield finding_at(
                    strategy,
                    line,
                    offset,
                    "lookalike",
                    "error",
                    f"{character} is not {LOOKALIKES[character]}: write the plain, half-width character",
                )
            elif character in APOSTROPHES:
                yield finding_at(
                    strategy, line, offset, "lookalike", "warning", f"{character} is a typographic apostrophe: write '"
                )
            elif character in SPACES:
                yield finding_at(
                    strategy,
                    line,
                    offset,
                    "odd-space",
                    "error",
                    f"{SPACES[character]} (U+{ord(character):04X}) stands here: type an ordinary space",
                )


def check_balance(strategy: Strategy) -> Iterator[Finding]:
    """Brackets, quotes and field tags that are opened and not closed, or the other way round."""
    for line in strategy.lines:
        opened: list[Token] = []
        for token in tokens_of(line.text):
            if token.kind == "open":
                opened.append(token)
            elif token.kind == "close" and opened:
                opened.pop()
            elif token.kind == "close":
                yield finding_at(strategy, line, token.start, "unbalanced-bracket", "error", "this ) closes nothing")
            elif token.kind == "stray":
                yield finding_at(strategy, line, token.start, "unbalanced-tag", "error", "this ] closes nothing")
            elif token.kind == "tag" and not token.text.endswith("]"):
                yield finding_at(strategy, line, token.start, "unbalanced-tag", "error", "this [ is never closed")
            elif token.kind == "quote" and (len(token.text) == 1 or not token.text.endswith('"')):
                yield finding_at(
                    strategy, line, token.start, "unbalanced-quote", "error", "this quotation mark is never closed"
                )
        for token in opened:
            yield finding_at(strategy, line, token.start, "unbalanced-bracket", "error", "this ( is never closed")


def check_operators(strategy: Strategy) -> Iterator[Finding]:
    """Operators with nothing on one side, two in a row, and empty brackets."""
    for line in strategy.lines:
        tokens = tokens_of(line.text)
        for index, token in enumerate(tokens):
            before = tokens[index - 1] if index else None
            if token.kind == "close" and before is not None and before.kind == "open":
                yield finding_at(strategy, line, before.start, "empty-brackets", "error", "these brackets hold nothing")
            if not _is_operator(token, strategy):
                continue
            after = tokens[index + 1] if index + 1 < len(tokens) else None
            if before is None or before.kind == "open":
                yield finding_at(
                    strategy, line, token.start, "lone-operator", "error", f"nothing stands before {token.text}"
                )
            elif _is_operator(before, strategy):
                if strategy.platform == "scopus" and (before.text + token.text).upper() == "ANDNOT":
                    continue  # Scopus writes NOT as AND NOT
                hint = ": PubMed writes NOT alone" if (before.text + token.text).upper() == "ANDNOT" else ""
                yield finding_at(
                    strategy,
                    line,
                    before.start,
                    "lone-operator",
                    "error",
                    f"{before.text} is followed by another operator, {token.text}{hint}",
                )
            if after is None or after.kind == "close":
                yield finding_at(
                    strategy, line, token.start, "lone-operator", "error", f"nothing stands after {token.text}"
                )


def check_mixed_operators(strategy: Strategy) -> Iterator[Finding]:
    """AND, OR and NOT on one level without brackets: platforms read them in different orders."""
    for line in strategy.lines:
        levels: list[list[Token]] = [[]]
        for token in tokens_of(line.text):
            if token.kind == "open":
                levels.append([])
            elif token.kind == "close" and len(levels) > 1:
                yield from _mixed(strategy, line, levels.pop())
            elif _is_operator(token, strategy):
                levels[-1].append(token)
        for level in levels:
            yield from _mixed(strategy, line, level)


def check_case(strategy: Strategy) -> Iterator[Finding]:
    """Lower-case operators, which PubMed does not promise to read as operators."""
    if strategy.platform not in ("pubmed", "wos"):
        return
    for line in strategy.lines:
        tokens = tokens_of(line.text)
        for before, token, after in zip(tokens, tokens[1:], tokens[2:], strict=False):
            lower = token.kind == "word" and token.text.lower() in ("and", "or", "not") and not token.text.isupper()
            if lower and (before.kind != "word" or after.kind != "word"):
                yield finding_at(
                    strategy,
                    line,
                    token.start,
                    "lower-case-operator",
                    "error",
                    f"write {token.text.upper()} in capitals, or put the phrase in quotes if it is a word",
                )
            elif lower:
                yield finding_at(
                    strategy,
                    line,
                    token.start,
                    "lower-case-operator",
                    "warning",
                    f"{token.text!r} between plain words is read as part of the phrase: "
                    f"write {token.text.upper()} if it joins two terms",
                )


def check_references(strategy: Strategy) -> Iterator[Finding]:
    """References to lines that are not there or come later, and lines that nothing uses."""
    seen: set[int] = set()
    used: set[int] = set()
    for line in strategy.lines:
        for reference in find_references(line.text, strategy.numbering):
            used.update(reference.numbers)
            missing = [number for number in reference.numbers if number not in seen]
            if missing:
                later = [n for n in missing if any(other.number == n for other in strategy.lines)]
                what = (
                    f"line {missing[0]} does not come before this line" if later else f"there is no line {missing[0]}"
                )
                yield finding_at(strategy, line, reference.start, "undefined-reference", "error", what)
        if line.number is not None:
            if line.number in seen:
                yield finding_at(strategy, line, 0, "duplicate-number", "error", f"line {line.number} is there twice")
            seen.add(line.number)
    run = (strategy.get("run") or "").lstrip("#Ss")
    sent = int(run) if run.isdigit() else strategy.lines[-1].number
    if sent is not None and sent not in seen:
        yield finding_at(
            strategy,
            strategy.lines[-1],
            0,
            "undefined-reference",
            "error",
            f"the header runs line {sent}, which is not there",
        )
    for line in strategy.lines:
        if line.number is not None and line.number not in used and line.number != sent:
            yield finding_at(
                strategy,
                line,
                0,
                "unused-line",
                "warning",
                f"line {line.number} is used by no other line and is not the one that is run (line {sent})",
            )


def check_empty_lines(strategy: Strategy) -> Iterator[Finding]:
    """Numbers without a query."""
    for line in strategy.lines:
        if not line.text.strip():
            yield finding_at(strategy, line, 0, "empty-line", "error", f"line {line.number} is empty")


CHECKS: tuple[Callable[[Strategy], Iterator[Finding]], ...] = (
    check_lookalikes,
    check_balance,
    check_operators,
    check_mixed_operators,
    check_case,
    check_references,
    check_empty_lines,
    *PLATFORM_CHECKS,
)


def tokens_of(text: str) -> tuple[Token, ...]:
    """The pieces of a query line, white space left out."""
    found = []
    for match in TOKENS.finditer(text):
        kind = match.lastgroup or "word"
        kind = "reference" if kind == "range" else kind
        found.append(
            Token("operator" if kind == "word" and match.group() in OPERATORS else kind, match.group(), match.start())
        )
    return tuple(found)


def _is_operator(token: Token, strategy: Strategy) -> bool:
    if token.kind == "operator":
        return True
    if token.kind != "word" or strategy.platform == "pubmed":
        return False
    if strategy.platform == "cnki":
        return token.text.upper() in OPERATORS
    return token.text.upper() in OPERATORS or PROXIMITY_WORD.match(token.text.upper()) is not None


def _mixed(strategy: Strategy, line: StrategyLine, operators: list[Token]) -> Iterator[Finding]:
    found = [(token, token.text.upper()) for token in operators if token.text.upper() in OPERATORS]
    if strategy.platform == "scopus":  # the AND of AND NOT is no operator of its own
        pairs = zip(found, [*found[1:], None], strict=False)
        found = [one for one, after in pairs if not (one[1] == "AND" and after and after[1] == "NOT"
                                                     and after[0].start == one[0].start + 4)]  # fmt: skip
    words = [word for _, word in found]
    if "OR" not in words and words == sorted(words):  # a AND b NOT c is the same in any order
        return
    for token, word in found:
        if word != words[0]:
            yield finding_at(
                strategy,
                line,
                token.start,
                "mixed-operators",
                "warning",
                f"{words[0]} and {word} stand on one level: set brackets, or it is read from left to right",
            )
            return
