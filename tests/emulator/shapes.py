"""Reply bodies, each after the real file of ../shared/samples/entrez that is named beside it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from xml.sax.saxutils import escape

from tests.emulator.articles import Article
from tests.emulator.faults import SEARCH_HEAD

XML_HEAD = '<?xml version="1.0" encoding="UTF-8" ?>\n'
DTD = "https://eutils.ncbi.nlm.nih.gov/eutils/dtd/"
POST_HEAD = f'{XML_HEAD}<!DOCTYPE ePostResult PUBLIC "-//NLM//DTD epost 20090526//EN" "{DTD}20090526/epost.dtd">'
SUMMARY_DTD = f"{DTD}20041029/esummary-v1.dtd"
SUMMARY_HEAD = f'{XML_HEAD}<!DOCTYPE eSummaryResult PUBLIC "-//NLM//DTD esummary v1 20041029//EN" "{SUMMARY_DTD}">\n'
LINK_HEAD = f'{XML_HEAD}<!DOCTYPE eLinkResult PUBLIC "-//NLM//DTD elink 20101123//EN" "{DTD}20101123/elink.dtd">\n'
INFO_HEAD = f'{XML_HEAD}<!DOCTYPE eInfoResult PUBLIC "-//NLM//DTD einfo 20190110//EN" "{DTD}20190110/einfo.dtd">\n'
SET_HEAD = (
    '<?xml version="1.0" ?>\n<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle, 1st January 2025//EN" '
    '"https://dtd.nlm.nih.gov/ncbi/pubmed/out/pubmed_250101.dtd">\n'
)
# name, full name, is a date: bp_einfo2.xml
INFO_FIELDS = (
    ("ALL", "All Fields", "All terms from all searchable fields", "N"),
    ("UID", "UID", "Unique number assigned to publication", "N"),
    ("TITL", "Title", "Words in title of publication", "N"),
    ("MESH", "MeSH Terms", "Medical Subject Headings assigned to publication", "N"),
    ("CRDT", "Date - Create", "Date publication first accessible through Entrez", "Y"),
)


def search_result(
    *,
    count: int,
    retmax: int,
    retstart: int,
    ids: Sequence[str],
    translation: str,
    mapped: Iterable[tuple[str, str]] = (),
    errors: Iterable[tuple[str, str]] = (),
    warnings: Iterable[tuple[str, str]] = (),
    history: tuple[str, str] | None = None,
) -> str:
    """bp_esearch1.xml (plain), bp_esearch2.xml (history, TranslationSet), bp_esearch8.xml (nothing found),
    klortho_esearch.error.xml (hits and PhraseNotFound), warn_esearch_restrictions_achieved.xml (clipped)."""
    stored = f"<QueryKey>{history[0]}</QueryKey><WebEnv>{history[1]}</WebEnv>" if history else ""
    listed = "<IdList>\n" + "".join(f"<Id>{pmid}</Id>\n" for pmid in ids) + "</IdList>" if ids else "<IdList/>"
    pairs = "".join(
        f"<Translation>     <From>{escape(a)}</From>     <To>{escape(b)}</To>    </Translation>" for a, b in mapped
    )
    translations = f"<TranslationSet>{pairs}</TranslationSet>" if pairs else "<TranslationSet/>"
    return (
        f"{SEARCH_HEAD}<eSearchResult><Count>{count}</Count><RetMax>{retmax}</RetMax><RetStart>{retstart}</RetStart>"
        f"{stored}{listed}{translations}<QueryTranslation>{escape(translation)}</QueryTranslation>"
        f"{_list('ErrorList', errors)}{_list('WarningList', warnings)}</eSearchResult>\n"
    )


def count_result(count: int) -> str:
    """rettype=count: the first reply of hawc_Search.test_standard_query.yaml."""
    return f"{SEARCH_HEAD}<eSearchResult>\n\t<Count>{count}</Count>\n</eSearchResult>\n"


def article_set(articles: Iterable[Article], deleted: Sequence[str] = ()) -> bytes:
    """bp_pubmed1.xml; empty: metapub_37909814.xml; DeleteCitation: nlm_pubmedsample_2019_part.xml."""
    body = b"".join(article.xml for article in articles)
    gone = "".join(f'<PMID Version="1">{pmid}</PMID>' for pmid in deleted)
    tail = f"<DeleteCitation>{gone}</DeleteCitation>" if gone else ""
    return SET_HEAD.encode() + b"<PubmedArticleSet>\n" + body + tail.encode() + b"</PubmedArticleSet>"


def post_result(history: tuple[str, str]) -> str:
    """bp_epost1.xml."""
    key, env = history
    return f"{POST_HEAD}<ePostResult>\n\t<QueryKey>{key}</QueryKey>\n\t<WebEnv>{env}</WebEnv>\n</ePostResult>\n"


def post_error() -> str:
    """bp_epost3.xml."""
    return (
        f"{POST_HEAD}<ePostResult>\n\t<ERROR>Empty ID list; Nothing to store</ERROR>\n\t<ERROR>Some IDs have invalid "
        "value and were omitted. Maximum ID value 18446744073709551615</ERROR></ePostResult>\n"
    )


def summary_result(articles: Iterable[Article], unknown: Sequence[str] = ()) -> str:
    """bp_esummary1.xml; what a record does not tell stays empty."""
    return (
        f"{SUMMARY_HEAD}<eSummaryResult>\n"
        + "".join(_summary(article) for article in articles)
        + "".join(f"<ERROR>cannot get document summary for uid {pmid}</ERROR>\n" for pmid in unknown)
        + "</eSummaryResult>\n"
    )


def summary_error() -> str:
    """bp_esummary8.xml."""
    return f"{SUMMARY_HEAD}<eSummaryResult>\n\t<ERROR>Neither query_key nor id specified</ERROR>\n</eSummaryResult>\n"


def link_neighbours(pmid: str, neighbours: Sequence[str]) -> str:
    """bp_elink1.xml."""
    links = "".join(f"\n        <Link>\n\t\t\t\t<Id>{other}</Id>\n\t\t\t</Link>" for other in neighbours)
    found = (
        "    <LinkSetDb>\n      <DbTo>pubmed</DbTo>\n      <LinkName>pubmed_pubmed</LinkName>\n"
        f"{links}\n    </LinkSetDb>\n"
        if neighbours
        else ""
    )
    return (
        f"{LINK_HEAD}<eLinkResult>\n\n  <LinkSet>\n    <DbFrom>pubmed</DbFrom>\n    <IdList>\n      <Id>{pmid}</Id>\n"
        f"    </IdList>\n{found}  </LinkSet>\n</eLinkResult>\n"
    )


def link_check(pmid: str, has: bool) -> str:
    """bp_elink8.xml."""
    flag = "Y" if has else "N"
    return (
        f"{LINK_HEAD}<eLinkResult>\n\t<LinkSet>\n\t\t<DbFrom>pubmed</DbFrom>\n\t\t<IdCheckList>\n\t\t\t"
        f'<Id HasNeighbor="{flag}">{pmid}</Id>\n\t\t</IdCheckList>\n\t</LinkSet>\n</eLinkResult>\n'
    )


def info_databases() -> str:
    """bp_einfo1.xml."""
    return f"{INFO_HEAD}<eInfoResult>\n<DbList>\n\n\t<DbName>pubmed</DbName>\n</DbList>\n\n</eInfoResult>\n"


def info_pubmed(count: int) -> str:
    """bp_einfo2.xml, with the fields that the emulator itself can search."""
    fields = "".join(
        f"\t\t\t<Field>\n\t\t\t\t<Name>{name}</Name>\n\t\t\t\t<FullName>{full}</FullName>\n"
        f"\t\t\t\t<Description>{text}</Description>\n\t\t\t\t<TermCount/>\n\t\t\t\t<IsDate>{dated}</IsDate>\n"
        "\t\t\t\t<IsNumerical>N</IsNumerical>\n\t\t\t\t<SingleToken>N</SingleToken>\n"
        "\t\t\t\t<Hierarchy>N</Hierarchy>\n\t\t\t\t<IsHidden>N</IsHidden>\n\t\t\t</Field>\n"
        for name, full, text, dated in INFO_FIELDS
    )
    return (
        f"{INFO_HEAD}<eInfoResult>\n\t<DbInfo>\n\t\t<DbName>pubmed</DbName>\n\t\t<MenuName>PubMed</MenuName>\n"
        "\t\t<Description>PubMed bibliographic record</Description>\n\t\t<DbBuild>Emulator</DbBuild>\n"
        f"\t\t<Count>{count}</Count>\n\t\t<FieldList>\n{fields}\t\t</FieldList>\n\t</DbInfo>\n</eInfoResult>\n"
    )


def info_error(db: str) -> str:
    """klortho_einfo.error.xml, under the head of bp_einfo1.xml."""
    return f"{INFO_HEAD}<eInfoResult>\n  <ERROR>Can not retrieve DbInfo for db={escape(db)}</ERROR>\n</eInfoResult>\n"


def _list(name: str, entries: Iterable[tuple[str, str]]) -> str:
    inner = "".join(f"<{tag}>{escape(text)}</{tag}>" for tag, text in entries)
    return f"<{name}>{inner}</{name}>" if inner else ""


def _item(name: str, kind: str, value: str = "") -> str:
    return f'\t<Item Name="{name}" Type="{kind}">{escape(value)}</Item>\n'


def _items(name: str, inner: Iterable[tuple[str, str, str]]) -> str:
    rows = "".join(f"\t{_item(*entry)}" for entry in inner)
    return f'\t<Item Name="{name}" Type="List">\n{rows}\t</Item>\n' if rows else _item(name, "List")


def _summary(article: Article) -> str:
    year = str(article.published[0].year) if article.published else ""
    journal = article.journal[0] if article.journal else ""
    parts = [
        "<DocSum>\n",
        f"\t<Id>{article.pmid}</Id>\n",
        _item("PubDate", "Date", year) + _item("EPubDate", "Date") + _item("Source", "String", journal),
        _items("AuthorList", [("Author", "String", name) for name in article.authors]),
        _item("LastAuthor", "String", article.authors[-1] if article.authors else ""),
        _item("Title", "String", article.title) + _item("Volume", "String", article.volume),
        _item("Issue", "String", article.issue) + _item("Pages", "String", article.pages),
        _items("LangList", [("Lang", "String", language) for language in article.language]),
        _item("NlmUniqueID", "String") + _item("ISSN", "String", article.issn) + _item("ESSN", "String"),
        _items("PubTypeList", [("PubType", "String", kind) for kind in article.types]),
        _item("RecordStatus", "String") + _item("PubStatus", "String"),
        _items("ArticleIds", [("pubmed", "String", article.pmid)]),
        _items("History", [(name, "Date", f"{day:%Y/%m/%d} 00:00") for name, day in article.history.items()]),
        _item("References", "List") + _item("HasAbstract", "Integer", "1" if article.abstract else "0"),
        _item("PmcRefCount", "Integer", "0") + _item("FullJournalName", "String", journal),
        _item("ELocationID", "String") + _item("SO", "String"),
        "</DocSum>\n\n",
    ]
    return "".join(parts)
