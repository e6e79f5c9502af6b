"""Findings that depend on the platform: foreign syntax, unknown wildcards, copied filters, unfinished drafts."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

from toolkit.search.findings import Finding, finding_at, finding_in_header
from toolkit.search.platforms import SYNTAX
from toolkit.search.strategy import PLATFORMS, Strategy, StrategyLine

__all__ = ["PLATFORM_CHECKS"]

# ":ti,ab" belongs to two platforms.
_COLON = re.compile(r":(?:ti|ab)(?:,(?:ti|ab|kw|de))+(?=[\s)]|$)", re.IGNORECASE)
_ODD_WILDCARDS = {
    "?": re.compile(r"\w\?|\?\w"),
    "$": re.compile(r"\w\$|\$\w"),
    "#": re.compile(r"[^\W\d_]#"),
}
_BARE_NEAR = re.compile(r"(?<![\w/])NEAR(?![\w/])", re.IGNORECASE)
_AND_IN_NEAR = re.compile(r"\([^()]*\bAND\b[^()]*\)\s*NEAR|NEAR(?:/\d+)?\s*\([^()]*\bAND\b", re.IGNORECASE)
_CNKI_WORDS = re.compile(r"(?<!\w)(?:SU|TKA|KY|TI|FT|AU|AB)\s*(?:%=|%|=)\s*\([^()]*\b(AND|OR|NOT)\b[^()]*\)")
_LEFT = re.compile(r"⟦[^⟧]*⟧?")  # what a translation left as it was
_CNKI_LONE = re.compile(r"\(\s*[*+]|[*+]\s*\)|[*+]\s*[*+]|[*+]\s*$")


def check_drafts(strategy: Strategy) -> Iterator[Finding]:
    """A translation that nobody has checked, and tokens that are still between ⟦ ⟧."""
    if (strategy.get("status") or "").lower() == "draft":
        message = "a draft is not run: check it against its originals, then delete the status line"
        yield finding_in_header(strategy, "status", "draft", "error", message)
    for line in strategy.lines:
        for match in _LEFT.finditer(line.text):
            message = f"{match.group()} was not translated: write it by hand"
            yield finding_at(strategy, line, match.start(), "untranslated", "error", message)


def check_foreign_syntax(strategy: Strategy) -> Iterator[Finding]:
    """Syntax of another platform, which this one would search as words or refuse."""
    own = SYNTAX.get(strategy.platform)
    if own is None:
        return
    for line in strategy.lines:
        masked = _masked(line.text, strategy.platform)
        patterns = [(s.name, s.foreign) for key, s in SYNTAX.items() if key != strategy.platform and s.foreign]
        if strategy.platform not in ("embase", "cochrane"):
            patterns.append(("Embase.com or Cochrane", _COLON))
        taken = [match.span() for match in _LEFT.finditer(line.text)]
        for name, pattern in patterns:
            text = line.text if name in ("EBSCOhost", "Embase.com", "CNKI") else masked
            for match in pattern.finditer(text):
                if any(a < match.end() and match.start() < b for a, b in taken):
                    continue
                if strategy.platform == "cnki" and match.group().rstrip(" =").lower() in own.fields:
                    continue  # TI= and AB= are CNKI's own, and look like Web of Science's
                taken.append(match.span())
                message = f"{match.group().strip()!r} is {name} syntax; {own.name} would search it as words"
                yield finding_at(strategy, line, match.start(), "other-platform", "error", message)


# Names and full names as E-utilities list them (einfo.fcgi?db=pubmed), and the tags of PubMed's user guide.
_PUBMED_SHORT = """
    ad affl ai aid all au aucl auid book cdat cn cntry cnty coi cois coln crdt dcom dp dso ec ecno ed edat eid epdat
    epdt faut fed fau filt filter fir finv full gr grnt inve ip ir is isbn iss ja jid jour jt la lang lastau laut
    lid lr majr mdat mesh mh mhda nm ot otrm own p1dat pa page papx pdat pg pid pl pmid pmcid ppdat ppdt ps pt ptyp
    pubn rn sb sh si so stat subh subs ta ti tiab titl tt tw uid vi vol word
"""
_PUBMED_LONG = """
    affiliation; all fields; article identifier; author; author - corporate; author - first; author - full; author -
    identifier; author - last; author cluster id; comment correction type; completion date; conflict of interest
    statements; corporate author; create date; date - completion; date - create; date - entry; date - mesh; date -
    modification; date - publication; ec/rn number; editor; electronic publication date; entry date; extended pmid;
    first author name; full author name; full investigator name; grant number; grants and funding; investigator;
    issue; journal; language; last author name; location id; mesh date; mesh major topic; mesh subheading; mesh
    subheadings; mesh terms; modification date; nlm unique id; other term; owner; pagination; personal name as
    subject; pharmacological action; place of publication; print publication date; publication date; publication
    type; publisher; publisher id; secondary source id; source; status; subheading; subject - personal name; subset;
    supplementary concept; text word; text words; title; title/abstract; transliterated title; volume
"""
_PUBMED_TAGS = frozenset(
    [*SYNTAX["pubmed"].fields, *_PUBMED_SHORT.split(), *re.split(r";\s+", " ".join(_PUBMED_LONG.split()))]
)


def check_fields(strategy: Strategy) -> Iterator[Finding]:
    """Field tags that PubMed does not have: it drops them and searches the words in another way."""
    if strategy.platform != "pubmed":
        return
    for line in strategy.lines:
        for match in re.finditer(r"\[([^\]\[]+)\]", _masked(line.text, "pubmed")):
            tag = " ".join(match[1].partition(":")[0].lower().split())
            if tag in _PUBMED_TAGS:
                continue
            near = difflib.get_close_matches(tag, sorted(_PUBMED_TAGS), n=1)
            hint = f": did you mean [{near[0]}]?" if near else ""
            message = f"PubMed has no field {match.group()}{hint}"
            yield finding_at(strategy, line, match.start(), "unknown-field", "error", message)


def check_platform(strategy: Strategy) -> Iterator[Finding]:
    """A platform whose syntax is not known here, so that most checks are silent."""
    if strategy.platform not in SYNTAX:
        named = strategy.get("platform", "interface", "database")
        message = (
            f"the syntax of {named} is not known here: only brackets, quotes, operators and line numbers were checked "
            f"(known: {', '.join(syntax.name for syntax in SYNTAX.values())})"
        )
        key = next(key for key in ("platform", "interface", "database") if strategy.get(key) == named)
        yield finding_in_header(strategy, key, "unknown-platform", "warning", message)


def check_wildcards(strategy: Strategy) -> Iterator[Finding]:
    """Wildcards that the platform does not know, too short stems, and wildcards inside quotes that find nothing."""
    own = SYNTAX.get(strategy.platform)
    if own is None:
        return
    known = " ".join(own.wildcards) or "none"
    for line in strategy.lines:
        masked = _masked(line.text, strategy.platform)
        for char, pattern in _ODD_WILDCARDS.items():
            if char in own.wildcards:
                continue
            for match in pattern.finditer(masked):
                message = f"{own.name} does not know {char} as a wildcard (it knows: {known})"
                yield finding_at(strategy, line, match.start(), "unknown-wildcard", "error", message)
        if own.shortest_stem > 1:
            for match in re.finditer(rf"(?<![\w*])(\w{{1,{own.shortest_stem - 1}}})\*", line.text):
                message = f"{match.group()!r}: {own.name} wants at least {_spelled(own.shortest_stem)} before *"
                yield finding_at(strategy, line, match.start(), "short-wildcard", "error", message)
        yield from _quoted_wildcards(strategy, line)


def _spelled(number: int) -> str:
    return {4: "four characters"}.get(number, f"{number} characters")


def _quoted_wildcards(strategy: Strategy, line: StrategyLine) -> Iterator[Finding]:
    if strategy.platform == "pubmed":
        for match in re.finditer(r'"([^"]*)"\s*\[[^\]]*:~\d+\]', line.text):
            if "*" in match[1]:
                message = "PubMed allows no * inside a proximity phrase"
                yield finding_at(strategy, line, match.start(), "proximity-wildcard", "error", message)
    if strategy.platform in ("embase", "cochrane"):
        advice = {"embase": "write (heart NEXT/1 infarct*)", "cochrane": "write (heart NEXT infarct*)"}
        for match in re.finditer(r"'[^']*\s[^']*[*?$][^']*'|\"[^\"]*\s[^\"]*[*?$][^\"]*\"", line.text):
            message = f"a wildcard inside quotes may find nothing here: {advice[strategy.platform]}"
            yield finding_at(strategy, line, match.start(), "quoted-wildcard", "warning", message)


def check_proximity(strategy: Strategy) -> Iterator[Finding]:
    """Proximity operators without a number, and AND inside them."""
    own = SYNTAX.get(strategy.platform)
    if own is None or own.near is None:
        return
    for line in strategy.lines:
        masked = _masked(line.text, strategy.platform)
        if own.default_near is not None:
            for match in _BARE_NEAR.finditer(masked):
                message = f"NEAR without a number allows {own.default_near} words between at {own.name}: say how many"
                yield finding_at(strategy, line, match.start(), "bare-proximity", "warning", message)
        if strategy.platform == "wos":
            for match in _AND_IN_NEAR.finditer(masked):
                message = "Web of Science allows no AND inside a NEAR search"
                yield finding_at(strategy, line, match.start(), "and-in-proximity", "error", message)


def check_single_quotes(strategy: Strategy) -> Iterator[Finding]:
    """A single quotation mark that is opened and not closed, where they enclose phrases."""
    if strategy.platform not in ("embase", "cnki"):
        return
    for line in strategy.lines:
        marks = [m.start() for m in re.finditer(r"(?<!\\)(?<!\w)'|'(?!\w)", re.sub(r"\w'\w", "xxx", line.text))]
        if len(marks) % 2:
            message = "this quotation mark is never closed, or closes nothing"
            yield finding_at(strategy, line, marks[-1], "unbalanced-quote", "error", message)


def check_cnki(strategy: Strategy) -> Iterator[Finding]:
    """Inside one field CNKI joins with * + - alone; between fields with AND, OR, NOT alone."""
    if strategy.platform != "cnki":
        return
    for line in strategy.lines:
        for match in _CNKI_WORDS.finditer(line.text):
            sign = {"AND": "*", "OR": "+", "NOT": "-"}[match[1]]
            message = f"inside one field write {sign} instead of {match[1]}"
            yield finding_at(strategy, line, match.start(1), "cnki-operator", "error", message)
        for match in _CNKI_LONE.finditer(line.text):
            message = f"nothing stands on one side of {match.group().strip('() ')[:1]}"
            yield finding_at(strategy, line, match.start(), "lone-operator", "error", message)


def check_filters(strategy: Strategy) -> Iterator[Finding]:
    """Filters made for another platform, and trial filters where every record is a trial."""
    for value in strategy.all("filter", "filters"):
        low = value.lower()
        named = [key for key, words in PLATFORMS.items() if any(f"{word} format" in low for word in words)]
        if named and strategy.platform in SYNTAX and strategy.platform not in named:
            message = (
                f"the filter was made for {SYNTAX[named[0]].name} ({value}): take the version for "
                f"{SYNTAX[strategy.platform].name}, which is another one and not a translation"
            )
            yield finding_in_header(strategy, "filter", "filter-platform", "error", message)
        if strategy.platform == "cochrane" and re.search(r"\brct|random|trial", low):
            message = "CENTRAL holds trials only: a filter for trials loses records (MECIR C34)"
            yield finding_in_header(strategy, "filter", "filter-central", "warning", message)


def _masked(text: str, platform: str) -> str:
    """The line with what stands in quotes blanked; apostrophes are quotes at Embase.com and CNKI."""
    pattern = r'"[^"]*"?' + (r"|(?<!\w)'[^']*'" if platform in ("embase", "cnki") else "")
    return re.sub(pattern, lambda m: " " * len(m.group()), text)


PLATFORM_CHECKS = (
    check_platform,
    check_drafts,
    check_fields,
    check_foreign_syntax,
    check_wildcards,
    check_proximity,
    check_single_quotes,
    check_cnki,
    check_filters,
)
