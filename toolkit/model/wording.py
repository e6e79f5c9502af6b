"""Words that every part of the program writes alike."""

from __future__ import annotations

import re

__all__ = ["agreeing", "counted"]

# What counted things are called in lists of facts, and singulars that are not the word without its s.
_PLURALS = re.compile(
    r"(?<!\d )\b(analyses|cells|conflicts|duplicates|judgements|months|pairs|records|reports|rows|studies|texts"
    r"|versions|votes)\b"
)
_IRREGULAR = {"analyses": "analysis", "studies": "study"}


def counted(number: int, noun: str, one: str = "", several: str = "") -> str:
    """A number with its noun, in the plural where it belongs; with a verb for one and for several if given.

    Examples
    --------
    >>> counted(1, "study"), counted(1200, "study"), counted(0, "direct comparison")
    ('1 study', '1,200 studies', '0 direct comparisons')
    >>> counted(2, "search"), counted(3, "analysis"), counted(2, "series"), counted(2, "day")
    ('2 searches', '3 analyses', '2 series', '2 days')
    >>> counted(1, "pair", "waits", "wait"), counted(2, "pair", "waits", "wait")
    ('1 pair waits', '2 pairs wait')
    """
    words = f"1 {noun} {one}" if number == 1 else f"{number:,} {_plural(noun)} {several}"
    return words.rstrip()


def _plural(noun: str) -> str:
    if noun.endswith("series"):
        return noun
    if noun.endswith("sis"):
        return f"{noun[:-2]}es"
    if noun.endswith(("ch", "sh", "x", "ss")):
        return f"{noun}es"
    if noun.endswith("y") and not noun.endswith(("ay", "ey", "oy", "uy")):
        return f"{noun[:-1]}ies"
    return f"{noun}s"


def agreeing(number: float, words: str) -> str:
    """Words about several, as they are said of one where the number is 1; a count among the words stays as it is.

    Examples
    --------
    >>> agreeing(1, "included studies without results"), agreeing(2, "rows of studies"), agreeing(1, "never compared")
    ('included study without results', 'rows of studies', 'never compared')
    >>> agreeing(1, "results.csv: 42 cells differ")
    'results.csv: 42 cells differ'
    """
    if number != 1:
        return words
    return _PLURALS.sub(lambda m: _IRREGULAR.get(m.group(1), m.group(1)[:-1]), words, count=1)
