"""Findings on strategies for other platforms, each with its line and column."""

from __future__ import annotations

import pytest

from toolkit.search.lint import check_strategy
from toolkit.search.parse import parse_line
from toolkit.search.platforms import SYNTAX
from toolkit.search.strategy import PLATFORMS, parse_strategy

HEAD = {
    "pubmed": "# database: PubMed\n\n#1 ",
    "ovid": "# platform: Ovid\n\n1. ",
    "embase": "# platform: Embase.com\n\n#1 ",
    "cochrane": "# platform: Cochrane Library\n\n#1 ",
    "wos": "# platform: Web of Science\n\n#1 ",
    "scopus": "# platform: Scopus\n\n#1 ",
    "ebsco": "# platform: EBSCOhost\n\nS1 ",
    "cnki": "# platform: CNKI\n\n#1 ",
}


def findings(platform: str, text: str) -> list[tuple[str, str, int, int]]:
    strategy = parse_strategy(HEAD[platform] + text)
    return [(f.code, f.severity, f.row, f.column) for f in check_strategy(strategy)]


GOOD = [
    ("pubmed", '"Asthma"[mh] OR (child*[tiab] AND "hip pain"[ti:~2])'),
    ("ovid", "exp Asthma/ or (wom?n adj3 colo$r).ti,ab,kf. or humans.sh."),
    ("embase", "'asthma'/exp OR (heart NEXT/1 infarct*):ti,ab,kw OR colo$r:ti"),
    ("cochrane", '[mh "Asthma"] OR (heart NEXT infarct*):ti,ab,kw OR wom?n:ti'),
    ("wos", 'TS=("heart attack" NEAR/3 wom?n) NOT TI=(colo$r)'),
    ("scopus", 'TITLE-ABS-KEY("heart attack" W/3 wom?n) AND NOT TITLE(rat)'),
    ("ebsco", '(MH "Asthma+") OR TI (child* N3 colo#r)'),
    ("cnki", "TKA%=('股骨头坏死'+'骨坏死') AND TKA%=('随机'*'对照')"),
]


@pytest.mark.parametrize(("platform", "text"), GOOD)
def test_a_good_line_of_each_platform_has_no_finding(platform: str, text: str):
    assert findings(platform, text) == []


# One line for each kind of mistake: (platform, line, code, severity, column counted by hand).
BAD = [
    ("ovid", "(asthma.ti,ab.", "unbalanced-bracket", "error", 4),
    ("embase", "“asthma”:ti", "lookalike", "error", 4),
    ("cnki", "TKA%=（'骨坏死'）", "lookalike", "error", 9),
    ("cnki", "TKA%=('骨坏死'＋'股骨头坏死')", "lookalike", "error", 15),
    ("wos", "TS=(asthma) OR", "lone-operator", "error", 16),
    ("scopus", "TITLE(a) AND TITLE(b) OR TITLE(c)", "mixed-operators", "warning", 26),
    ("ebsco", "TI asthma AND (TI a OR AB b", "unbalanced-bracket", "error", 18),
    # wildcards the platform does not know
    ("pubmed", "wom?n[ti]", "unknown-wildcard", "error", 6),
    ("pubmed", "lun*[ti]", "short-wildcard", "error", 4),
    ("cochrane", "colo$r:ti", "unknown-wildcard", "error", 7),
    ("scopus", "TITLE(colo$r)", "unknown-wildcard", "error", 13),
    ("wos", "TS=(wom#n)", "unknown-wildcard", "error", 10),
    ("ebsco", "TI colo$r", "unknown-wildcard", "error", 10),
    ("embase", "wom#n:ti", "unknown-wildcard", "error", 6),
    ("embase", "'heart infarct*':ti", "quoted-wildcard", "warning", 4),
    ("cochrane", '"heart infarct*":ti', "quoted-wildcard", "warning", 4),
    # syntax of another platform
    ("pubmed", "asthma.ti,ab.", "other-platform", "error", 10),
    ("pubmed", "asthma:ti,ab,kw", "other-platform", "error", 10),
    ("ovid", "asthma[tiab]", "other-platform", "error", 10),
    ("embase", "'asthma'/exp OR asthma[tiab]", "other-platform", "error", 26),
    ("cochrane", "exp Asthma/", "other-platform", "error", 4),
    ("wos", 'TITLE-ABS-KEY("asthma")', "other-platform", "error", 4),
    ("scopus", "TS=(asthma)", "other-platform", "error", 4),
    ("ebsco", "MeSH descriptor: [Asthma] explode all trees", "other-platform", "error", 4),
    ("cnki", "TKA%='骨坏死' AND 'asthma'/exp", "other-platform", "error", 19),
    # proximity
    ("wos", "TS=(hip NEAR pain)", "bare-proximity", "warning", 12),
    ("cochrane", "(hip NEAR pain):ti", "bare-proximity", "warning", 9),
    ("wos", "TS=((hip AND femur) NEAR/3 pain)", "and-in-proximity", "error", 8),
    # CNKI's own operators
    ("cnki", "TKA%=('骨坏死' OR '股骨头坏死')", "cnki-operator", "error", 16),
    ("cnki", "TKA%=('骨坏死'+)", "lone-operator", "error", 15),
    ("cnki", "TKA%='骨坏死", "unbalanced-quote", "error", 9),
]


@pytest.mark.parametrize(("platform", "text", "code", "severity", "column"), BAD)
def test_a_mistake_is_found_with_line_and_column(platform: str, text: str, code: str, severity: str, column: int):
    assert (code, severity, 3, column) in findings(platform, text)


def test_lines_nobody_uses_are_found_on_every_platform():
    for platform, head in HEAD.items():
        number = {"ovid": "2.", "ebsco": "S2"}.get(platform, "#2")
        strategy = parse_strategy(f"{head}hip\n{number} 髋\n")
        assert [f.row for f in check_strategy(strategy) if f.code == "unused-line"] == [3], platform


def test_a_filter_of_another_platform_is_an_error():
    text = "# platform: Ovid\n# filter: Cochrane RCT filter, PubMed format, 2008 revision\n\n1. randomized.ab.\n"
    found = [f for f in check_strategy(parse_strategy(text)) if f.code == "filter-platform"]
    assert [f.severity for f in found] == ["error"]
    right = text.replace("PubMed format, 2008", "Ovid format, 2023")
    assert not [f for f in check_strategy(parse_strategy(right)) if f.code == "filter-platform"]


def test_a_trial_filter_at_central_is_a_warning():
    text = "# platform: Cochrane Library\n# filter: RCT filter\n\n#1 randomized:ab\n"
    assert "filter-central" in [f.code for f in check_strategy(parse_strategy(text))]


def test_a_draft_and_what_it_left_untranslated_are_errors():
    text = "# database: PubMed\n# status: draft\n\n#1 ⟦exp Asthma/⟧ OR asthma[ti]\n"
    found = {f.code: f.severity for f in check_strategy(parse_strategy(text))}
    assert (found["draft"], found["untranslated"]) == ("error", "error")


def test_every_platform_of_the_headers_has_a_syntax():
    assert set(SYNTAX) == set(PLATFORMS)


@pytest.mark.parametrize(("platform", "text"), GOOD)
def test_every_good_line_can_be_read(platform: str, text: str):
    strategy = parse_strategy(HEAD[platform] + text)
    node = parse_line(strategy.lines[0], platform, strategy.numbering)
    assert (node.start, node.end) == (0, len(text))


def test_the_cochrane_filters_have_no_error(shared):
    for name, head in (("pubmed_2008", "# database: PubMed\n\n"), ("ovid_2023", "# platform: Ovid\n\n")):
        text = (shared / "samples" / "strategies" / f"cochrane_hsss_{name}.txt").read_text(encoding="utf-8")
        assert [str(f) for f in check_strategy(parse_strategy(head + text)) if f.severity == "error"] == []
