"""A review that holds one of everything: no command, page or file says "1 records"."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest

from toolkit.cli.common import run

SETTINGS = """
[review]
title = "One of everything"
[eligibility]
exclusion_reasons = ["Wrong population"]
[screening]
title_abstract = 1
full_text = 1
[[reviewers]]
name = "AB"
[[sources]]
name = "Embase"
[[outcomes]]
id = "pain"
name = "Pain"
type = "binary"
better = "lower"
[[treatments]]
id = "Walking"
[[treatments]]
id = "Rest"
[[analyses]]
id = "pain"
kind = "pairwise"
outcome = "pain"
measure = "RR"
treatment = "Walking"
reference = "Rest"
[[analyses]]
id = "net"
kind = "network"
outcome = "pain"
measure = "OR"
reference = "Rest"
also = ["contributions", "leave-one-out", "designs", "loops", "pairwise", "impact"]
"""
RECORD = "TY  - JOUR\nTI  - {title}\nAU  - Adams, A.\nPY  - {year}\nDO  - 10.1000/{year}\nER  - \n"
RESULTS = """study,arm,treatment,outcome,months,n,events,status
Adams2020,1,Walking,pain,1,50,5,reported
Adams2020,2,Rest,pain,1,50,9,reported
"""

# Plurals of counted things and of what they do; "1 of 2 records" and "record 1" are right, "1 records" is not.
NOUNS = (
    "analyses|analysis rows|answers|arms|articles|cells|clusters|columns|comparisons|conflicts|contrasts|copies|days|"
    "designs|documents|duplicates|effects|events|exclusions|exports|files|findings|forms|full texts|groups|judgements|"
    "lines|links|loops|months|notes|pairs|participants|patients|people|pieces|rankings|reasons|records|reports|"
    "results|reviewers|rows|runs|samples|searches|sources|steps|strategies|studies|texts|treatments|units|versions|"
    "votes|warnings|years"
)
BETWEEN = r"(?:(?!(?:of|to|and|or|in|on|from|for|with|without)\b)[a-z-]+ ){0,2}"
WRONG = re.compile(rf"(?<![\d.,/:-])\b1 {BETWEEN}(?:{NOUNS})\b")


def disagreeing(text: str) -> list[str]:
    """Every count of one with a noun of several, and what stands around it."""
    plain = html.unescape(re.sub(r"<[^>]+>", "\n", text))
    return [plain[max(found.start() - 30, 0) : found.end() + 30].replace("\n", " ") for found in WRONG.finditer(plain)]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("1 records compared", True), ("1 record compared", False), ("11 records", False), ("0.1 studies", False),
        ("1 wait for a person", False), ("<td>1</td><td>records</td>", False), ("1 of 2 studies", False),
        ("1 included studies", True), ("1 row of studies", False),
    ],
)  # fmt: skip
def test_a_count_that_does_not_agree_with_its_noun_is_found(text: str, wrong: bool) -> None:
    assert bool(disagreeing(text)) is wrong


def test_no_command_counts_one_of_several(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "one"
    said: list[str] = []

    def do(*words: str, code: int = 0) -> None:
        ended = run(["-C", str(root), "--as", "AB", *words])
        printed = capsys.readouterr()
        assert ended == code, (words, printed)
        said.extend(f"evipool {' '.join(words)}: {one}" for one in disagreeing(printed.out + printed.err))

    def write(name: str, text: str) -> str:
        path = root / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    assert run(["init", str(root), "--title", "One"]) == 0
    write("review.toml", SETTINGS)
    do("status")
    do("import", write("imports/one.ris", RECORD.format(title="Walking", year=2020)), "--database", "Embase")
    do("dedup", "--dry-run")
    do("dedup")
    for words in (["overlap"], ["links"], ["review", "--list"]):
        do("dedup", *words)
    do("status")
    do("update", code=3)
    do("screen", "export", str(root / "form.csv"), "--stage", "title-abstract", "--for", "AB")
    do("screen", "decide", "doi:10.1000/2020", "include", "--stage", "title-abstract")
    do("screen", "progress")
    do("fulltext", "list", "--output", str(root / "ft.csv"))
    do("fulltext", "import", write("ft1.csv", "doi,status,study\n10.1000/2020,retrieved,Adams2020\n"))
    do("status")
    do("screen", "decide", "doi:10.1000/2020", "include", "--stage", "full-text")
    do("update", "--plan", code=3)
    do("extract", "template", str(root / "extraction/results.csv"))
    do("extract", "import", write("extraction/results.csv", RESULTS))
    do("extract", "import", write("extraction/studies.csv", "study,year\nAdams2020,2020\n"))
    do("extract", "check")
    do("analyse")
    do("prisma")
    do("search", "list")
    do("search", "report")
    do("update")
    for page in ("report.html", "prisma-flow.svg"):
        text = (root / "report" / page).read_text(encoding="utf-8")
        said.extend(f"report/{page}: {one}" for one in disagreeing(text))
    write("imports/two.ris", RECORD.format(title="Walking again", year=2021))
    do("import", str(root / "imports/two.ris"), "--database", "Embase")
    do("update", code=3)
    do("status")
    do("screen", "decide", "doi:10.1000/2021", "exclude", "--stage", "title-abstract")
    do("update")
    text = (root / "report" / "report.html").read_text(encoding="utf-8")
    said.extend(f"update, report.html: {one}" for one in disagreeing(text))
    do("log")
    assert not said, "\n".join(said)
