"""Titles: what to strip, what to keep as a marker, and the second title that some databases append.

Two titles are compared by their cleaned words; a *marker* is a word that makes otherwise equal titles two
documents (erratum, reply, part 2, protocol, update, ...), so it must be present in both or in neither.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from toolkit.dedup.text import fold, one_spelling

__all__ = ["GENERIC_TITLES", "MARKERS", "Title", "marker_names", "read_title"]

_LANGUAGES = (
    "english|chinese|german|french|spanish|italian|russian|japanese|portuguese|polish|turkish|korean|dutch|swedish|"
    "danish|norwegian|finnish|czech|slovak|hungarian|romanian|bulgarian|croatian|serbian|ukrainian|hebrew|arabic|"
    "persian|greek|icelandic|catalan|slovenian|lithuanian|estonian|latvian|afrikaans"
)
_NOTE = (
    r"(?:(?:in |article in |original in |text in |(?:english )?(?:abstract|summary) in )?"
    rf"(?:{_LANGUAGES})(?:[,;/ ]+(?:and )?(?:{_LANGUAGES}))*|"
    r"\d+ ref(?:erence)?s?|review|with \d+ references|abstract|meeting abstract|conference abstract|letter|editorial|"
    r"comment|article|in process citation|see comments?|corrected|clinical conference|news|multiple letters|"
    r"randomi[sz]ed controlled trial|retracted(?: article)?|published erratum.*|erratum.*|corrigendum.*|"
    r"correction appears.*|retracted article\..*|retraction in.*|update (?:in|of)\b.*|comment (?:in|on)\b.*|"
    r"republished (?:from|in)\b.*|英文|俄文|日文|vol\.? ?\d+.*|(?:lancet|bmj|jama)? ?\d{4} ?;.*)"
)
_TRAILING_NOTE = re.compile(rf"\s*[\[\(（]\s*{_NOTE}\s*[\]\)）]\s*\.?\s*$", re.IGNORECASE)
_BARE_NOTE = re.compile(rf"[.?!]\s*(?:see comments?|in process citation|{_LANGUAGES})\s*\.?\s*$", re.IGNORECASE)
_LEADING_NOTE = re.compile(r"^\s*retracted(?: article)?\s*[:.]\s*", re.IGNORECASE)
_SECOND_TITLE = re.compile(
    r"^(?P<first>.{15,}?)[\s.]*(?:\[(?P<bracket>[^\[\]]{15,})\]|\s=\s(?P<equal>.{15,}))\s*\.?\s*$"
)
_LANGUAGE_WORD = re.compile(rf"[.?!] (?:{_LANGUAGES}) ", re.IGNORECASE)
_LOST_BRACKET = re.compile(
    rf"^(?P<first>.{{15,}}?)[.?!] (?:{_LANGUAGES.title()}|{_LANGUAGES.upper()}) (?P<bracket>[A-ZÀ-Þ].{{9,}})$"
)
_CUT_END = re.compile(r"\s*(?:…|\.\.\.)\s*(?:[-–|]\s*[\w .]{2,40})?\]?\s*$")  # "of the femoral ... - CiteSeerX"
_WHOLE_BRACKET = re.compile(r"^\s*\[(?P<inner>.+?)\]?\s*\.?\s*$")

_MARKER_PATTERNS: tuple[tuple[str, str], ...] = (
    ("erratum", r"^(?:published )?(?:erratum|errata|corrigend\w+|correction|corrections|author correction|addendum)\b|"
                r"\bcorrections? to\b|\bcorrigend(?:um|a)\b|\berrat(?:um|a)\b|更正|勘误"),
    ("retraction", r"^(?:retraction|notice of retraction|retraction note|expression of concern|withdrawal notice|"
                   r"withdrawn)\b|\bretraction notice\b|撤稿"),
    ("comment", r"^(?:re(?! (?:analy|evalu|exam|assess|visit|treat|irrad|oper|emerg|entry|infect))|comments?|"
                r"commentary|invited commentary|editorial comment(?:ary)?|perspective on)\b|"
                r"\b(?:comments?|commentary) (?:on|to)\b|\b(?:a|invited|editorial) commentary$"),
    ("reply", r"^(?:in )?(?:reply|response|rejoinder|authors? reply|the authors? reply|authors? response)\b|"
              r"\b(?:authors? )?(?:reply|rejoinder)\b|\bauthors? response\b|"
              r"\bresponse to (?:letter|comment\w*|dr|the letter)\b"),
    ("letter", r"^letters? to the editor\b|\bletter to the editor\b"),
    ("protocol", r"\bprotocol\b|\brationale and (?:study )?design\b|\bdesign and rationale\b|\bstudy design\b|"
                 r"研究方案"),
    ("update", r"\bupdated?\b|\brevisited\b|\bpub ?[2-9]\b"),
    ("follow-up", r"\bfollow ?up\b|\blong term\b|\bextension (?:study|trial|phase)\b|\b(?:late|final|later) results\b"),
    ("secondary", r"\bsub ?group\b|\bsub ?study\b|\bpost hoc\b|\bsecondary analys[ie]s\b|\bpooled analys[ie]s\b|"
                  r"\bre ?analys[ie]s\b|\bad hoc analys[ie]s\b"),
    ("preliminary", r"\b(?:preliminary|interim|pilot|feasibility)\b"),
    ("abstracts", r"\bposter abstracts\b|\babstracts? (?:of|from)\b|\bproceedings\b"),
    ("plain summary", r"\bplain language summary\b"),
    ("men", r"\b(?:men|males?|boys?)\b|男性"),
    ("women", r"\b(?:women|females?|girls?)\b|女性"),
    ("children", r"\b(?:child|children|pa?ediatrics?|infants?|neonat\w+|newborns?)\b|儿童|小儿|新生儿"),
    ("adults", r"\badults?\b|成人"),
    ("elderly", r"\b(?:elderly|older|aged)\b|老年"),
    ("vitro", r"\bin vitro\b"),
    ("vivo", r"\bin vivo\b"),
)  # fmt: skip
MARKERS: tuple[str, ...] = tuple(name for name, _ in _MARKER_PATTERNS)
# A marker's pattern is tried only on titles that hold one of these words (or are not in Latin script).
_MARKER_WORDS: dict[str, str] = {
    "erratum": "erratum errata corrigendum corrigenda correction corrections addendum",
    "retraction": "retraction withdrawal withdrawn concern",
    "comment": "re comment comments commentary perspective",
    "reply": "reply response rejoinder",
    "letter": "letter letters",
    "protocol": "protocol rationale design",
    "update": "update updated revisited pub pub2 pub3 pub4 pub5 pub6 pub7 pub8 pub9",
    "follow-up": "follow followup term extension results",
    "secondary": "sub subgroup substudy hoc secondary pooled re reanalysis reanalyses",
    "preliminary": "preliminary interim pilot feasibility",
    "abstracts": "abstracts abstract proceedings",
    "plain summary": "plain",
    "men": "men male males boy boys",
    "women": "women female females girl girls",
    "children": "child children paediatric paediatrics pediatric pediatrics infant infants newborn newborns",
    "adults": "adult adults",
    "elderly": "elderly older aged",
    "vitro": "vitro",
    "vivo": "vivo",
}
_PATTERNS = tuple(re.compile(pattern) for _, pattern in _MARKER_PATTERNS)
_TRIED_FOR: dict[str, tuple[int, ...]] = {}
for _bit, _name in enumerate(MARKERS):
    for _word in _MARKER_WORDS[_name].split():
        _TRIED_FOR[_word] = (*_TRIED_FOR.get(_word, ()), _bit)
_CHILDREN = MARKERS.index("children")

GENERIC_TITLES = re.compile(
    r"^(?:guest )?(?:editor(?:s|ial|ials)?|preface|foreword|introduction|in reply|reply|response|comment(?:s|ary)?|"
    r"correspondence|letters?|news|notes?|book reviews?|abstracts?|conclusions?|discussion|keynote|erratum|correction|"
    r"corrigendum|retraction|announcements?|contents|index|invited|author|authors|the|to|from|and|of|for|in|special|"
    r"issue|section|statement|message|welcome|address|note|notices?|case|report|interview|clinical|obituary|"
    r"perspectives?|overview|summary|references|appendix|bibliography|calendar|masthead|title|page|untitled|no|"
    r"available|this|a|an|front|back|matter|cover|committee|reviewers?|acknowledge?ments?|thanks|ask|expert|questions?|"
    r"answers?|annual|meeting|conference|proceedings|poster|session|oral|presentations?|program(?:me)?|workshop|"
    r"symposium|chairs?|general|letter|journal|isj|research|papers?|articles?| |\d)+$"
)
_ROMAN = {"ii": "2", "iii": "3", "iv": "4", "vi": "6", "vii": "7", "viii": "8", "ix": "9", "xi": "11", "xii": "12"}
_ROMAN_WORD = re.compile(r"\b(?:ii|iii|iv|vi|vii|viii|ix|xi|xii)\b")
_NUMBER = re.compile(r"\d+")
_PART = re.compile(
    r"\b(?:part|pt|section|volume|chapter|episode|study|phase|report|paper|lecture|letter|no|number|stage|group|module)"
    r" (?P<label>\d{1,3}|[a-h]|i|v|x|one|two|three|four|five|first|second|third)\b"
)
_NUMERAL = re.compile(  # "... in men. II: a cohort study", "... in men. II"
    r"[.:,;–-]\s*(?P<numeral>I{1,3}|IV|VI{0,3})\s*(?:[:.]\s|\.?\s*$)"
)
_PART_NAMES = {"one": "1", "first": "1", "i": "1", "two": "2", "second": "2", "three": "3", "third": "3",
               "four": "4", "v": "5", "five": "5", "x": "10"}  # fmt: skip


class Title(NamedTuple):
    """A title ready for comparison.

    Attributes
    ----------
    words : cleaned, folded words
    other : a second (translated or original) title, folded; ``""`` where there is none
    markers : bit i set where ``MARKERS[i]`` occurs
    numbers : all numbers of the title in order, Roman ones included
    part : label of a part, phase or study ("2"), ``""`` where there is none
    is_translated : the source marked the title as translated (whole title in brackets)
    is_generic : made of words like "editorial" or "book review" only
    is_cut : ends with an ellipsis, or with one and the name of a catalogue
    """

    words: str
    other: str
    markers: int
    numbers: str
    part: str
    is_translated: bool
    is_generic: bool
    is_cut: bool


def marker_names(bits: int) -> tuple[str, ...]:
    """Names of the markers set in ``bits``."""
    return tuple(name for i, name in enumerate(MARKERS) if bits >> i & 1)


def read_title(raw: str, original: str = "") -> Title:
    """The parts of a title as delivered, with the source's own original-language title if it gave one."""
    is_cut = ("..." in raw or "…" in raw) and _CUT_END.search(raw) is not None
    text, translated = _strip_notes(_CUT_END.sub("", raw) if is_cut else raw)
    second = original
    if "[" in text or " = " in text:
        match = _SECOND_TITLE.match(text)
        if match and not second:
            text, second = match["first"], match["bracket"] or match["equal"]
    if not second and _LANGUAGE_WORD.search(text):
        match = _LOST_BRACKET.match(text)
        if match:
            text, second = match["first"], match["bracket"]
    words = fold(text)
    if any(c in words for c in ("ii", "iv", "vi", "ix", "xi")):
        words = _ROMAN_WORD.sub(lambda m: _ROMAN[m.group()], words)
    other = fold(second) if second else ""
    return Title(
        words=one_spelling(words),
        other="" if other == words else one_spelling(other),
        markers=_markers(words),
        numbers=" ".join(_NUMBER.findall(words)),
        part=_part_label(words, text),
        is_translated=translated,
        is_cut=is_cut,
        is_generic=len(words) < 60 and GENERIC_TITLES.match(words) is not None,
    )


def _markers(words: str) -> int:
    if words.isascii():
        tried = {bit for word in _TRIED_FOR.keys() & words.split() for bit in _TRIED_FOR[word]}
        if "neonat" in words:
            tried.add(_CHILDREN)
    else:
        tried = set(range(len(MARKERS)))
    return sum(1 << bit for bit in tried if _PATTERNS[bit].search(words))


def _part_label(words: str, raw: str) -> str:
    labels = []
    for match in _PART.finditer(words):
        label = match["label"]
        labels.append(_PART_NAMES.get(label, label.lstrip("0") or "0"))
    for match in _NUMERAL.finditer(raw):
        numeral = match["numeral"].lower()
        labels.append(_PART_NAMES.get(numeral) or _ROMAN[numeral])
    return " ".join(labels)


def _strip_notes(raw: str) -> tuple[str, bool]:
    """The title without notes of the database, and whether the whole of it stood in brackets."""
    text = raw.strip()
    translated = False
    for _ in range(4):
        before = text
        if text.endswith(("]", ")", "].", ").", "）")):
            text = _TRAILING_NOTE.sub("", text) or before
        elif any(c in text[-28:-4] for c in ".?!"):
            text = _BARE_NOTE.sub("", text) or before
        if text.startswith("["):
            match = _WHOLE_BRACKET.match(text)
            if match and "[" not in match["inner"] and "]" not in match["inner"]:
                text, translated = match["inner"], True
        if text == before:
            break
    if text[:12].lower().startswith("retracted"):
        text = _LEADING_NOTE.sub("", text)
    return text, translated
