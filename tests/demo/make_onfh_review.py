"""Make data/onfh-review/ from data/onfh/: exports, replies, decisions and forms of the demo review.

    python -m tests.demo.make_onfh_review

Run it after a change of the facts or of the rules below, and commit what it writes. `review.toml`, the strategy and
README.md of the folder are written by hand and left alone.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from tests.demo.exports import CITED, FIRST_DAY, SECOND_DAY, Row, export_files, is_later, read_records
from tests.emulator.record_replies import record_replies

REPO = Path(__file__).resolve().parents[2]
FACTS, OUT = REPO / "data" / "onfh", REPO / "data" / "onfh-review"

# ---- our decisions: nobody else's, made on titles ------------------------------------------------------------------

# Reviewer CD votes "maybe" where a title could hide a comparison; at title and abstract that goes on.
MAYBE_CD = {"R017", "R070"}
# AB took these for comparative studies or case series of the procedure, CD did not; EF settled them.
ONLY_AB = {"R071": "exclude", "R095": "exclude", "R106": "include"}
ONLY_CD = {"R083": "exclude", "R096": "include"}

# Full texts. Everything that is taken forward and not named here is a series without a comparison group.
STUDY_OF = {
    "R012": ("Ma2014", "secondary"), "R020": ("Sen2012", "primary"), "R025": ("Hernigou2018", "primary"),
    "R027": ("HauzeurStage3", "primary"), "R028": ("Pepke2016", "primary"), "R029": ("Ma2014", "primary"),
    "R036": ("Kang2018", "primary"), "R041": ("Pilge2016", "primary"), "R043": ("Jayankura2023", "primary"),
    "R057": ("Gangji2011", "secondary"), "R063": ("Nally2018", "primary"), "R064": ("Boontanapibul2021", "primary"),
    "R065": ("Gangji2011", "primary"), "R066": ("TasciBMAC", "primary"), "R081": ("Zhao2012", "primary"),
}  # fmt: skip
NO_COMPARISON = "No comparison group"
COMPARATOR = "Comparator is not core decompression without cells"
ROD = "Rod or other implant with the decompression"
OTHER_REASON = {"R010": ROD, "R016": ROD, "R030": COMPARATOR, "R042": COMPARATOR, "R106": COMPARATOR}
NOT_RETRIEVED = {
    "R051": "Chinese full text not at hand",
    "R017": "full text not at hand",
    "R070": "full text not at hand",
    "R096": "full text not at hand",
}
# AB and CD disagreed on these full texts; EF settled them.
FULL_TEXT_CONFLICT = {"R030": "include", "R059": "include"}
AWAITING = {"Liu2013", "Yamasaki2010"}
CITED_INCLUDED = {"Tabatabaee2015"}
CITED_EXCLUDED = {"Hernigou2009"}

# Facts of the studies table that studies.csv says in words only.
PAIRED = {"Hernigou2018"}
UNIT_HIPS = "hips"


def main() -> None:
    """Write everything."""
    for folder in ("imports", "replies", "screening", "fulltext", "extraction"):
        shutil.rmtree(OUT / folder, ignore_errors=True)
    counts = export_files(FACTS / "records.csv", FACTS / "studies.csv", OUT / "imports")
    _replies()
    rows = read_records(FACTS / "records.csv")
    masters = [row for row in rows if not row["duplicate_of"]]
    for day, later in ((FIRST_DAY, False), (SECOND_DAY, True)):
        titles = _delivered(rows, later)
        chosen = [
            {**row, "title": titles[row["record_id"]]}
            for row in masters
            if is_later(row) == later and row["record_id"] in titles
        ]
        _title_abstract(day, chosen)
        _full_text(day, [row for row in chosen if _forward(row)], cited=not later)
        _extraction(day, later)
    for name, n in counts.items():
        print(f"{name}: {n} records")


def _replies() -> None:
    rows = read_records(FACTS / "records.csv")
    strategy = OUT / "search_strategies" / "pubmed.txt"
    for day, pmids, earlier in (
        (FIRST_DAY, [r["pmid"] for r in rows if r["pmid"] and not is_later(r)], []),
        (SECOND_DAY, [r["pmid"] for r in rows if r["pmid"]], [OUT / "replies" / FIRST_DAY]),
    ):
        record_replies(
            FACTS / "records.csv",
            strategy,
            OUT / "replies" / day,
            date.fromisoformat(day),
            pmids=pmids,
            earlier=earlier,
        )


def _delivered(rows: Sequence[Row], later: bool) -> dict[str, str]:
    """Master records that some export or the PubMed search delivers -> the title under which one of them came."""
    pubmed = _found_by_search(later)
    found: dict[str, str] = {}
    for row in sorted(rows, key=lambda row: bool(row["duplicate_of"])):
        master = row["duplicate_of"] or row["record_id"]
        if not row["pmid"] or row["pmid"] in pubmed or _in_files(row):
            found.setdefault(master, row["title"])
    return found


def _found_by_search(later: bool) -> set[str]:
    import json

    folder = OUT / "replies" / (SECOND_DAY if later else FIRST_DAY)
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("*esearch*")))
    assert json.loads((folder / "index.json").read_text(encoding="utf-8"))["replies"]
    return {part.split("</Id>")[0] for part in text.split("<Id>")[1:]}


def _in_files(row: Row) -> bool:
    folder = OUT / "imports"
    return any(row["title"] in path.read_text(encoding="utf-8") for path in folder.glob("*/*") if row["title"])


def _forward(row: Row) -> bool:
    """Whether our title-abstract stage takes the record forward."""
    rid = row["record_id"]
    if rid in MAYBE_CD:
        return True
    settled = {**ONLY_AB, **ONLY_CD}
    return settled[rid] == "include" if rid in settled else row["topic_label"].startswith("cells_")


def _title_abstract(day: str, rows: Sequence[Row]) -> None:
    votes: dict[str, list[list[str]]] = {"AB": [], "CD": [], "EF": []}
    for row in rows:
        rid = row["record_id"]
        usual = "include" if row["topic_label"].startswith("cells_") else "exclude"
        ab = "include" if rid in ONLY_AB else "exclude" if rid in ONLY_CD else usual
        cd = "include" if rid in ONLY_CD else "exclude" if rid in ONLY_AB else "maybe" if rid in MAYBE_CD else usual
        votes["AB"].append([row["title"], ab])
        votes["CD"].append([row["title"], cd])
        if rid in {*ONLY_AB, *ONLY_CD, *MAYBE_CD}:
            votes["EF"].append([row["title"], "include" if _forward(row) else "exclude"])
    for person, lines in votes.items():
        _form(f"screening/{day}-title-abstract-{person}.csv", ["title", "verdict"], lines)


def _outcome(row: Row) -> tuple[str, str]:
    rid = row["record_id"]
    if rid in STUDY_OF:
        return "include", ""
    return "exclude", OTHER_REASON.get(rid, NO_COMPARISON)


def _full_text(day: str, rows: Sequence[Row], *, cited: bool) -> None:
    header = ["report", "title", "status", "reason", "study", "role"]
    texts: list[list[str]] = []
    votes: dict[str, list[list[str]]] = {"AB": [], "CD": [], "EF": []}
    for row in rows:
        rid, title = row["record_id"], row["title"]
        if rid in NOT_RETRIEVED:
            texts.append(["", title, "not_retrieved", NOT_RETRIEVED[rid], "", ""])
            continue
        study, role = STUDY_OF.get(rid, ("", ""))
        texts.append(["", title, "retrieved", "", study, role])
        verdict, reason = _outcome(row)
        votes["AB"].append(["", title, verdict, reason])
        if rid in FULL_TEXT_CONFLICT:
            votes["CD"].append(["", title, FULL_TEXT_CONFLICT[rid], ""])
            votes["EF"].append(["", title, verdict, reason])
        else:
            votes["CD"].append(["", title, verdict, reason])
    for study in CITED if cited else ():
        _cited(study, texts, votes)
    _form(f"fulltext/{day}.csv", header, texts)
    for person, lines in votes.items():
        _form(f"screening/{day}-full-text-{person}.csv", ["report", "title", "verdict", "reason"], lines)


def _cited(study: str, texts: list[list[str]], votes: Mapping[str, list[list[str]]]) -> None:
    """Studies known from a review's table: that table is the report at hand, or nothing is."""
    if study in CITED_INCLUDED | CITED_EXCLUDED | AWAITING:
        named = "" if study in CITED_EXCLUDED else study
        texts.append([study, "", "retrieved", "the row of the review's table, not the article", named, "primary"])
        if study in CITED_INCLUDED | CITED_EXCLUDED:
            verdict, reason = ("include", "") if study in CITED_INCLUDED else ("exclude", NO_COMPARISON)
            for person in ("AB", "CD"):
                votes[person].append([study, "", verdict, reason])
    else:
        texts.append([study, "", "not_retrieved", "known from a table of characteristics only", "", ""])


def _extraction(day: str, later: bool) -> None:
    studies = {row["study_id"]: row for row in read_records(FACTS / "studies.csv")}
    arms = read_records(FACTS / "arms.csv")
    wanted = {study for rid, (study, _) in STUDY_OF.items() if (rid == "R043") == later}
    wanted |= set() if later else CITED_INCLUDED | AWAITING
    same_trial = {"Gangji2004": "Gangji2011", "Li2020": "Ma2014"}
    lines = []
    for study, row in studies.items():
        if study in wanted:
            unit = _unit(study, arms)
            lines.append(
                [
                    study, row["first_author"], row["year"], row["design"], row["country"], row["patients"],
                    row["hips"] if unit == UNIT_HIPS else "", unit, "yes" if study in PAIRED else "",
                    row["follow_up_months"], row["source"], row["notes"],
                ]
            )  # fmt: skip
    header = ["study", "first_author", "year", "design", "country", "patients", "units", "unit", "paired"]
    _form(f"extraction/{day}-studies.csv", [*header, "follow_up_months", "source", "note"], lines)
    columns = ["study", "arm", "treatment", "outcome", "months", "unit", "n", "events", "mean", "sd"]
    results = [
        [
            same_trial.get(row["study_id"], row["study_id"]), row["arm_id"], row["treatment"], row["outcome"],
            row["timepoint_months"], row["unit"], row["n"], row["events"], row["mean"], row["sd"], row["value_status"],
            row["source"], row["note"],
        ]
        for row in arms
        if same_trial.get(row["study_id"], row["study_id"]) in wanted
    ]  # fmt: skip
    _form(f"extraction/{day}-results.csv", [*columns, "status", "source", "note"], results)


def _unit(study: str, arms: Sequence[Row]) -> str:
    units = {row["unit"] for row in arms if row["study_id"] == study and row["unit"]}
    return units.pop() if len(units) == 1 else ""


def _form(name: str, header: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    path = OUT / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8-sig", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\r\n")
        writer.writerow(header)
        writer.writerows(lines)


if __name__ == "__main__":
    main()
