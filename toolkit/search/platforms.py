"""What each search platform understands: fields, wildcards, proximity, headings, line references.

One table a platform; `parse` reads with it, `translate` writes with it, `lint` checks against it. Wildcards and
proximity are never alike by their looks: ``?`` is none or one letter at Ovid and exactly one at Web of Science, and
``adj3`` at Ovid allows two words between where ``NEAR/3`` allows three.

References
----------
Cochrane Handbook 6.5, technical supplement to chapter 4, sections 3.4-3.6; the platforms' own help pages as quoted by
university library guides (University of Illinois Chicago for counting words; American University of Beirut and
University of British Columbia for wildcards). What no stored source settles is marked ``unsure``: a translation then
asks for a check of the host's help.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

__all__ = ["MANY", "ONE", "SYNTAX", "ZERO_OR_ONE", "Syntax"]

MANY = "any number of letters"
ZERO_OR_ONE = "no letter or one"
ONE = "exactly one letter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Syntax:
    """The syntax of one platform.

    Attributes
    ----------
    name : as people call it
    wildcards : character -> MANY, ZERO_OR_ONE or ONE
    shortest_stem : letters that must stand before a wildcard
    fields : tag in lower case -> what it searches, of ti, ab, kw (author keywords), tw (text words with headings),
        hw (headings), all, au, ta (journal), la, ad
    adjacent : the number N that means "next to each other" in its proximity operator: 1 at Ovid, 0 elsewhere
    near, ordered : how proximity is written, with {n}; None where there is none
    default_near : N of an operator without a number
    unsure : statements above that no source settles, to be checked by a person
    reference : how another line is named, with {n}
    upper_operators : whether AND, OR, NOT must be capitals
    headings : name of the controlled vocabulary, "" for none
    foreign : what its syntax looks like in a strategy for another platform
    """

    name: str
    wildcards: dict[str, str]
    fields: dict[str, tuple[str, ...]]
    shortest_stem: int = 1
    adjacent: int = 0
    near: str | None = None
    ordered: str | None = None
    default_near: int | None = None
    unsure: tuple[str, ...] = ()
    reference: str = "#{n}"
    upper_operators: bool = False
    headings: str = ""
    foreign: re.Pattern[str] | None = field(default=None, compare=False)


_TAK = ("ti", "ab", "kw")
_PLAIN = {"ti": ("ti",), "ab": ("ab",), "kw": ("kw",), "au": ("au",), "la": ("la",)}

SYNTAX: dict[str, Syntax] = {
    "pubmed": Syntax(
        name="PubMed",
        wildcards={"*": MANY},
        shortest_stem=4,
        fields={
            "tiab": _TAK, "title/abstract": _TAK, "ti": ("ti",), "title": ("ti",), "ab": ("ab",), "abstract": ("ab",),
            "tw": ("tw",), "text word": ("tw",), "all": ("all",), "all fields": ("all",), "ot": ("kw",),
            "other term": ("kw",), "au": ("au",), "author": ("au",), "ta": ("ta",), "journal": ("ta",), "la": ("la",),
            "lang": ("la",), "language": ("la",), "ad": ("ad",), "affiliation": ("ad",),
        },
        near='"{words}"[{field}:~{n}]',
        upper_operators=True,
        headings="MeSH",
        foreign=re.compile(
            r"\[(?:tiab|ti|ab|tw|mh|mesh|majr|pt|sh|dp|crdt|edat|mhda|nm|ot|all fields|mesh terms|title/abstract)"
            r"(?:\s*:[^\]]*)?\]",
            re.IGNORECASE,
        ),
    ),
    "ovid": Syntax(
        name="Ovid",
        wildcards={"*": MANY, "$": MANY, "?": ZERO_OR_ONE, "#": ONE},
        fields={
            **_PLAIN, "kf": ("kw",), "tw": ("ti", "ab"), "mp": ("tw",), "hw": ("hw",), "af": ("all",), "jn": ("ta",),
            "lg": ("la",), "in": ("ad",), "ot": ("ot",),
        },
        adjacent=1,
        near="adj{n}",
        reference="{n}",
        headings="MeSH",
        foreign=re.compile(
            r"\.(?:ti|ab|tw|kf|kw|mp|pt|fs|sh|hw)(?:,(?:ti|ab|tw|kf|kw|mp|pt|sh|hw))*\.(?=[\s)]|$)"
            r"|\badj\d*\b|\bexp\s+\*?\w[\w\s,-]*/",
            re.IGNORECASE,
        ),
    ),
    "embase": Syntax(
        name="Embase.com",
        wildcards={"*": MANY, "?": ONE, "$": ZERO_OR_ONE},
        fields={**_PLAIN, "de": ("hw",), "jt": ("ta",), "ad": ("ad",), "ff": ("ad",), "all": ("all",)},
        adjacent=1,
        near="NEAR/{n}",
        ordered="NEXT/{n}",
        unsure=("how Embase.com counts words in NEAR/n",),
        headings="Emtree",
        foreign=re.compile(r"'[^']*'/(?:exp|de|mj)\b|\[embase\]/lim|\[\d{4}-\d{4}\]/py", re.IGNORECASE),
    ),
    "cochrane": Syntax(
        name="Cochrane Library",
        wildcards={"*": MANY, "?": ZERO_OR_ONE},
        fields={**_PLAIN, "so": ("ta",), "pt": ("pt",)},
        near="NEAR/{n}",
        ordered="NEXT/{n}",
        default_near=6,
        unsure=("how the Cochrane Library counts words in NEAR/n", "the meaning of ? in the Cochrane Library"),
        headings="MeSH",
        foreign=re.compile(r"MeSH descriptor:\s*\[|\[mh\s+[\^\"/\w]", re.IGNORECASE),
    ),
    "wos": Syntax(
        name="Web of Science",
        wildcards={"*": MANY, "?": ONE, "$": ZERO_OR_ONE},
        fields={
            "ts": _TAK, "ti": ("ti",), "ab": ("ab",), "ak": ("kw",), "all": ("all",), "au": ("au",), "so": ("ta",),
            "la": ("la",), "ad": ("ad",),
        },
        near="NEAR/{n}",
        default_near=15,
        upper_operators=True,
        foreign=re.compile(r"(?<![\w%])(?:TS|TI|AB|AK)\s*=\s*(?!['‘])", re.IGNORECASE),
    ),
    "scopus": Syntax(
        name="Scopus",
        wildcards={"*": MANY, "?": ONE},
        fields={
            "title-abs-key": _TAK, "title-abs": ("ti", "ab"), "title": ("ti",), "abs": ("ab",), "key": ("kw",),
            "authkey": ("kw",), "all": ("all",), "auth": ("au",), "srctitle": ("ta",), "language": ("la",),
            "affil": ("ad",),
        },
        near="W/{n}",
        ordered="PRE/{n}",
        unsure=("how Scopus counts words in W/n",),
        upper_operators=True,
        foreign=re.compile(r"\b(?:TITLE-ABS(?:-KEY)?|INDEXTERMS|SRCTITLE|AUTHKEY|DOCTYPE)\s*\(|\bPUBYEAR\b"),
    ),
    "ebsco": Syntax(
        name="EBSCOhost",
        wildcards={"*": MANY, "?": ONE, "#": ZERO_OR_ONE},
        fields={"ti": ("ti",), "ab": ("ab",), "su": ("hw",), "tx": ("all",), "au": ("au",), "so": ("ta",),
                "la": ("la",), "af": ("ad",)},
        near="N{n}",
        ordered="W{n}",
        unsure=("the meaning of ? at EBSCOhost",),
        reference="S{n}",
        headings="the headings of the database (CINAHL, MeSH ...)",
        foreign=re.compile(r"\(\s*(?:MH|MM)\s+\"|(?<![\w#])S\d+\s+(?:AND|OR|NOT)\s+S\d+"),
    ),
    "cnki": Syntax(
        name="CNKI",
        wildcards={},
        fields={"tka": _TAK, "su": ("tw",), "ti": ("ti",), "ab": ("ab",), "ky": ("kw",), "ft": ("all",),
                "au": ("au",), "ly": ("ta",), "af": ("ad",)},
        foreign=re.compile(r"(?<!\w)(?:SU|TKA|KY|TI|FT|AB)\s*(?:%=?|=(?=\s*\(?\s*'))"),
    ),
}  # fmt: skip
"""Platform key of `toolkit.search.strategy.PLATFORMS` -> its syntax."""
