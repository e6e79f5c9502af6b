"""PubMed XML: whole fields, the record's own identifiers, retractions, broken documents."""

from __future__ import annotations

import io
import time

import pytest

from toolkit.model.errors import InputError
from toolkit.records.files import read_file
from toolkit.records.normalise import clean, is_retracted, is_retraction_notice
from toolkit.records.pubmed_xml import count_starters, deleted_pmids, parse_pubmed_xml

ARTICLE = """<PubmedArticle><MedlineCitation Status="MEDLINE"><PMID Version="1">1</PMID><Article>
<Journal><ISSN>1234-567X</ISSN><JournalIssue><Volume>9</Volume><PubDate><MedlineDate>1998 Dec-1999 Jan</MedlineDate>
</PubDate></JournalIssue><Title>J Test</Title></Journal><ArticleTitle>Effect of <i>H. pylori</i> at 10<sup>6</sup> on
R&lt;1</ArticleTitle><Pagination><MedlinePgn>123-9</MedlinePgn></Pagination>
<ELocationID EIdType="doi" ValidYN="Y">10.5000/Own</ELocationID>
<Abstract><AbstractText Label="BACKGROUND">One <b>two</b>.</AbstractText>
<AbstractText Label="METHODS">Three</AbstractText></Abstract>
<AuthorList><Author><LastName>王</LastName><ForeName>伟</ForeName></Author><Author>
<CollectiveName>The Test Group</CollectiveName></Author></AuthorList><Language>chi</Language><DataBankList><DataBank>
<DataBankName>ClinicalTrials.gov</DataBankName><AccessionNumberList><AccessionNumber>NCT01234567</AccessionNumber>
</AccessionNumberList></DataBank><DataBank><DataBankName>GENBANK</DataBankName><AccessionNumberList><AccessionNumber>AB1
</AccessionNumber></AccessionNumberList></DataBank></DataBankList><PublicationTypeList><PublicationType>{kind}
</PublicationType></PublicationTypeList><VernacularTitle>原题</VernacularTitle></Article><CommentsCorrectionsList>
<CommentsCorrections RefType="{link}"><RefSource>J Test. 2000</RefSource></CommentsCorrections>
</CommentsCorrectionsList>
</MedlineCitation><PubmedData>
<ArticleIdList><ArticleId IdType="pubmed">1</ArticleId></ArticleIdList><ReferenceList>
<Reference><ArticleIdList><ArticleId IdType="doi">10.6000/cited</ArticleId></ArticleIdList></Reference></ReferenceList>
</PubmedData></PubmedArticle>"""


def one(kind: str = "Journal Article", link: str = "CommentIn"):
    """The fields of the article above."""
    ((_, record),) = parse_pubmed_xml(ARTICLE.format(kind=kind, link=link).encode())
    return record


def test_whole_fields_of_an_article():
    record = one()
    assert record.title == "Effect of H. pylori at 106 on R<1"
    assert record.abstract == "BACKGROUND: One two.\nMETHODS: Three"
    assert record.authors == ("王, 伟", "The Test Group")
    assert (record.year, record.pages, record.volume, record.journal) == (1998, "123-129", "9", "J Test")
    assert record.doi == "10.5000/own"
    assert record.registry_numbers == ("NCT01234567",)
    assert record.original_title == "原题"
    assert record.issn == ("1234-567X",)
    assert record.extra["SI"] == ("ClinicalTrials.gov/NCT01234567", "GENBANK/AB1")


@pytest.mark.parametrize(
    ("kind", "link", "retracted", "notice"),
    [
        ("Retracted Publication", "RetractionIn", True, False),
        ("Journal Article", "RetractionIn", True, False),
        ("Retraction of Publication", "RetractionOf", False, True),
        ("Retraction Notice", "RetractionOf", False, True),
        ("Journal Article", "ErratumIn", False, False),
    ],
)
def test_retracted_article_and_retraction_notice_are_told_apart(kind, link, retracted, notice):
    record = one(kind, link)
    assert (is_retracted(record), is_retraction_notice(record)) == (retracted, notice)


def test_nlm_sample_has_106_records_and_4_withdrawn_numbers(shared):
    data = (shared / "samples" / "entrez" / "nlm_pubmedsample_2019_part.xml").read_bytes()
    records = [record for _, record in parse_pubmed_xml(data)]
    assert len(records) == count_starters(data) == 106
    assert deleted_pmids(data) == ("23203860", "23203861", "23203892", "23203893")
    assert sum(map(is_retracted, records)) == 2
    assert sum(map(is_retraction_notice, records)) == 1
    assert all(record.year for record in records)


def test_bio_entrez_agrees_on_the_nlm_sample(shared):
    from Bio import Entrez

    data = (shared / "samples" / "entrez" / "nlm_pubmedsample_2019_part.xml").read_bytes()
    start = time.process_time()
    theirs = Entrez.read(io.BytesIO(data))["PubmedArticle"]
    their_time = time.process_time() - start
    start = time.process_time()
    ours = [record for _, record in parse_pubmed_xml(data)]
    our_time = time.process_time() - start
    assert [r.pmid for r in ours] == [str(t["MedlineCitation"]["PMID"]) for t in theirs]
    for mine, other in zip(ours, theirs, strict=True):
        article = other["MedlineCitation"]["Article"]
        assert mine.journal == clean(article["Journal"]["Title"])
        assert len(mine.authors) == len(article.get("AuthorList", []))
        dois = [str(i) for i in other["PubmedData"]["ArticleIdList"] if i.attributes["IdType"] == "doi"]
        assert not dois or mine.doi == dois[0].lower()
        if "<" not in article["ArticleTitle"]:
            assert mine.title == clean(article["ArticleTitle"])
    # A guard against a slow path, not a benchmark: the sample is small and the machine shared.
    assert our_time < their_time


def test_books_have_their_own_tree(shared):
    data = (shared / "samples" / "entrez" / "klortho_efetch.pubmedexample.xml").read_bytes()
    book = [record for _, record in parse_pubmed_xml(data)][1]
    assert (book.pmid, book.title, book.year) == ("20301295", "GeneReviews™", 1993)
    assert book.extra["ED"] == ("Pagon, Roberta A",)


def test_markup_in_titles_does_not_cut_them(shared):
    data = (shared / "samples" / "entrez" / "bp_pubmed4.xml").read_bytes()
    ((_, record),) = parse_pubmed_xml(data)
    assert record.title == (
        "Leucocyte telomere length, genetic variants at the TERT gene region and risk of pancreatic cancer."
    )


def test_cut_reply_is_an_error_not_a_shorter_list(shared):
    data = (shared / "samples" / "entrez" / "derived_truncated_efetch.xml").read_bytes()
    with pytest.raises(InputError, match="cut off"):
        list(parse_pubmed_xml(data))
    result = read_file(data, name="cut.xml")
    assert (result.starters, len(result.parsed), len(result.unread)) == (2, 1, 1)
    assert result.incomplete is not None and "cut off" in result.incomplete


def test_reply_cut_between_two_records_is_an_error():
    whole = "<PubmedArticleSet>" + ARTICLE + ARTICLE + "</PubmedArticleSet>"
    assert len(list(parse_pubmed_xml(whole.encode()))) == 2
    with pytest.raises(InputError, match="cut off"):
        list(parse_pubmed_xml(("<PubmedArticleSet>" + ARTICLE).encode()))
    result = read_file(("<PubmedArticleSet>" + ARTICLE).encode(), name="a.xml")
    assert (result.starters, len(result.parsed)) == (1, 1)
    assert result.incomplete is not None


def test_empty_set_gives_nothing(shared):
    assert list(parse_pubmed_xml((shared / "samples" / "entrez" / "metapub_37909814.xml").read_bytes())) == []


def test_xml_bomb_is_refused():
    bomb = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><PubmedArticleSet>'
    with pytest.raises(InputError, match="XML bombs"):
        list(parse_pubmed_xml((bomb + ARTICLE + "</PubmedArticleSet>").encode()))


def test_external_entity_is_not_read(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("secret", encoding="utf-8")
    text = ARTICLE.replace("J Test</Title>", "&leak;</Title>")
    with pytest.raises(InputError):
        list(parse_pubmed_xml(f'<!DOCTYPE x [<!ENTITY leak SYSTEM "{secret.as_uri()}">]>{text}'.encode()))


def test_utf16_document_is_read():
    text = '<?xml version="1.0" encoding="UTF-16"?><PubmedArticleSet>' + ARTICLE + "</PubmedArticleSet>"
    ((_, record),) = parse_pubmed_xml(text.encode("utf-16"))
    assert record.original_title == "原题"


def test_blanks_between_marked_words_are_kept():
    text = ARTICLE.replace("Effect of <i>H. pylori</i> at", "<i>E. coli</i> <b>O157</b>\n<sup>14</sup>C at")
    ((_, record),) = parse_pubmed_xml(text.format(kind="Journal Article", link="CommentIn").encode())
    assert record.title == "E. coli O157 14C at 106 on R<1"


def test_cited_references_are_kept_in_the_raw_bytes_and_not_read():
    data = ARTICLE.format(kind="Journal Article", link="CommentIn").encode()
    ((raw, record),) = parse_pubmed_xml(data)
    assert raw.raw == data
    assert "10.6000/cited" not in str(record)


def test_substances_dates_and_subsets_read_as_medline_text_has_them(shared):
    """The same tags as efetch rettype=medline gives, so that XML and NBIB of one article read alike."""
    records = read_file(shared / "samples" / "entrez" / "bp_pubmed1.xml").parsed
    (extra,) = (record.extra for record in records if "RN" in record.extra)
    assert extra["RN"] == ("0 (Cytochrome c Group)", "0 (Flavins)", "42VZT0U6YR (Heme)", "E1UOL152H7 (Iron)")
    assert (extra["DCOM"], extra["LR"], extra["SB"]) == (("19761230",), ("20190609",), ("IM",))


def test_values_indented_by_another_program_are_tidied():
    text = ARTICLE.replace("<LastName>王</LastName>", "<LastName>\n  van  Dam\n</LastName>").replace(
        "</MedlineCitation>",
        "<MeshHeadingList><MeshHeading><DescriptorName MajorTopicYN='Y'>\n Diet\n</DescriptorName>"
        "<QualifierName> adverse\n effects </QualifierName></MeshHeading></MeshHeadingList></MedlineCitation>",
    )
    ((_, record),) = parse_pubmed_xml(text.format(kind="Journal Article", link="CommentIn").encode())
    assert record.authors[0] == "van Dam, 伟"
    assert record.extra["MH"] == ("*Diet/adverse effects",)


def test_elements_of_a_later_dtd_lend_nothing_to_the_record():
    """Identifiers, titles and people inside an element that no table knows are not the record's own."""
    later = (
        "<RelatedWork><ArticleTitle>Other</ArticleTitle><AuthorList><Author><LastName>Other</LastName></Author>"
        "</AuthorList><ArticleIdList><ArticleId IdType='doi'>10.6000/other</ArticleId></ArticleIdList></RelatedWork>"
    )
    plain = one()
    for place in ("<Article>", "</Article>", "<PubmedData>", "</PubmedData>"):
        text = ARTICLE.replace(
            place, place + later if place.startswith("<P") or place == "<Article>" else later + place
        )
        ((_, record),) = parse_pubmed_xml(text.format(kind="Journal Article", link="CommentIn").encode())
        assert record == plain


def test_person_without_forename_or_with_blank_parts_has_no_stray_comma():
    people = (
        "<Author><LastName>Smith</LastName><Initials>J</Initials></Author>"
        "<Author><LastName>Jones</LastName><ForeName>  </ForeName></Author>"
        "<Author><LastName>King</LastName><ForeName>Martin\n Luther</ForeName><Suffix>Jr</Suffix></Author>"
    )
    text = ARTICLE.replace("<AuthorList>", "<AuthorList>" + people)
    ((_, record),) = parse_pubmed_xml(text.format(kind="Journal Article", link="CommentIn").encode())
    assert record.authors == ("Smith, J", "Jones", "King, Martin Luther, Jr", "王, 伟", "The Test Group")
