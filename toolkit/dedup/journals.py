"""Whether two names are one journal, in full, abbreviated, as initials, or in two languages."""

from __future__ import annotations

from rapidfuzz import fuzz

__all__ = ["ALIKE", "DIFFERS", "SAME", "UNKNOWN", "compare_journals"]

UNKNOWN, SAME, ALIKE, DIFFERS = 0, 1, 2, 3
_STOP_WORDS_TEXT = """
the of and for in on an de la le les des du der die das und fur et y e i del della di og an zu
with to part volume edition ed series online print
electronic resource
"""
_STOP_WORDS = frozenset(_STOP_WORDS_TEXT.split())


def compare_journals(a: str, b: str) -> int:
    """SAME, ALIKE, DIFFERS or UNKNOWN for two folded journal names (alternatives separated by " = ").

    >>> compare_journals("n engl j med", "new england journal of medicine") == SAME
    True
    >>> compare_journals("lancet", "lancet oncology") == ALIKE
    True
    """
    if not a or not b:
        return UNKNOWN
    if a == b:
        return SAME
    best = DIFFERS
    for one in a.split(" = "):
        for other in b.split(" = "):
            best = min(best, _compare(one, other))
            if best == SAME:
                return SAME
    return best


def _compare(a: str, b: str) -> int:
    if a == b:
        return SAME
    words_a = [w for w in a.split() if w not in _STOP_WORDS]
    words_b = [w for w in b.split() if w not in _STOP_WORDS]
    if not words_a or not words_b:
        return DIFFERS
    if words_a == words_b:
        return SAME
    short, long = (words_a, words_b) if len(words_a) <= len(words_b) else (words_b, words_a)
    if len(short) == 1 and len(long) > 2 and _is_initials(short[0], long):
        return SAME
    if _is_acronym(words_a[0], words_b) or _is_acronym(words_b[0], words_a):
        return ALIKE
    matched = _align(short, long)
    if matched == len(short):
        return SAME if len(short) == len(long) else ALIKE
    score = fuzz.token_sort_ratio(" ".join(words_a), " ".join(words_b))
    if score >= 92:
        return SAME
    return ALIKE if score >= 75 or matched / len(short) >= 0.75 else DIFFERS


def _is_initials(word: str, names: list[str]) -> bool:
    return word == "".join(n[0] for n in names)[: len(word)] and len(word) >= 3 and len(names) <= len(word) + 1


def _is_acronym(word: str, names: list[str]) -> bool:
    """The first word of one name is made of the initials of the other ("icis", "chi")."""
    return len(word) >= 4 and word == "".join(n[0] for n in names)


def _align(short: list[str], long: list[str]) -> int:
    """How many words of the shorter name abbreviate words of the longer one, in order, the first with the first."""
    position = matched = 0
    for k, word in enumerate(short):
        for ahead in range(position, len(long)):
            if _abbreviates(word, long[ahead]):
                matched += 1
                position = ahead + 1
                break
            if k == 0:
                return 0
    return matched


def _abbreviates(a: str, b: str) -> bool:
    if a == b:
        return True
    short, long = (a, b) if len(a) <= len(b) else (b, a)
    if long.startswith(short):
        return True
    if short[0] != long[0] or len(short) < 3:
        return False
    if len(short) >= 5 and long[:4] == short[:4]:
        return True
    rest = iter(long)
    return len(short) <= 6 and all(letter in rest for letter in short)
