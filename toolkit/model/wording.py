"""Words that every part of the program writes alike."""

from __future__ import annotations

__all__ = ["counted"]


def counted(number: int, noun: str) -> str:
    """A number with its noun, in the plural where it belongs.

    Examples
    --------
    >>> counted(1, "study"), counted(1200, "study"), counted(0, "direct comparison")
    ('1 study', '1,200 studies', '0 direct comparisons')
    """
    if number == 1:
        return f"1 {noun}"
    return f"{number:,} {noun[:-1]}ies" if noun.endswith("y") else f"{number:,} {noun}s"
