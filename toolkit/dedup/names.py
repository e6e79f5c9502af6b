"""Author names in whatever form a database exports them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from toolkit.dedup.chinese import simplified
from toolkit.dedup.text import fold, is_cjk, squeeze

__all__ = ["Authors", "read_authors", "split_authors"]

_LOST_SEPARATOR = re.compile(
    r"(?:(?<=[a-zß-ÿ.])|(?<= [A-Z])|(?<= [A-Z]{2})|(?<= [A-Z]{3}))"
    r"(?<!\bMc)(?<!Mac)(?<!\bDe)(?<!\bDi)(?<!\bLa)(?<!\bLe)(?<!\bVan)(?=[A-ZÀ-Þ][a-zß-ÿ'’])"
)
_INITIALS = re.compile(r"^(?:[A-ZÀ-Þ]\.?-?){1,4}$")
_SUFFIX = re.compile(r"^(?:jr|sr|ii|iii|2nd|3rd|md|phd|et al|others)$")
_PARTICLES_TEXT = """
de da do dos das del della di du van von der den ter ten la le el al bin ibn abu st san dal dalla
"""
_PARTICLES = frozenset(_PARTICLES_TEXT.split())
_FAMILY_NAMES = (  # the hundred or so most common ones
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
)
_FAMILY_NAMES_PINYIN = """
wang li zhang liu chen yang huang zhao wu zhou xu sun ma zhu hu guo he lin gao luo zheng liang xie song tang xu han
feng deng cao peng zeng xiao tian dong yuan pan yu jiang cai yu du ye cheng su wei lu ding ren shen yao lu jiang cui
zhong tan lu wang fan jin shi liao jia xia wei fu fang bai zou meng xiong qin qiu jiang yin xue yan duan lei hou long
shi tao li he gu mao hao gong shao wan qian yan qin wu dai mo kong xiang tang
"""
_PINYIN = dict(zip(_FAMILY_NAMES, _FAMILY_NAMES_PINYIN.split(), strict=True))


class Authors(NamedTuple):
    """Author names ready for comparison.

    Attributes
    ----------
    first : family name of the first author, folded and squeezed; Chinese family names in pinyin
    first_words : all words of the first author's name with two letters or more
    families : family names of the first twenty authors separated by a space
    initial : first letter of the first author's given name, ``""`` unknown
    number : how many authors are named
    """

    first: str
    first_words: str
    families: str
    initial: str
    number: int


NO_AUTHORS = Authors("", "", "", "", 0)


def split_authors(text: str) -> list[str]:
    """Names of a list, separated by semicolons, "and", commas, or not at all.

    >>> split_authors("Adeli K.Lewis G. F.")
    ['Adeli K', 'Lewis G. F']
    """
    if ";" in text:
        parts = text.split(";")
    elif "；" in text:
        parts = text.split("；")
    elif " and " in text:
        parts = text.split(" and ")
    elif text.count(",") > 1:
        parts = text.split(",")
    elif "," in text:
        parts = [text]
    else:
        parts = _LOST_SEPARATOR.split(text) if len(text) > 8 else [text]
    return [name for part in parts if (name := part.strip(" ,;."))] or []


def read_authors(text: str) -> Authors:
    """The parts of an author list needed to compare two records."""
    if not text or len(text) < 2:
        return NO_AUTHORS
    names = split_authors(text)
    if not names or names[0].lower() in ("anonymous", "anon", "unknown", "no authorship indicated", "[anonymous]"):
        return NO_AUTHORS
    first, initial = _family(names[0])
    families = [first]
    families.extend(_family(name)[0] for name in names[1:20])
    words = " ".join(w for w in fold(names[0]).split() if len(w) > 1)
    return Authors(first, words or first, " ".join(f for f in families if f), initial, len(names))


@lru_cache(maxsize=1 << 15)
def _family(name: str) -> tuple[str, str]:
    """Family name, folded and squeezed, and the first letter of the given name."""
    if is_cjk(name):
        plain = simplified(name.replace(" ", "").replace(",", ""))
        return _PINYIN.get(plain[0], plain[0]), ""
    if "," in name:
        family, _, given = name.partition(",")
        given = given.strip()
        # "Del, Mistro A": a particle was taken for the family name
        if family.lower() in _PARTICLES and " " in given:
            more, _, given = given.rpartition(" ")
            family = f"{family} {more}"
        return squeeze(fold(family)), given[:1].lower()
    words = name.split()
    while len(words) > 1 and _SUFFIX.match(words[-1].lower().strip(".,")):
        words.pop()
    cut = len(words)
    while cut > 1 and _INITIALS.match(words[cut - 1]):
        cut -= 1
    if cut < len(words):
        rest = words[:cut]
        # "Hapgood Janet P": family first, then a given name in full
        if len(rest) > 1 and rest[0].lower() not in _PARTICLES and len(rest) == 2 and len(rest[1]) > 2:
            return squeeze(fold(rest[0])), rest[1][:1].lower()
        return squeeze(fold(" ".join(rest))), words[cut][:1].lower()
    if len(words) > 1 and words[0].lower() in _PARTICLES:
        return squeeze(fold(" ".join(words[:2]))), ""
    return squeeze(fold(words[0] if len(words) <= 3 else name)), words[1][:1].lower() if len(words) > 1 else ""
