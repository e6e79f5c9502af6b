"""Drafts for other platforms: right, or marked.

The cases are those on which two public translators are silently wrong (their outputs were recorded in
samples/strategies of the shared material); each test says what the right answer is, or that there is none.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.cli.common import run
from toolkit.model.errors import InputError
from toolkit.search.lint import check_strategy
from toolkit.search.platforms import SYNTAX
from toolkit.search.strategy import parse_strategy, query_of
from toolkit.search.translate import Translation, draft_text, translate

PUBMED = "# database: PubMed\n\n"
OVID = "# database: MEDLINE\n# platform: Ovid\n\n"
OTHERS = [key for key in SYNTAX if key != "pubmed"]
MESH = ["ovid", "cochrane"]


def draft(text: str, target: str) -> Translation:
    return translate(parse_strategy(text), target)


def one(text: str, target: str) -> tuple[str, list[str]]:
    """The last line's text, and the kinds of its marks."""
    line = draft(text, target).lines[-1]
    return line.text, sorted({mark.kind for mark in line.marks})


# ---- proximity ----

# Two words between at most: PubMed ~2, Ovid adj3, EBSCO N2, Web of Science NEAR/2 (notes on the platforms' own help).
TWO_BETWEEN = {
    "ovid": "(hip adj3 pain).ti,ab,kf.",
    "embase": "(hip NEAR/3 pain):ti,ab,kw",
    "cochrane": "(hip NEAR/2 pain):ti,ab,kw",
    "wos": "TS=(hip NEAR/2 pain)",
    "scopus": "TITLE-ABS-KEY((hip W/2 pain))",
    "ebsco": "(TI (hip N2 pain) OR AB (hip N2 pain))",
}


@pytest.mark.parametrize("target", TWO_BETWEEN)
def test_proximity_of_pubmed_is_no_heading_and_keeps_its_distance(target: str):
    text, _ = one(PUBMED + '"hip pain"[Title/Abstract:~2]', target)
    assert text == TWO_BETWEEN[target]


@pytest.mark.parametrize("target", ["embase", "cochrane", "scopus"])
def test_counting_of_words_that_is_not_sure_is_marked(target: str):
    marks = draft(PUBMED + '"hip pain"[Title/Abstract:~2]', target).marks
    assert any("counts words" in mark.message and "2 words between" in mark.message for mark in marks)


def test_proximity_has_no_rule_for_cnki_and_stays_as_it_was():
    assert one(PUBMED + '"hip pain"[tiab:~2]', "cnki") == ('⟦"hip pain"[tiab:~2]⟧', ["untranslatable"])


def test_adjn_counts_one_word_less_than_near():
    assert one(OVID + "1. (child adj3 school).ti,ab,kf.", "pubmed")[0] == '"child school"[tiab:~2]'
    assert (
        one(OVID + "1. (child adj3 school).ti,ab.", "wos")[0]
        == "(TI=(child NEAR/2 school) OR AB=(child NEAR/2 school))"
    )
    assert one(OVID + "1. (child adj1 school).ti.", "ebsco")[0] == "TI (child N0 school)"
    assert one(OVID + "1. (child adj3 school).ti.", "embase")[0] == "(child NEAR/3 school):ti"
    assert one("# platform: Web of Science\n\n#1 TI=(child NEAR/3 school)", "ovid")[0] == "(child adj4 school).ti."


def test_bare_near_is_fifteen_at_web_of_science_and_six_at_cochrane():
    assert one("# platform: Web of Science\n\n#1 TI=(hip NEAR pain)", "ebsco")[0] == "TI (hip N15 pain)"
    assert one("# platform: Cochrane Library\n\n#1 (hip NEAR pain):ti", "ebsco")[0] == "TI (hip N6 pain)"


def test_proximity_with_a_wildcard_is_never_anded_for_pubmed():
    text, kinds = one(OVID + "1. (child* adj3 school).ti,ab.", "pubmed")
    assert (text, kinds) == ("⟦(child* adj3 school).ti,ab.⟧", ["untranslatable"])
    assert " AND " not in text


# ---- dates ----


@pytest.mark.parametrize("target", OTHERS)
@pytest.mark.parametrize(
    "token", ["2020/01/01:3000[crdt]", '"2020/01/01"[crdt] : "2020/12/31"[crdt]', "2020:2021[edat]"]
)
def test_entry_dates_are_never_a_heading_and_stay_marked(target: str, token: str):
    text, kinds = one(PUBMED + f"asthma[ti] AND {token}", target)
    assert text.endswith(f"⟦{token}⟧")
    assert "untranslatable" in kinds


@pytest.mark.parametrize(
    ("target", "right"),
    [("wos", "PY=(2020-2024)"), ("scopus", "(PUBYEAR > 2019 AND PUBYEAR < 2025)"), ("embase", "[2020-2024]/py")],
)
def test_a_range_of_years_keeps_both_ends_and_is_marked(target: str, right: str):
    assert one(PUBMED + "2020:2024[dp]", target) == (right, ["lossy"])


@pytest.mark.parametrize("target", ["ovid", "cochrane", "ebsco", "cnki"])
def test_a_range_of_years_is_not_passed_through_where_it_is_no_search_term(target: str):
    assert one(PUBMED + "2020:2024[dp]", target) == ("⟦2020:2024[dp]⟧", ["untranslatable"])
    assert one(PUBMED + "2020/01/01:2024/12/31[dp]", target)[1] == ["untranslatable"]


def test_years_come_back_to_pubmed():
    assert one("# platform: Web of Science\n\n#1 PY=2020-2024", "pubmed")[0] == "2020:2024[dp]"
    assert one("# platform: Scopus\n\n#1 PUBYEAR > 2019", "pubmed")[0] == "2020:3000[dp]"


# ---- headings ----


@pytest.mark.parametrize(
    ("pubmed", "ovid", "cochrane"),
    [
        ('"Asthma"[Mesh]', "exp Asthma/", '[mh "Asthma"]'),
        ('"Asthma"[mh:noexp]', "Asthma/", '[mh ^"Asthma"]'),
        ('"Hip Fractures/surgery"[mh]', "exp Hip Fractures/su", '[mh "Hip Fractures"/SU]'),
    ],
)
def test_explosion_is_kept_between_the_platforms_of_mesh(pubmed: str, ovid: str, cochrane: str):
    assert one(PUBMED + pubmed, "ovid") == (ovid, [])
    assert one(PUBMED + pubmed, "cochrane") == (cochrane, [])
    back, kinds = one(OVID + f"1. {ovid}", "pubmed")
    assert (back.lower(), kinds) == (pubmed.lower().replace("[mesh]", "[mh]"), [])


def test_a_major_topic_is_kept_or_its_loss_is_marked():
    assert one(PUBMED + '"Stroke"[Majr]', "ovid") == ("exp *Stroke/", [])
    assert one(PUBMED + '"Stroke"[Majr:NoExp]', "ovid") == ("*Stroke/", [])
    assert one(PUBMED + '"Stroke"[Majr]', "cochrane") == ('[mh "Stroke"]', ["lossy"])


@pytest.mark.parametrize("target", ["embase", "ebsco", "wos", "scopus", "cnki"])
def test_a_heading_of_another_vocabulary_is_never_copied(target: str):
    text, kinds = one(PUBMED + '"Asthma"[Mesh]', target)
    assert (text, kinds) == ('⟦"Asthma"[Mesh]⟧', ["untranslatable"])


def test_explosion_of_ebsco_is_no_plus_sign_in_a_pubmed_heading():
    text, kinds = one('# platform: EBSCOhost\n# database: CINAHL\n\nS1 (MH "Asthma+")', "pubmed")
    assert (text, kinds) == ('(⟦MH "Asthma+"⟧)', ["untranslatable"])
    medline = '# platform: EBSCOhost\n# database: MEDLINE\n\nS1 (MH "Asthma+")'
    assert one(medline, "pubmed") == ('("Asthma"[mh])', [])


@pytest.mark.parametrize("target", ["wos", "scopus", "embase", "cnki", "ebsco"])
def test_animals_not_humans_does_not_become_free_words(target: str):
    text, _ = one(PUBMED + "asthma[ti] NOT (animals[mh] NOT humans[mh])", target)
    assert "⟦animals[mh]⟧" in text
    assert "⟦humans[mh]⟧" in text


@pytest.mark.parametrize("target", MESH)
def test_animals_not_humans_is_right_where_mesh_is(target: str):
    text, _ = one(PUBMED + "#10 animals [mh] NOT humans [mh]", target)
    assert text == {"ovid": "exp animals/ not exp humans/", "cochrane": '[mh "animals"] NOT [mh "humans"]'}[target]


# ---- publication types and subheadings ----


def test_publication_types_are_marked_everywhere():
    source = PUBMED + "randomized controlled trial[pt]"
    assert one(source, "ovid") == ("randomized controlled trial.pt.", ["lossy"])
    assert one(source, "cochrane") == ('"randomized controlled trial":pt', ["lossy"])
    for target in ("embase", "wos", "scopus", "ebsco", "cnki"):
        assert one(source, target) == ("⟦randomized controlled trial[pt]⟧", ["untranslatable"])


def test_a_publication_type_that_ovid_writes_as_a_heading_stays_one():
    assert one(OVID + "1. exp randomized controlled trial/", "pubmed") == (
        '"randomized controlled trial"[pt]',
        ["lossy"],
    )


def test_a_floating_subheading_is_no_free_text():
    source = PUBMED + "drug therapy[sh]"
    assert one(source, "ovid") == ("drug therapy.fs.", [])
    assert one(source, "cochrane") == ("[mh /DT]", [])
    for target in ("embase", "wos", "scopus", "ebsco", "cnki"):
        assert one(source, target) == ("⟦drug therapy[sh]⟧", ["untranslatable"])
    assert one(OVID + "1. drug therapy.fs.", "pubmed")[0] == '"drug therapy"[sh]'


# ---- wildcards ----


def test_no_letter_or_one_is_never_widened_to_any():
    text, kinds = one(OVID + "1. wom?n.ti,ab,kf. or behavio?r.mp.", "pubmed")
    assert (text, kinds) == ("⟦wom?n.ti,ab,kf.⟧ OR ⟦behavio?r.mp.⟧", ["untranslatable"])
    assert one(OVID + "1. behavio?r.ti.", "embase")[0] == "behavio$r:ti"
    assert one(OVID + "1. behavio?r.ti.", "wos")[0] == "TI=(behavio$r)"
    assert one(OVID + "1. behavio?r.ti.", "ebsco")[0] == "TI behavio#r"
    assert one(OVID + "1. behavio?r.ti.", "scopus") == ("⟦behavio?r.ti.⟧", ["untranslatable"])


def test_the_dollar_of_ovid_is_not_that_of_embase():
    assert one(OVID + "1. colo$r.ti.", "embase")[0] == "colo*r:ti"
    assert one("# platform: Embase.com\n\n#1 colo$r:ti", "ovid")[0] == "colo?r.ti."


def test_exactly_one_letter_becomes_wider_where_it_must_and_is_marked():
    assert one("# platform: Embase.com\n\n#1 wom?n:ti", "cochrane") == ("wom?n:ti", ["lossy"])
    assert one("# platform: Embase.com\n\n#1 wom?n:ti", "ovid") == ("wom#n.ti.", [])


def test_limited_truncation_and_short_stems_have_no_rule():
    assert one(OVID + "1. hip$3.ti.", "pubmed") == ("⟦hip$3.ti.⟧", ["untranslatable"])
    assert one(OVID + "1. hip*.ti.", "pubmed") == ("⟦hip*.ti.⟧", ["untranslatable"])


def test_a_wildcard_in_a_phrase_is_written_as_each_platform_wants():
    source = PUBMED + '"heart infarct*"[ti]'
    assert one(source, "embase")[0] == "(heart NEXT/1 infarct*):ti"
    assert one(source, "cochrane")[0] == "(heart NEXT infarct*):ti"
    assert one(source, "ovid")[0] == "(heart infarct*).ti."
    assert one(source, "wos")[0] == 'TI=("heart infarct*")'


# ---- numbered lines ----


@pytest.mark.parametrize("target", OTHERS)
def test_a_line_number_is_never_part_of_the_query(shared: Path, target: str):
    text = (shared / "samples" / "strategies" / "cochrane_hsss_pubmed_2008.txt").read_text(encoding="utf-8")
    found = draft(PUBMED + text, target)
    assert [line.number for line in found.lines] == list(range(1, 12))
    for line in found.lines[:8]:
        assert "#" not in line.text
        assert not any(char.isdigit() for char in line.text.replace("NEXT/1", ""))


def test_both_ways_of_numbering_give_the_same_draft():
    hashes = draft(PUBMED + "#1 asthma[ti]\n#2 hip[ti]\n#3 #1 OR #2", "ovid")
    points = draft(PUBMED + "1. asthma[ti]\n2. hip[ti]\n3. 1 OR 2", "ovid")
    assert [line.text for line in hashes.lines] == [line.text for line in points.lines]
    assert hashes.lines[-1].text == "1 or 2"


def test_the_ovid_filter_is_read_whole(shared: Path):
    text = (shared / "samples" / "strategies" / "cochrane_hsss_ovid_2023.txt").read_text(encoding="utf-8")
    lines = [line.text for line in draft(OVID + text, "pubmed").lines]
    assert lines[0] == '"randomized controlled trial"[pt]'
    assert lines[2] == "randomized[ab]"
    assert lines[4] == '"drug therapy"[sh]'
    assert lines[8] == "#1 OR #2 OR #3 OR #4 OR #5 OR #6 OR #7 OR #8"
    assert lines[9:] == ['"animals"[mh] NOT "humans"[mh:noexp]', "#9 NOT #10"]


def test_a_range_of_lines_is_spelled_for_each_platform_and_a_missing_line_is_named():
    lines = "".join(f"{n}. asthma.ti.\n" for n in range(1, 9))
    found = {t: draft(OVID + lines + "9. or/1-8", t).lines[-1].text for t in ("pubmed", "cochrane", "ebsco", "cnki")}
    assert found["pubmed"] == "#1 OR #2 OR #3 OR #4 OR #5 OR #6 OR #7 OR #8"
    assert found["cochrane"] == "{or #1-#8}"
    assert found["ebsco"].startswith("S1 OR S2")
    assert found["cnki"] == "⟦or/1-8⟧"
    lone = draft(OVID + "9. or/1-8", "pubmed").lines[-1]
    assert (lone.text, lone.marks[0].message) == ("⟦or/1-8⟧", "there is no line 1")


# ---- phrases, fields, operators ----


@pytest.mark.parametrize("target", OTHERS)
def test_words_that_belong_together_are_never_left_unquoted(target: str):
    text, _ = one(PUBMED + "heart attack[ti]", target)
    assert ('"heart attack"' in text) or ("'heart attack'" in text)


def test_unquoted_words_that_their_platform_joins_by_and_are_marked():
    assert "lossy" in one("# platform: Web of Science\n\n#1 TI=(heart attack)", "pubmed")[1]


def test_fields_keep_their_meaning_or_say_that_they_do_not():
    assert one(OVID + "1. asthma.ti,ab,kf.", "pubmed") == ("asthma[tiab]", [])
    assert one(OVID + "1. asthma.ti,ab.", "pubmed") == ("asthma[tiab]", ["lossy"])
    assert one(OVID + "1. asthma.ti,ab,kf.", "scopus") == ("TITLE-ABS-KEY(asthma)", ["lossy"])
    assert one(PUBMED + "asthma[tw]", "ovid") == ("asthma.mp.", ["lossy"])
    assert one(PUBMED + "asthma[nm]", "ovid") == ("⟦asthma[nm]⟧", ["untranslatable"])
    assert one(PUBMED + "asthma", "wos") == ("TS=(asthma)", ["lossy"])


def test_operators_without_brackets_get_those_that_pubmed_means():
    text, kinds = one(PUBMED + "a[ti] AND b[ti] OR c[ti]", "ovid")
    assert (text, kinds) == ("(a.ti. and b.ti.) or c.ti.", ["lossy"])
    assert "lossy" in one("# platform: Scopus\n\n#1 TITLE(a) OR TITLE(b) AND TITLE(c)", "ovid")[1]
    assert one(PUBMED + "a[ti] AND b[ti] NOT c[ti]", "scopus") == ("TITLE(a) AND TITLE(b) AND NOT TITLE(c)", [])


def test_chinese_terms_go_to_cnki_and_back():
    assert one(PUBMED + "骨坏死[tiab] OR 股骨头坏死[tiab]", "cnki") == ("TKA%='骨坏死' OR TKA%='股骨头坏死'", [])
    text = "# platform: CNKI\n\n#1 TKA%=('股骨头坏死'+'骨坏死') AND SU%='随机'"
    assert one(text, "pubmed")[0] == "(股骨头坏死[tiab] OR 骨坏死[tiab]) AND 随机[tw]"


def test_a_line_that_cannot_be_read_stays_whole():
    text, kinds = one(PUBMED + "#1 (asthma[ti] OR", "ovid")
    assert (text, kinds) == ("⟦(asthma[ti] OR⟧", ["untranslatable"])


# ---- the draft as a file ----


@pytest.mark.parametrize("target", OTHERS)
def test_a_draft_keeps_the_original_beside_each_line_and_is_not_fit_to_run(target: str):
    source = parse_strategy(PUBMED + '#1 "Asthma"[mh] OR 骨坏死[tiab]\n#2 "hip pain"[ti:~2]\n#3 #1 AND #2')
    text = draft_text(translate(source, target), source)
    for line in source.lines:
        assert f"#  | #{line.number} {line.text}" in text
    again = parse_strategy(text)
    assert again.platform == target
    assert [line.number for line in again.lines] == [1, 2, 3]
    assert ("draft", "error") in {(f.code, f.severity) for f in check_strategy(again)}


def test_marks_give_line_and_column_of_the_original():
    (mark,) = draft(PUBMED + '#1 asthma[ti] OR "Asthma"[mh]', "wos").marks
    assert (mark.row, mark.column, mark.original) == (3, 18, '"Asthma"[mh]')


def test_a_filter_is_said_to_be_no_thing_to_translate():
    source = "# database: PubMed\n# filter: Cochrane RCT filter, PubMed format, 2008\n\n#1 placebo[tiab]"
    assert any("A filter is not translated" in note for note in draft(source, "ovid").notes)


def test_a_translation_of_a_simple_strategy_reads_back_to_the_same_query():
    text = PUBMED + '#1 "Asthma"[mh]\n#2 asthma*[tiab] OR "heart attack"[ti]\n#3 #1 OR #2'
    source = parse_strategy(text)
    ovid = draft_text(translate(source, "ovid"), source)
    back = translate(parse_strategy(ovid), "pubmed")
    assert [line.text for line in back.lines] == [line.text for line in source.lines]
    assert query_of(source) == query_of(parse_strategy(draft_text(back, source).replace("# status: draft\n", "")))


def test_unknown_or_equal_platforms_are_refused():
    with pytest.raises(InputError, match="no such platform"):
        draft(PUBMED + "asthma[ti]", "google")
    with pytest.raises(InputError, match="already"):
        draft(PUBMED + "asthma[ti]", "pubmed")


def test_the_command_writes_a_draft_and_counts_its_marks(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "检索.txt"
    path.write_text(PUBMED + '#1 "Asthma"[mh] OR asthma[tw]\n', encoding="utf-8")
    out = tmp_path / "wos.txt"
    assert run(["search", "translate", str(path), "--to", "wos", "-o", str(out)]) == 3
    assert "1 untranslatable, 1 lossy" in capsys.readouterr().out
    assert "status: draft" in out.read_text(encoding="utf-8")
    assert run(["search", "translate", str(path), "--to", "wos", "-o", str(out)]) == 2  # never over a person's work
    assert run(["search", "translate", str(path), "--to", "Web of Science"]) == 3
    assert run(["search", "check", str(out)]) == 2


# ---- the host's own commands, and databases of one host ----


@pytest.mark.parametrize(
    "command",
    [
        "4 use medall",
        "limit 4 to english language",
        "limit 4 to (english and humans)",
        "remove duplicates from 4",
    ],
)
def test_a_command_of_ovid_is_never_searched_as_words(command: str):
    text, kinds = one(f"{OVID}1. a.ti.\n2. b.ti.\n3. c.ti.\n4. or/1-3\n5. {command}", "pubmed")
    assert (text, kinds) == (f"⟦{command}⟧", ["untranslatable"])


def test_a_heading_in_quotes_is_a_heading():
    assert one(f'{OVID}1. exp "Quality of Life"/', "pubmed") == ('"Quality of Life"[mh]', [])
    assert one(f'{OVID}1. *"Quality of Life"/px', "cochrane")[1] == ["untranslatable"]  # subheading not in the table


def test_a_list_of_lines_is_not_taken_for_a_range():
    lines = "".join(f"{n}. {word}.ti.\n" for n, word in enumerate(("aa", "bb", "cc", "dd", "ee"), start=1))
    assert one(f"{OVID}{lines}6. or/1-2,5", "pubmed")[0] == "#1 OR #2 OR #5"
    assert one(f"{OVID}{lines}6. or/1-2,5", "cochrane")[0] == "#1 OR #2 OR #5"
    assert one(f"{OVID}{lines}6. and/1-3", "cochrane")[0] == "{and #1-#3}"


@pytest.mark.parametrize("database", ["Embase", "APA PsycInfo"])
def test_publication_types_of_medline_are_untranslatable_in_other_databases_of_ovid(database: str):
    strategy = parse_strategy(PUBMED + "#1 randomized controlled trial[pt]")
    line = translate(strategy, "ovid", database=database).lines[0]
    assert line.text == "⟦randomized controlled trial[pt]⟧"
    assert [mark.kind for mark in line.marks] == ["untranslatable"]


def test_keywords_of_authors_are_key_concepts_in_psycinfo():
    strategy = parse_strategy(PUBMED + "#1 gambling[tiab]")
    assert translate(strategy, "ovid", database="APA PsycInfo").lines[0].text == "gambling.ti,ab,id."
    assert translate(strategy, "ovid", database="Embase").lines[0].text == "gambling.ti,ab,kf."


def test_hits_pasted_behind_a_line_are_not_searched():
    strategy = parse_strategy(f"{OVID}1     exp Gambling/ (12,345)\n2     (bet or bets).ti. (7)\n3     1 or 2 (12350)")
    assert [(line.text, line.hits) for line in strategy.lines] == [
        ("exp Gambling/", 12345),
        ("(bet or bets).ti.", 7),
        ("1 or 2", 12350),
    ]
    tabbed = parse_strategy("# platform: Cochrane Library\n\n#1\t[mh Gambling]\t512\n#2\t(bet):ti\t9")
    assert [(line.text, line.hits) for line in tabbed.lines] == [("[mh Gambling]", 512), ("(bet):ti", 9)]
    assert parse_strategy(f"{PUBMED}#1 (12345678)").lines[0].text == "(12345678)"  # a PMID


@pytest.mark.parametrize(
    ("line", "said"),
    [("“hip pain”[tiab]", "is not"), ("（asthma[tiab] OR copd[tiab]）", "is not"), ("exp Asthma/", "Ovid syntax")],
)
@pytest.mark.parametrize("target", ["ovid", "embase", "wos", "ebsco"])
def test_what_the_source_would_search_as_words_is_left_and_not_carried_over(line, said, target):
    """Curly quotes became part of the phrase, and an Ovid heading a quoted phrase, with no mark that said so."""
    strategy = parse_strategy(f"# platform: PubMed\n#1 {line}\n#2 copd[tiab]\n", file="s.txt")
    done = translate(strategy, target)
    assert done.lines[0].text == f"⟦{line}⟧"
    assert {mark.kind for mark in done.lines[0].marks} == {"untranslatable"}
    assert any(said in mark.message for mark in done.lines[0].marks)
    assert "⟦" not in done.lines[1].text
