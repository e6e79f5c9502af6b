"""Real exports of databases and tools: how many records, and what stands in them."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from toolkit.records.detect import FORMATS, load
from toolkit.records.files import open_file, read_file
from toolkit.records.normalise import clean

# Facts read by eye in the files of shared/samples/exports: record, title's start, first author, year, DOI, PMID.
FACTS = [
    ("cinahl_ebsco/citesource_crimjust_41.ris", 0, "Discourses of responsible gambling", "Francis, Louise", 2021,
     "10.1080/16066359.2020.1867111", None),
    ("cinahl_ebsco/cff_baseline_cinahl.csv", 0, "Osteohistological insight into the growth", "Curry Rogers, Kristina",
     2024, "10.1371/journal.pone.0298242", None),
    ("clinicaltrials/ctg-studies_part.json", 0, "A Pilot Study to Evaluate", None, 2011, None, None),
    ("cnki/cnki_estudy_part.txt", 0, "1例卡培他滨与苯妥英钠相互作用", "柯洪琴", 2021, None, None),
    ("cnki/cnki_noteexpress.net", 0, "计算机辅助导航技术", "潘紫麟", 2021, None, None),
    ("cnki/cnki_refworks.txt", 0, "黄瓜胚性愈伤组织", "薛婉钰", 2024, "10.13207/j.cnki.jnwafu.2024.07.011", None),
    ("cnki/cnki_refworks.txt", 2, "外施Ca~(2+)、ABA", "颜宏", 2000, "10.13287/j.1001-9332.2000.0212", None),
    ("cnki/derived_cnki_refer_gbk.enw", 0, "黄芪多糖复合酶提取", "张会佳", None,
     "10.13386/j.issn1002-0306.2023090315", None),
    ("cochrane/citation-export_part.txt", 1, "Ketogenic diet and other dietary", "Martin, Kirsty", 2016,
     "10.1002/14651858.cd001903.pub3", None),
    ("cochrane/cochrane_refman_part.ris", 0, "The Incredible Years Therapeutic", "Bywater, T", 2011,
     "10.1186/1745-6215-12-39", "21314913"),
    ("cochrane/cochrane_central_part.csv", 0, "The Incredible Years Therapeutic", "Bywater, T", 2011,
     "10.1186/1745-6215-12-39", "21314913"),
    ("crossref/fatcat_crossref_works.json", 0, "Inside SSL: accelerating", "Chou, W.", 2002,
     "10.1109/mitp.2002.1041177", None),
    ("embase/asr_embase_newpage.csv", 1, "", "Eloubeidi, M.A.", 2004, "10.1002/cncr.20369", None),
    ("embase/cff_baseline_embase.csv", 0, "Cellular structure of dinosaur scales", "Yang, Z.", 2024,
     "10.1038/s41467-024-48400-3", "38773066"),
    ("embase/cff_baseline_embase.ris", 0, "Cellular structure of dinosaur scales", "Yang, Z.", 2024,
     "10.1038/s41467-024-48400-3", "38773066"),
    ("embase/cff_baseline_embase.xlsx", 0, "Cellular structure of dinosaur scales", "Yang, Z.", 2024,
     "10.1038/s41467-024-48400-3", "38773066"),
    ("endnote_xml/jabref_article.xml", 0, "Trends in the lifetime risk", "Ahmad, AS", 2015, "10.1038/bjc.2014.606",
     "25647015"),
    ("ictrp/ICTRP-Results_part.xml", 0, "Observational Study of Neurofilament", None, 2024, None, None),
    ("ovid/asr_ovid_psycinfo.ris", 0, "The influence of self-criticism", "Trindade, Ines A", 2019,
     "10.1002/cpp.2398", None),
    ("ovid/zotero_ovid_3.txt", 1, "Up-regulation of breast cancer", "Zhang, Weijia", 2011, "10.1093/abbs/gmr050", None),
    ("ovid/zotero_ovid_6.txt", 0, "A comparison of manifestations", "Kobori, Osamu", 2015,
     "10.1017/s1352465814000277", "24892981"),
    ("ovid/jabref_OvidImporterTest4.txt", 0, "Cloud water interception", "Kohler, Lars", 2015,
     "10.1002/eco.1563", None),
    ("proquest/proquest_report.txt", 0, "Entrenchment and the Kripke", "Dorst, Chris", 2014, None, None),
    ("pubmed/asr_pubmed_endnote.txt", 0, "Boswellia serrata", "Abdel-Tawab, M.", 2011,
     "10.2165/11586800-000000000-00000", "21553931"),
    ("pubmed/cff_baseline_pubmed.csv", 0, "Time lapse: A glimpse", "Griffin, DK", 2020,
     "10.1016/j.ejmg.2019.03.004", "30922926"),
    ("pubmed/revtools_restoration.nbib", 0, "Ecosystem services changes", "Wu, Dan", 2019,
     "10.1371/journal.pone.0209483", "30689646"),
    ("pubmed/zotero_nbib_5.nbib", 0, "Educational Test Approaches", "van Groen, Maaike M.", 2020, None, None),
    ("ris_odd/zotero_ris_4.ris", 0, "Rapid identification of thousands", "CASTOE, TODD A.", 2009,
     "10.1111/j.1755-0998.2009.02750.x", None),
    ("ris_odd/zotero_ris_10.ris", 0, "Using focus groups", "Bryan, C.J.", 2008, "10.1016/s0027-9684(15)31340-7", None),
    ("scopus/litstudy_scopus.csv", 0, "Scalable molecular dynamics with NAMD", "Phillips, J.C.", 2005,
     "10.1002/jcc.20289", None),
    ("scopus/cff_baseline_scopus.ris", 0, "Global latitudinal gradients", "Wilson, L.N.", 2024,
     "10.1038/s41467-024-46843-2", "38580657"),
    ("wanfang/wanfang_noteexpress_part.net", 1, "优化护理活动", "杨玲", 2020,
     "10.3969/j.issn.1672-9676.2020.01.039", None),
    ("wos/buhos_wos.bib", 0, "Behavioral software engineering", "Lenberg, Per", 2015,
     "10.1016/j.jss.2015.04.084", None),
    ("wos/mrhelper_savedrecs_2021.txt", 0, "Review of cyclin-dependent", "Husinka, Lakyn", 2021,
     "10.1080/21556660.2020.1857103", "33414982"),
    ("wos/derived_wos_tab_win.txt", 0, "Review of cyclin-dependent", "Husinka, Lakyn", 2021,
     "10.1080/21556660.2020.1857103", "33414982"),
    ("zotero/cff_baseline_zotero.csv", 0, "Cellular structure of dinosaur scales", "Yang, Z.", 2024,
     "10.1038/s41467-024-48400-3", None),
    ("zotero/zotero_csl.json", 0, "Stochastic biomathematical models", "Bachar, Mostafa", 2013, None, None),
    ("zotero/zotero_rdf_5.rdf", 0, "International Code for Ships", "Int'l Mar. Org.", 2017, None, None),
]  # fmt: skip


def indexed(shared: Path) -> list[tuple[Path, int]]:
    """Every file that INDEX.md lists, with its count."""
    root = shared / "samples" / "exports"
    folder, found = "", []
    for line in (root / "INDEX.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            folder = line[3:].strip()
        elif match := re.match(r"\| (\S+) \| \d+ \| (\d+) \|", line):
            found.append((root / folder / match[1], int(match[2])))
    return found


def test_every_sample_is_read_with_the_count_of_its_index(shared):
    rows, wrong = [], []
    files = indexed(shared)
    assert len(files) == 115
    for path, count in files:
        result = read_file(path)
        row = (f"{path.parent.name}/{path.name}", result.format, count, result.starters, len(result.parsed))
        rows.append("{:<55} {:<20} index {:>4}  starters {:>4}  read {:>4}".format(*row))
        # The corrupt file (0 records) must be seen, not passed over: its stray fields are listed as unread.
        if (result.starters, len(result.parsed)) != (count, count) or bool(result.unread) != (count == 0):
            wrong.append(rows[-1])
    print("\n".join(rows))
    assert wrong == []


@pytest.mark.parametrize("fact", FACTS, ids=lambda f: f"{f[0]}[{f[1]}]")
def test_fields_of_real_records(shared, fact):
    name, index, title, author, year, doi, pmid = fact
    record = read_file(shared / "samples" / "exports" / name).parsed[index]
    assert (record.title or "").startswith(title)
    assert (record.authors[0] if record.authors else None) == author
    assert (record.year, record.doi, record.pmid) == (year, doi, pmid)


def test_raw_bytes_of_each_record_are_a_part_of_the_file(shared):
    skipped = {"embase/cff_baseline_embase.xlsx"}
    for path, _ in indexed(shared):
        data = path.read_bytes()
        position = 0
        for record in open_file(path).records():
            if f"{path.parent.name}/{path.name}" in skipped:
                continue
            found = data.find(record.raw.raw, position)
            assert found >= 0, (path.name, record.raw.ordinal)
            position = found + len(record.raw.raw)


def test_one_article_reads_alike_from_ten_tools(shared):
    title = "cellular structure of dinosaur scales reveals retention of reptile-type skin"
    names = [
        "embase/cff_baseline_embase.ris",
        "embase/cff_baseline_embase.csv",
        "embase/cff_baseline_embase.xlsx",
        "rayyan/cff_baseline_rayyan.csv",
        "zotero/cff_baseline_zotero.csv",
        "covidence/cff_baseline_covidence.csv",
        "endnote_ris/cff_baseline_endnote.ris",
        "eppi/cff_baseline_eppireviewer.ris",
        "mendeley/cff_baseline_mendeley.ris",
        "refworks/cff_baseline_refworks.ris",
    ]
    seen = []
    for name in names:
        records = read_file(shared / "samples" / "exports" / name).parsed
        (record,) = [r for r in records if (r.title or "").lower().startswith(title)]
        families = [author.split(",")[0] for author in record.authors]
        seen.append((record.year, record.volume, record.issue, record.doi, families, len(clean(record.abstract) or "")))
    assert [s[:5] for s in seen] == [(2024, "15", "1", "10.1038/s41467-024-48400-3", seen[0][4])] * len(names)
    assert seen[0][4] == ["Yang", "Jiang", "Xu", "McNamara"]
    assert {s[5] for s in seen} == {1402}


def test_rispy_agrees_where_it_reads_the_whole_file(shared):
    import rispy

    compared = 0
    for path, count in indexed(shared):
        if path.suffix != ".ris" or count < 10:
            continue
        theirs = rispy.loads(path.read_text(encoding="utf-8-sig"))
        ours = read_file(path).parsed
        if len(theirs) != len(ours):
            continue
        for mine, other in zip(ours, theirs, strict=True):
            their_title = other.get("title") or other.get("primary_title")
            assert mine.title == clean(re.sub(r"<[^>]+>", "", their_title or "")), path.name
            compared += 1
    assert compared > 500


def test_bio_medline_agrees_on_real_nbib(shared):
    from Bio import Medline

    path = shared / "samples" / "exports" / "pubmed" / "revtools_restoration.nbib"
    with path.open(encoding="utf-8") as stream:
        theirs = [record for record in Medline.parse(stream) if record.get("PMID")]
    ours = read_file(path).parsed
    assert [r.pmid for r in ours] == [t["PMID"] for t in theirs]
    assert [r.title for r in ours] == [clean(t["TI"]) for t in theirs]
    assert [r.abstract for r in ours] == [clean(t.get("AB")) for t in theirs]
    assert [r.keywords for r in ours] == [tuple(dict.fromkeys(t.get("OT", []))) for t in theirs]


def test_chinese_abstract_mark_and_trailing_semicolon_are_dropped(shared):
    record = read_file(shared / "samples" / "exports" / "cnki" / "cnki_estudy_part.txt").parsed[0]
    assert record.abstract is not None and record.abstract.startswith("苯妥英钠作为一种传统抗癫痫药物")
    assert record.authors == ("柯洪琴", "陈璿英", "王启斌")


def test_registers_give_their_numbers(shared):
    folder = shared / "samples" / "exports"
    trials = read_file(folder / "ictrp" / "ICTRP-Results_part.xml").parsed
    assert all(trial.registry_numbers[0] == trial.accession for trial in trials)
    table = read_file(folder / "clinicaltrials" / "ctg-studies_part.csv").parsed
    assert [t.registry_numbers for t in table] == [("NCT04989114",), ("NCT01613339",), ("NCT00598403",)]


def test_name_and_content_at_odds_are_noted(shared):
    result = read_file(shared / "samples" / "exports" / "wos" / "rispy_example_wos.ris")
    assert result.format == "wos_text"
    assert any(".ris" in note for note in result.notes)


def test_each_format_names_functions_that_exist():
    for name, form in FORMATS.items():
        assert callable(load(form.split)), name
        assert callable(load(form.parse)), name
        assert form.help and form.suffixes


def test_ris_records_are_read_at_the_pace_of_100000_a_minute(shared):
    data = (shared / "samples" / "exports" / "scopus" / "revtools_restoration_scopus.ris").read_bytes() * 14
    start = time.process_time()
    opened = open_file(data, name="big.ris")
    read = sum(1 for record in opened.records() if record.parsed)
    seconds = time.process_time() - start
    assert read == opened.starters == 286 * 14
    # About 3,500 a second on a quiet core.
    assert read / seconds > 100_000 / 60
