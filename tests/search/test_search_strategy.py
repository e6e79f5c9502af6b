"""Strategy files: reading, expanding line references, and findings."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.model.errors import InputError
from toolkit.search.lint import check_strategy
from toolkit.search.strategy import parse_strategy, query_of, read_strategy

REPO = Path(__file__).resolve().parents[2]
HEAD = "# database: PubMed\n\n"


def findings(text: str, head: str = HEAD) -> list[tuple[str, str, int, int]]:
    """(code, severity, row, column) of each finding, rows counted from the first line after the header."""
    offset = head.count("\n")
    return [(f.code, f.severity, f.row - offset, f.column) for f in check_strategy(parse_strategy(head + text))]


def codes(text: str, head: str = HEAD) -> set[str]:
    return {code for code, *_ in findings(text, head)}


def test_header_keeps_keys_values_and_repeats():
    text = "# database: PubMed\nsearcher: 王芳\n# filter: RCT filter\n# filter: animal filter\n\n#1 股骨头坏死[tiab]\n"
    strategy = parse_strategy(text)
    assert strategy.get("searcher") == "王芳"
    assert strategy.all("filter") == ("RCT filter", "animal filter")
    assert strategy.platform == "pubmed"
    assert strategy.lines[0].text == "股骨头坏死[tiab]"
    assert strategy.text == text


@pytest.mark.parametrize(
    ("header", "platform"),
    [
        ("platform: Ovid\n# database: MEDLINE", "ovid"),
        ("database: Embase\n# platform: Embase.com", "embase"),
        ("database: CENTRAL\n# platform: Cochrane Library", "cochrane"),
        ("database: SCI-EXPANDED\n# platform: Web of Science", "wos"),
        ("database: 中国知网", "cnki"),
        ("database: LILACS", "other"),
    ],
)
def test_platform_is_read_from_platform_line_before_database_line(header: str, platform: str):
    assert parse_strategy(f"# {header}\n\n#1 asthma").platform == platform


def test_references_become_brackets_and_ranges_become_groups():
    text = HEAD + '#1 "a b"[tiab]\n#2 c[tiab] OR d[tiab]\n#3 e[mh]\n#4 or/1-3\n#5 #4 NOT (#1 AND #2)\n'
    assert query_of(parse_strategy(text)) == (
        '("a b"[tiab] OR (c[tiab] OR d[tiab]) OR e[mh]) NOT ("a b"[tiab] AND (c[tiab] OR d[tiab]))'
    )


def test_the_last_line_is_run_unless_the_header_names_another():
    assert query_of(parse_strategy(HEAD + "#1 a[ti]\n#2 b[ti]")) == "b[ti]"
    assert query_of(parse_strategy("# database: PubMed\n# run: #1\n\n#1 a[ti]\n#2 b[ti]")) == "a[ti]"
    assert query_of(parse_strategy(HEAD + "#1 a[ti]\n#2 #1 OR b[ti]"), 1) == "a[ti]"


def test_unnumbered_lines_are_one_query_and_continuation_lines_join():
    assert query_of(parse_strategy(HEAD + "asthma[mh] AND\n  child*[tiab]\n")) == "asthma[mh] AND child*[tiab]"
    assert query_of(parse_strategy(HEAD + "#1 asthma[mh] AND\n   2020:2024[dp]\n")) == "asthma[mh] AND 2020:2024[dp]"


def test_ovid_numbers_refer_to_lines_only_beside_operators():
    text = "# platform: Ovid\n\n1. exp Asthma/\n2. 12 month*.ab.\n3. 1 or 2\n4. and/1-3\n"
    assert query_of(parse_strategy(text), 3) == "(exp Asthma/) or (12 month*.ab.)"
    assert query_of(parse_strategy(text)).startswith("(exp Asthma/) AND (12 month*.ab.) AND (")


def test_numbers_inside_quotes_are_no_references():
    assert (
        query_of(parse_strategy(HEAD + '#1 a[ti]\n#2 "type #1 error"[tiab] OR #1')) == '"type #1 error"[tiab] OR a[ti]'
    )


def test_reference_to_a_later_line_is_refused_with_its_place():
    with pytest.raises(InputError, match=r"row 3.*Line 1 refers to line 2"):
        query_of(parse_strategy(HEAD + "#1 #2 OR a[ti]\n#2 b[ti]"), 1)


def test_both_cochrane_filters_are_read_as_their_files_stand(shared: Path):
    folder = shared / "samples" / "strategies"
    pubmed = read_strategy(folder / "cochrane_hsss_pubmed_2008.txt")
    assert [line.number for line in pubmed.lines] == list(range(1, 12))
    assert query_of(pubmed).endswith("(groups [tiab])) NOT (animals [mh] NOT humans [mh])")
    assert not check_strategy(pubmed)
    ovid = parse_strategy("# platform: Ovid\n\n" + (folder / "cochrane_hsss_ovid_2023.txt").read_text(encoding="utf-8"))
    assert [line.number for line in ovid.lines] == list(range(1, 12))
    assert not check_strategy(ovid)
    assert query_of(ovid).startswith("((exp randomized controlled trial/) or ")


def test_the_example_filter_is_the_published_one_word_by_word(shared: Path):
    ours = read_strategy(REPO / "search_strategies" / "cochrane-rct-filter-pubmed-2008.txt")
    published = read_strategy(shared / "samples" / "strategies" / "cochrane_hsss_pubmed_2008.txt")
    assert [line.text for line in ours.lines] == [line.text for line in published.lines]


def test_example_strategies_have_no_findings():
    for path in sorted((REPO / "search_strategies").glob("*.txt")):
        assert check_strategy(read_strategy(path)) == ()


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("#1 (a[ti] OR b[ti]", ("unbalanced-bracket", "error", 1, 4)),
        ("#1 a[ti] OR b[ti])", ("unbalanced-bracket", "error", 1, 18)),
        ('#1 "a b[ti]', ("unbalanced-quote", "error", 1, 4)),
        ("#1 a[ti OR b[ti]", ("unbalanced-tag", "error", 1, 5)),
        ("#1 “a b”[ti]", ("lookalike", "error", 1, 4)),
        ("#1 （a[ti]）", ("lookalike", "error", 1, 4)),
        ("#1 a[ti]\u3000OR b[ti]", ("odd-space", "error", 1, 9)),
        ("#1 a[ti]\u00a0OR b[ti]", ("odd-space", "error", 1, 9)),
        ("#1 AND a[ti]", ("lone-operator", "error", 1, 4)),
        ("#1 a[ti] OR", ("lone-operator", "error", 1, 10)),
        ("#1 a[ti] AND OR b[ti]", ("lone-operator", "error", 1, 10)),
        ("#1 a[ti] AND ()", ("empty-brackets", "error", 1, 14)),
        ("#1 a[ti]\n#2 #1 OR #7", ("undefined-reference", "error", 2, 10)),
        ("#1 a[ti]\n#2 #2 OR #1", ("undefined-reference", "error", 2, 4)),
        ("#1 a[ti]\n#2 b[ti]\n#3 #2", ("unused-line", "warning", 1, 4)),
        ("#1 a[ti]\n#1 b[ti]", ("duplicate-number", "error", 2, 4)),
        ("#1 a[ti] AND b[ti] OR c[ti]", ("mixed-operators", "warning", 1, 20)),
        ("#1 a[ti] NOT b[ti] AND c[ti]", ("mixed-operators", "warning", 1, 20)),
        ("#1 a[ti] or b[ti]", ("lower-case-operator", "error", 1, 10)),
        ("#1 head and neck", ("lower-case-operator", "warning", 1, 9)),
        ("#1 abc*[ti]", ("short-wildcard", "error", 1, 4)),
        ("#1 wom?n[ti]", ("unknown-wildcard", "error", 1, 6)),
        ('#1 "hip pain*"[tiab:~2]', ("proximity-wildcard", "error", 1, 4)),
        ("#1 randomized.ab.", ("other-platform", "error", 1, 14)),
        ("#1 TS=(asthma)", ("other-platform", "error", 1, 4)),
        ("#1 'asthma'/exp", ("other-platform", "error", 1, 4)),
        ("#1 SU%='糖尿病'", ("other-platform", "error", 1, 4)),
        ("#1 hip adj3 pain", ("other-platform", "error", 1, 8)),
    ],
)
def test_finding_with_line_and_column(text: str, finding: tuple[str, str, int, int]):
    assert finding in findings(text)


@pytest.mark.parametrize(
    "text",
    [
        '#1 "femur head necrosis"[mh:noexp] OR (股骨头坏死[tiab] AND "hip pain"[tiab:~2])',
        "#1 #2008 OR a[ti]".replace("#2008", "b[ti]"),
        "#1 a[ti] OR b[ti] OR c[ti]\n#2 (#1 AND d[ti]) OR e[ti]",
        "#1 (a[ti] AND b[ti]) OR (c[ti] NOT d[ti])",
        "#1 a[ti] AND b[ti] NOT c[ti] NOT d[ti]",
        "#1 2020/01/01:2024/12/31[crdt] AND a[ti]",
    ],
)
def test_sound_lines_have_no_findings(text: str):
    assert findings(text) == []


def test_columns_in_continuation_lines_are_those_of_the_file():
    assert ("lone-operator", "error", 2, 11) in findings("#1 a[ti] OR\n    b[ti] OR OR c[ti]")


def test_lower_case_operators_are_right_in_ovid():
    assert "lower-case-operator" not in codes("1. a.ti.\n2. b.ti.\n3. 1 or 2", "# platform: Ovid\n\n")


def test_typographic_apostrophe_is_a_warning_only():
    assert ("lookalike", "warning", 1, 9) in findings("#1 Crohn’s[tiab]")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no query"),
        (b"# database: PubMed\n\n", "holds no query"),
        ("# database: PubMed\n\n#1 股骨头".encode("gb18030"), "not UTF-8"),
        (b"#1 a\x00b", "not a text file"),
    ],
)
def test_a_file_that_is_no_strategy_is_refused(tmp_path: Path, content: bytes, message: str):
    path = tmp_path / "检索.txt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_strategy(path)


def test_a_missing_file_and_a_byte_order_mark(tmp_path: Path):
    with pytest.raises(InputError, match="No such strategy file"):
        read_strategy(tmp_path / "none.txt")
    path = tmp_path / "bom.txt"
    path.write_text("# database: PubMed\n\n#1 a[ti]", encoding="utf-8-sig")
    assert read_strategy(path).get("database") == "PubMed"


def test_tags_that_pubmed_does_not_have_are_errors():
    assert findings("#1 a[MeSHH]") == [("unknown-field", "error", 1, 5)]
    assert findings("#1 a[tiabb]") == [("unknown-field", "error", 1, 5)]
    for tag in ("Mesh:NoExp", "tiab:~3", "Supplementary Concept", "Date - Publication", "ab", "pmid", "majr:noexp"):
        assert "unknown-field" not in {code for code, *_ in findings(f"#1 femur[{tag}]")}, tag


def test_every_field_that_entrez_lists_is_known(shared: Path):
    from xml.etree import ElementTree

    from toolkit.search.lint import check_strategy

    fields = ElementTree.parse(shared / "samples/entrez/bp_einfo2.xml").findall(".//Field")
    assert len(fields) > 40
    for field in fields:
        for name in (field.findtext("Name"), field.findtext("FullName")):
            found = check_strategy(parse_strategy(f"#1 femur[{name}]"))
            assert "unknown-field" not in {finding.code for finding in found}, name


def test_form_of_cnki_is_its_own():
    head = "# platform: CNKI\n\n"
    assert findings("TI='生态' and KY='生态文明'", head) == []
    assert findings("TI=('生态'+'环境') AND AB='文明'", head) == []
    assert [code for code, *_ in findings("TS=(ecology)", head)] == ["other-platform"]


def test_lines_named_by_commands_of_ovid_are_used():
    head = "# platform: Ovid\n\n"
    text = "1. a.ti.\n2. b.ti.\n3. c.ti.\n4. or/1-2,3\n5. 4 use medall\n6. limit 5 to english language\n"
    assert findings(f"{text}7. remove duplicates from 6", head) == []


def test_a_platform_that_is_not_known_is_said_to_be_unchecked():
    assert findings("# platform: PsycNet\n\n#1 a", "") == [("unknown-platform", "warning", 1, 1)]


def test_findings_on_the_header_name_its_line():
    found = findings("# database: PubMed\n# status: draft\n\n#1 ⟦exp Asthma/⟧", "")
    assert found == [("draft", "error", 2, 1), ("untranslated", "error", 4, 4)]
