"""How each platform writes a word, a phrase, words near each other, a heading, a type, dates: rules or a refusal.

Every function returns a `Piece` of text with marks; what has no rule comes back between ⟦ ⟧ as it stood in the
source, so that it cannot be mistaken for a translation.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from toolkit.search.platforms import MANY, ONE, SYNTAX, ZERO_OR_ONE
from toolkit.search.tree import Dates, Heading, Near, Qualifier, Term, Type

__all__ = ["LOSSY", "UNTRANSLATABLE", "Written", "refusal", "write_dates", "write_heading", "write_near",
           "write_phrase", "write_qualifier", "write_type"]  # fmt: skip

LOSSY = "lossy"
UNTRANSLATABLE = "untranslatable"


@dataclass(frozen=True, slots=True)
class Written:
    """Text for the target, and what must be said of it: (kind, message) pairs."""

    text: str
    marks: tuple[tuple[str, str], ...] = ()

    def but(self, kind: str, message: str) -> Written:
        """The same with one more mark."""
        return Written(self.text, (*self.marks, (kind, message)))


def refusal(original: str, message: str) -> Written:
    """The original between brackets that no platform understands."""
    return Written(f"⟦{original}⟧", ((UNTRANSLATABLE, message),))


# ---- wildcards ------------------------------------------------------------------------------------------------------


def _words(text: str, source: str, target: str) -> Written | str:
    """The words with the target's own wildcards, or the reason why that cannot be."""
    known, wanted = SYNTAX[source].wildcards, SYNTAX[target].wildcards
    back = {meaning: char for char, meaning in reversed(wanted.items())}
    marks: list[tuple[str, str]] = []
    out = []
    limited = re.search(r"[$*]\d+", text) if source == "ovid" else None
    if limited:
        return f"{limited.group()} limits the letters that follow, which only Ovid can: list the words"
    for index, char in enumerate(text):
        meaning = known.get(char)
        if meaning is None:
            if char in wanted and char not in "*":
                return f"{char} is a wildcard at {SYNTAX[target].name} and a plain character at {SYNTAX[source].name}"
            out.append(char)
            continue
        if meaning in back:
            out.append(back[meaning])
        elif meaning == ONE and ZERO_OR_ONE in back:
            out.append(back[ZERO_OR_ONE])
            marks.append((LOSSY, f"{char} stands for {ONE} and becomes {back[ZERO_OR_ONE]}, {ZERO_OR_ONE}: wider"))
        else:
            return f"{SYNTAX[target].name} has no wildcard for {meaning} ({char}): list the spellings, joined by OR"
        stem = re.search(r"[^\s]*$", text[:index])
        if meaning == MANY and stem and len(stem[0]) < SYNTAX[target].shortest_stem:
            return f"{SYNTAX[target].name} wants {SYNTAX[target].shortest_stem} letters before {char}: list the words"
    return Written("".join(out), tuple(marks))


def _has_wildcard(text: str, platform: str) -> bool:
    return any(char in text for char in SYNTAX[platform].wildcards)


# ---- fields ---------------------------------------------------------------------------------------------------------

# target -> (fields -> (form, remark or None)); {x} is the text. The first form whose fields fit is taken.
_FORMS: dict[str, tuple[tuple[frozenset[str], str, str | None], ...]] = {
    "pubmed": (
        (frozenset({"ti"}), "{x}[ti]", None),
        (frozenset({"ab"}), "{x}[ab]", None),
        (frozenset({"ti", "ab", "kw"}), "{x}[tiab]", None),
        (frozenset({"ti", "ab"}), "{x}[tiab]", "[tiab] also searches author keywords: wider"),
        (frozenset({"kw"}), "{x}[ot]", None),
        (frozenset({"tw"}), "{x}[tw]", "[tw] is not the same set of fields"),
        (frozenset({"ta"}), "{x}[ta]", "names of journals are written in other ways here"),
        (frozenset({"au"}), "{x}[au]", "names of authors are written in other ways here"),
        (frozenset({"la"}), "{x}[la]", "names of languages may differ"),
        (frozenset({"ad"}), "{x}[ad]", None),
        (frozenset({"all"}), "{x}[all]", None),
    ),
    "embase": (
        (frozenset({"tw"}), "{x}:ti,ab,kw,de", "the index terms of Emtree, not those of the source, are searched too"),
        (frozenset({"ta"}), "{x}:jt", "names of journals are written in other ways here"),
        (frozenset({"au"}), "{x}:au", "names of authors are written in other ways here"),
        (frozenset({"la"}), "{x}:la", "names of languages may differ"),
        (frozenset({"ad"}), "{x}:ad", None),
        (frozenset({"all"}), "{x}", None),
        (frozenset({"hw"}), "{x}:de", "other index terms than in the source"),
    ),
    "cochrane": (
        (frozenset({"tw"}), "{x}:ti,ab,kw", "keywords here hold MeSH and Emtree terms"),
        (frozenset({"ta"}), "{x}:so", "names of journals are written in other ways here"),
        (frozenset({"au"}), "{x}:au", "names of authors are written in other ways here"),
        (frozenset({"all"}), "{x}", None),
        (frozenset({"hw"}), "{x}:kw", "keywords here hold MeSH, Emtree and author keywords"),
    ),
    "wos": (
        (frozenset({"ti"}), "TI=({x})", None),
        (frozenset({"ab"}), "AB=({x})", None),
        (frozenset({"kw"}), "AK=({x})", None),
        (frozenset({"ti", "ab", "kw"}), "TS=({x})", "TS also searches Keywords Plus: wider"),
        (frozenset({"ti", "ab"}), "(TI=({x}) OR AB=({x}))", None),
        (frozenset({"tw"}), "TS=({x})", "there are no subject headings here, so none is searched"),
        (frozenset({"ta"}), "SO=({x})", "names of journals are written in other ways here"),
        (frozenset({"au"}), "AU=({x})", "names of authors are written in other ways here"),
        (frozenset({"la"}), "LA=({x})", "names of languages may differ"),
        (frozenset({"ad"}), "AD=({x})", None),
        (frozenset({"all"}), "ALL=({x})", None),
    ),
    "scopus": (
        (frozenset({"ti"}), "TITLE({x})", None),
        (frozenset({"ab"}), "ABS({x})", None),
        (frozenset({"kw"}), "AUTHKEY({x})", None),
        (frozenset({"ti", "ab"}), "TITLE-ABS({x})", None),
        (frozenset({"ti", "ab", "kw"}), "TITLE-ABS-KEY({x})", "KEY also searches index terms: wider"),
        (frozenset({"tw"}), "TITLE-ABS-KEY({x})", "the index terms here are not those of the source"),
        (frozenset({"ta"}), "SRCTITLE({x})", "names of journals are written in other ways here"),
        (frozenset({"au"}), "AUTH({x})", "names of authors are written in other ways here"),
        (frozenset({"la"}), "LANGUAGE({x})", "names of languages may differ"),
        (frozenset({"ad"}), "AFFIL({x})", None),
        (frozenset({"all"}), "ALL({x})", None),
    ),
    "ebsco": (
        (frozenset({"ti"}), "TI {x}", None),
        (frozenset({"ab"}), "AB {x}", None),
        (frozenset({"ti", "ab"}), "(TI {x} OR AB {x})", None),
        (frozenset({"ti", "ab", "kw"}), "(TI {x} OR AB {x})", "author keywords have no own field here: narrower"),
        (frozenset({"tw"}), "(TI {x} OR AB {x} OR SU {x})", "the subject terms here are not those of the source"),
        (frozenset({"hw"}), "SU {x}", "the subject terms here are not those of the source"),
        (frozenset({"ta"}), "SO {x}", "names of journals are written in other ways here"),
        (frozenset({"au"}), "AU {x}", "names of authors are written in other ways here"),
        (frozenset({"all"}), "TX {x}", "TX also searches full texts: wider"),
    ),
    "cnki": (
        (frozenset({"ti"}), "TI%={x}", None),
        (frozenset({"ab"}), "AB%={x}", None),
        (frozenset({"kw"}), "KY={x}", None),
        (frozenset({"ti", "ab"}), "(TI%={x} OR AB%={x})", None),
        (frozenset({"ti", "ab", "kw"}), "TKA%={x}", None),
        (frozenset({"tw"}), "TKA%={x}", "there are no subject headings here, so none is searched"),
        (frozenset({"au"}), "AU={x}", "names of authors are written in other ways here"),
        (frozenset({"ta"}), "LY%={x}", "names of journals are written in other ways here"),
        (frozenset({"all"}), "FT%={x}", "FT searches full texts: wider"),
    ),
}  # fmt: skip
_OVID = {"ti": "ti", "ab": "ab", "kw": "kf", "tw": "mp", "hw": "hw", "all": "af", "au": "au", "ta": "jn", "la": "lg",
         "ad": "in"}  # fmt: skip


def _in_field(text: str, fields: tuple[str, ...] | None, tag: str, target: str, vocabulary: str) -> Written | str:
    """The text in its field at the target, or the reason why there is none.

    At Ovid the words of authors are ``.kf.`` in MEDLINE and, since 2021, in Embase, and ``.id.`` (key concepts) in APA
    PsycInfo (University of South Australia, "Systematic reviews: keywords"; Ovid's field guide of PsycINFO).
    """
    if fields is None:
        return _without_field(text, target)
    if target == "ovid":
        own = {**_OVID, "kw": "id"} if vocabulary == "APA" else _OVID
        tags = [own.get(name) for name in fields]
        if None in tags:
            return f"Ovid has no field like {tag}"
        written = Written(f"{text}.{','.join(str(t) for t in tags)}.")
        differs = {"tw": ".mp. is not the same set of fields", "au": "names of authors are written in other ways here",
                   "ta": "names of journals are written in other ways here"}  # fmt: skip
        for name in fields:
            written = written.but(LOSSY, differs[name]) if name in differs else written
        return written
    for wanted, form, remark in _FORMS[target]:
        if wanted == set(fields):
            written = Written(form.replace("{x}", text))
            return written.but(LOSSY, remark) if remark else written
    if target in ("embase", "cochrane") and set(fields) <= {"ti", "ab", "kw"}:
        order = ",".join(name for name in ("ti", "ab", "kw") if name in fields)
        remark = "kw holds MeSH and Emtree terms here too: wider" if target == "cochrane" and "kw" in fields else None
        written = Written(f"{text}:{order}")
        return written.but(LOSSY, remark) if remark else written
    return f"{SYNTAX[target].name} has no field like {tag}"


def _without_field(text: str, target: str) -> Written:
    forms = {"pubmed": "{x}", "ovid": "{x}.mp.", "embase": "{x}", "cochrane": "{x}:ti,ab,kw", "wos": "TS=({x})",
             "scopus": "TITLE-ABS-KEY({x})", "ebsco": "{x}", "cnki": "SU%={x}"}  # fmt: skip
    message = "no field was given: each platform searches its own default (PubMed maps such words to headings)"
    return Written(forms[target].replace("{x}", text), ((LOSSY, message),))


# ---- words and phrases ----------------------------------------------------------------------------------------------


def write_phrase(term: Term, original: str, source: str, target: str, vocabulary: str) -> Written:
    """One word, or several as a phrase, in the field they had."""
    words = _words(term.text, source, target)
    if isinstance(words, str):
        return refusal(original, words)
    text, marks = words.text, list(words.marks)
    several = " " in term.text.strip()
    if several and not term.quoted and source in ("embase", "wos", "scopus", "cochrane"):
        marks.append((LOSSY, f"{SYNTAX[source].name} joins unquoted words by AND; here they became a phrase: check"))
    if several and _has_wildcard(text, target):
        text, more = _phrase_with_wildcard(text, target)
        marks += more
    elif several or (term.quoted and not text.isalnum()):
        text = _quoted(text, target)
    elif target == "cnki":
        text = f"'{text}'"
    written = _in_field(text, term.fields, term.tag, target, vocabulary)
    if isinstance(written, str):
        return refusal(original, written)
    if target == "cnki" and re.search(r"[A-Za-z]{3}", term.text):
        marks.append((LOSSY, "the words are not Chinese: write what Chinese authors call it"))
    return Written(written.text, (*marks, *written.marks))


def _quoted(text: str, target: str) -> str:
    if target in ("embase", "cnki"):
        return "'" + text.replace("'", "\\'") + "'"
    return f'"{text}"'


def _phrase_with_wildcard(text: str, target: str) -> tuple[str, list[tuple[str, str]]]:
    words = text.split()
    if target == "ovid":
        return f"({' '.join(words)})", []
    if target == "embase":
        return f"({' NEXT/1 '.join(words)})", []
    if target == "cochrane":
        return f"({' NEXT '.join(words)})", []
    quoted = f'"{text}"'
    if target == "scopus":
        return quoted, [(LOSSY, "Scopus reads a quoted phrase loosely (punctuation, plurals)")]
    if target == "ebsco":
        return f"({' W0 '.join(words)})", [(LOSSY, "W0 stands for a phrase with a wildcard: check")]
    return quoted, []


def write_near(
    node: Near, inside: Callable[[str], str | None], original: str, source: str, target: str, vocabulary: str
) -> Written:
    """Words near each other; ``inside`` writes an operand without its field, or None where it cannot."""
    syntax = SYNTAX[target]
    fields, tag = _common_field(node)
    if syntax.near is None:
        return refusal(original, f"{syntax.name} has no such operator here: AND would be wider, a phrase narrower")
    marks: list[tuple[str, str]] = []
    n = node.between + syntax.adjacent
    form = syntax.near
    if node.ordered and syntax.ordered is not None:
        form = syntax.ordered
    elif node.ordered:
        marks.append((LOSSY, f"{syntax.name} keeps no order in its proximity operator: wider"))
    if target == "cochrane" and node.ordered:
        form, n = ("NEXT", 0) if node.between == 0 else (syntax.ordered or "", node.between)
    if len(node.items) > 2 and target != "pubmed":
        marks.append((LOSSY, "the distance holds between neighbours here, over all words there: check"))
    counting = [text for p in (source, target) for text in SYNTAX[p].unsure if "counts words" in text]
    marks += [(LOSSY, f"check {text}; taken as {node.between} words between") for text in counting]
    if target == "pubmed":
        return _pubmed_near(node, fields, tag, original, marks)
    parts = [inside_text for item in node.items if (inside_text := inside_operand(item, inside, original)) is not None]
    if len(parts) < len(node.items):
        return refusal(original, f"a part of this proximity search cannot be written for {syntax.name}")
    if target == "ovid" and node.ordered and node.between == 0:
        form = "adj"
    text = f" {form.format(n=n)} ".join(parts)
    written = _in_field(f"({text})", fields, tag, target, vocabulary)
    if isinstance(written, str):
        return refusal(original, written)
    tidy = written.text.replace("=((", "=(").replace("))", ")") if target in ("wos", "scopus") else written.text
    tidy = tidy if tidy.count("(") == tidy.count(")") else written.text
    return Written(tidy, (*marks, *written.marks))


def inside_operand(item: object, inside: Callable[[str], str | None], original: str) -> str | None:
    """The words of one operand without fields: a term, or terms joined by OR in brackets."""
    from toolkit.search.tree import Chain, Group

    if isinstance(item, Term):
        return inside(item.text)
    if isinstance(item, Group):
        text = inside_operand(item.inner, inside, original)
        return f"({text})" if text is not None else None
    if isinstance(item, Chain) and set(item.operators) == {"OR"}:
        parts = [inside_operand(one, inside, original) for one in item.items]
        return None if None in parts else " OR ".join(str(p) for p in parts)
    return None


def _common_field(node: Near) -> tuple[tuple[str, ...] | None, str]:
    from toolkit.search.tree import Chain, Group

    for item in node.items:
        while isinstance(item, Group | Chain):
            item = item.inner if isinstance(item, Group) else item.items[0]
        if isinstance(item, Term):
            return item.fields, item.tag
    return None, ""


def _pubmed_near(
    node: Near, fields: tuple[str, ...] | None, tag: str, original: str, marks: list[tuple[str, str]]
) -> Written:
    words = [item.text for item in node.items if isinstance(item, Term)]
    if len(words) < len(node.items):
        return refusal(original, "PubMed takes plain words in a proximity search, no brackets: write one line for each")
    if any(not re.fullmatch(r"[\w' -]+", word) for word in words):
        return refusal(original, "PubMed allows no wildcard in a proximity search: write one line for each word form")
    if fields is None or set(fields) - {"ti", "ab", "kw"}:
        return refusal(original, "PubMed has proximity in [ti] and [tiab] only")
    field = "ti" if fields == ("ti",) else "tiab"
    if set(fields) == {"ti", "ab"}:
        marks.append((LOSSY, "[tiab] also searches author keywords: wider"))
    if set(fields) in ({"ab"}, {"kw"}):
        marks.append((LOSSY, f"{tag} became [tiab]: wider"))
    if any(" " in word for word in words):
        marks.append((LOSSY, "the words of a phrase may stand apart in PubMed's proximity search: check"))
    return Written(f'"{" ".join(words)}"[{field}:~{node.between}]', tuple(marks))


# ---- headings, types, dates -----------------------------------------------------------------------------------------

# Headings that are publication types in PubMed and on Ovid MEDLINE.
_TYPES = frozenset({"randomized controlled trial", "controlled clinical trial", "clinical trial", "meta-analysis",
                    "systematic review", "review", "case reports", "letter", "editorial", "comment"})  # fmt: skip
_QUALIFIERS = {"dt": "drug therapy", "th": "therapy", "su": "surgery", "tu": "therapeutic use", "ae": "adverse effects",
               "di": "diagnosis", "ep": "epidemiology", "et": "etiology", "pc": "prevention & control", "co":
               "complications", "rh": "rehabilitation", "mo": "mortality", "ad": "administration & dosage"}  # fmt: skip


def write_heading(node: Heading, original: str, source: str, target: str, vocabularies: tuple[str, str]) -> Written:
    """A subject heading: rewritten between platforms of one vocabulary, refused between two."""
    ours, theirs = vocabularies
    syntax = SYNTAX[target]
    if not theirs:
        return refusal(original, f"{syntax.name} has no subject headings; as words this would mean something else")
    if ours != theirs:
        form = _heading_form(target, "TERM", node, "")
        return refusal(original, f"{ours} headings are not those of {theirs}: look the term up, then write {form}")
    if node.text.lower() in _TYPES and source == "ovid":
        written = write_type(Type(text=node.text, start=node.start, end=node.end), original, target, theirs)
        return Written(written.text, ((LOSSY, "a publication type of MEDLINE, not a heading: searched as one"),))
    qualifier = node.qualifier
    if qualifier:
        named = _qualifier(qualifier, source, target)
        if named is None:
            return refusal(original, f"the subheading {qualifier} is not in the table: write it by hand")
        qualifier = named
    written = Written(_heading_form(target, node.text, node, qualifier))
    if node.major and target == "cochrane":
        written = written.but(LOSSY, "the restriction to the main topic is lost: wider")
    if "*" in node.text or "?" in node.text:
        written = written.but(LOSSY, "a wildcard in a heading: write out the headings")
    return written


def _heading_form(target: str, text: str, node: Heading, qualifier: str) -> str:
    if target == "pubmed":
        kind = "majr" if node.major else "mh"
        tail = f"/{qualifier}" if qualifier else ""
        return f'"{text}{tail}"[{kind}{"" if node.explode else ":noexp"}]'
    if target == "ovid":
        return f"{'exp ' if node.explode else ''}{'*' if node.major else ''}{text}/{qualifier}"
    if target == "embase":
        kinds = "exp" if node.explode else "de"
        return f"'{text}'/{kinds}{'/mj' if node.major else ''}"
    if target == "cochrane":
        return f'[mh {"" if node.explode else "^"}"{text}"{f"/{qualifier}" if qualifier else ""}]'
    return f'({"MM" if node.major else "MH"} "{text}{"+" if node.explode else ""}")'


def _qualifier(text: str, source: str, target: str) -> str | None:
    names = _QUALIFIERS
    codes = {name: code for code, name in names.items()}
    low = text.lower().strip()
    code = low if low in names else codes.get(low.replace("and", "&"), codes.get(low))
    if code is None:
        return None
    return code if target == "ovid" else code.upper() if target == "cochrane" else names[code]


def write_qualifier(node: Qualifier, original: str, target: str) -> Written:
    """A subheading without a heading."""
    if target == "pubmed":
        return Written(f'"{node.text}"[sh]')
    if target == "ovid":
        return Written(f"{node.text}.fs.")
    code = _qualifier(node.text, "", "cochrane")
    if target == "cochrane" and code:
        return Written(f"[mh /{code}]")
    return refusal(original, f"{SYNTAX[target].name} has no free subheadings; as words it means another thing")


def write_type(node: Type, original: str, target: str, vocabulary: str) -> Written:
    """A publication type; those of MEDLINE are in no other database of Ovid."""
    if target == "ovid" and vocabulary != "MeSH":
        other = {"Emtree": f"Embase indexes study types as headings (exp {node.text}/, if Emtree has it)",
                 "APA": "APA PsycInfo has its own field for methods (.md.)"}  # fmt: skip
        advice = other.get(vocabulary, f"{vocabulary} has its own")
        return refusal(original, f"a publication type of MEDLINE, which .pt. does not hold here: {advice}")
    if target == "pubmed":
        return Written(f'"{node.text}"[pt]', ((LOSSY, "[pt] takes narrower types in: wider"),))
    if target == "ovid":
        message = f".pt. takes no narrower types in, [pt] does: exp {node.text}/ would, where it is a heading"
        return Written(f"{node.text}.pt.", ((LOSSY, message),))
    if target == "cochrane":
        text = f'"{node.text}":pt' if " " in node.text else f"{node.text}:pt"
        return Written(text, ((LOSSY, "only records from MEDLINE carry such types; CENTRAL needs no filter"),))
    return refusal(original, f"{SYNTAX[target].name} names study types otherwise; a filter made for it is the way")


_YEAR = re.compile(r"\d{4}")


def write_dates(node: Dates, original: str, target: str) -> Written:
    """A range of dates: whole years of publication have a form at most hosts, the dates of an index have none."""
    if node.kind not in ("dp", "pdat", "date of publication"):
        return refusal(
            original,
            f"[{node.kind}] says when PubMed's own index got the record: use the host's own entry date, by hand",
        )
    open_end = node.last.startswith("3000") or not node.last
    years = _YEAR.fullmatch(node.first) or not node.first, _YEAR.fullmatch(node.last) or open_end
    if not all(years):
        return refusal(original, "months and days of publication are not searched alike: set the limit at the host")
    first, last = node.first, "" if open_end else node.last
    forms = {
        "pubmed": f"{first or '1000'}:{last or '3000'}[dp]",
        "embase": f"[{first}-{last}]/py" if first and last else "",
        "wos": f"PY=({first}-{last})" if first and last else "",
        "scopus": " AND ".join(part for part in (
            f"PUBYEAR > {int(first) - 1}" if first else "", f"PUBYEAR < {int(last) + 1}" if last else "") if part),
    }  # fmt: skip
    text = forms.get(target, "")
    if not text:
        hint = {"ovid": f'limit N to yr="{first} -{last or "Current"}"'}.get(
            target, "its limit on the year of publication"
        )
        return refusal(original, f"a limit, no search term, at {SYNTAX[target].name}: {hint}")
    message = "print and electronic dates count differently; a record's year may differ by one: check"
    return Written(f"({text})" if " AND " in text else text, ((LOSSY, message),))
