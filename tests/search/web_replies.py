"""Replies of Europe PMC, OpenAlex, Crossref and ClinicalTrials.gov, shaped after their public documentation.

None was recorded from the services: names and nesting follow their documentation (see `toolkit.search.services`) and
the real export files of Crossref and ClinicalTrials.gov among the shared samples. `FakeWeb` pages and miscounts on
command.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from toolkit.search.faults import Reply

Item = dict[str, Any]


def europepmc_item(n: int, **more: Any) -> Item:
    return {
        "id": str(n), "source": "MED", "pmid": str(n), "doi": f"10.1000/e{n}", "title": f"骨坏死 result {n}.",
        "authorString": "Li W, ARCO Group.", "pubYear": "2021", "pageInfo": "1-9", "abstractText": "Text.",
        "authorList": {"author": [{"fullName": "Li W", "firstName": "Wei", "lastName": "Li", "initials": "W"},
                                  {"collectiveName": "ARCO Group"}]},
        "journalInfo": {"issue": "3", "volume": "12", "yearOfPublication": 2021,
                        "journal": {"title": "Bone", "issn": "1234-5678", "essn": "8765-4321"}},
        "pubTypeList": {"pubType": ["Journal Article"]}, "keywordList": {"keyword": ["hip, left"]}, "language": "eng",
        **more,
    }  # fmt: skip


def openalex_item(n: int, cites: tuple[int, ...] = (), **more: Any) -> Item:
    return {
        "id": f"https://openalex.org/W{n}", "doi": f"https://doi.org/10.1000/w{n}", "title": f"Work {n}",
        "ids": {"openalex": f"https://openalex.org/W{n}", "pmid": f"https://pubmed.ncbi.nlm.nih.gov/{7000 + n}"},
        "publication_year": 2020, "type": "article", "language": "en", "is_retracted": False,
        "authorships": [{"author": {"display_name": "Wei Li"}}],
        "primary_location": {"source": {"display_name": "Bone", "issn": ["1234-5678"]}},
        "biblio": {"volume": "1", "issue": "2", "first_page": "3", "last_page": "9"},
        "abstract_inverted_index": {"Hello": [0], "world": [1]},
        "referenced_works": [f"https://openalex.org/W{c}" for c in cites], **more,
    }  # fmt: skip


def crossref_item(n: int, **more: Any) -> Item:
    return {
        "DOI": f"10.1000/C{n}", "title": [f"Crossref work {n}"], "type": "journal-article",
        "author": [{"family": "Li", "given": "Wei"}], "container-title": ["Bone"],
        "issued": {"date-parts": [[2019, 5]]}, "indexed": {"date-parts": [[2024, 1, 1]]}, **more,
    }  # fmt: skip


def trial_item(n: int, **more: Any) -> Item:
    return {
        "protocolSection": {
            "identificationModule": {"nctId": f"NCT{n:08d}", "briefTitle": f"Trial {n}"},
            "statusModule": {"overallStatus": "COMPLETED", "studyFirstPostDateStruct": {"date": "2018-01-02"}},
            "descriptionModule": {"briefSummary": "A trial."},
        },
        **more,
    }


ITEMS = {
    "www.ebi.ac.uk": europepmc_item,
    "api.openalex.org": openalex_item,
    "api.crossref.org": crossref_item,
    "clinicaltrials.gov": trial_item,
}


class FakeWeb:
    """Answers as the four services would.

    Parameters
    ----------
    items : host -> its records
    page : records on a page, whatever was asked for
    faults : replies given first, in order: a status, a body, an exception, or None for a good reply
    count : host -> the count it claims; None counts truly
    """

    paced = False

    def __init__(self, items: Mapping[str, list[Item]], *, page: int = 3) -> None:
        self.items = {host: list(some) for host, some in items.items()}
        self.page = page
        self.faults: list[Any] = []
        self.count: dict[str, int] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []

    def __call__(self, url: str, params: Mapping[str, str], timeout: float) -> Reply:
        host = urlsplit(url).netloc
        self.requests.append((host, dict(params)))
        fault = self.faults.pop(0) if self.faults else None
        if isinstance(fault, Exception):
            raise fault
        if isinstance(fault, int):
            headers = (("retry-after", "7"),) if fault == 429 else ()
            return Reply(status=fault, headers=headers, body=json.dumps({"error": str(params)}).encode())
        if isinstance(fault, bytes):
            return Reply(status=200, headers=(), body=fault)
        found = self._matching(host, params)
        cursor = params.get("cursorMark") or params.get("cursor") or params.get("pageToken") or "*"
        start = 0 if cursor == "*" else int(cursor.removeprefix("at"))
        some = found[start : start + self.page]
        after = f"at{start + len(some)}"
        last = start + self.page >= len(found)
        body = self._body(host, some, self.count.get(host, len(found)), after, cursor, last)
        return Reply(status=200, headers=(), body=json.dumps(body, ensure_ascii=False).encode("utf-8"))

    def _matching(self, host: str, params: Mapping[str, str]) -> list[Item]:
        found = self.items[host]
        name, _, values = params.get("filter", "").partition(":")
        wanted = set(values.split("|"))
        tails = {
            "openalex": lambda i: {i["id"].rpartition("/")[2]},
            "cites": lambda i: {r.rpartition("/")[2] for r in i["referenced_works"]},
            "doi": lambda i: {i["doi"].removeprefix("https://doi.org/")},
            "pmid": lambda i: {i["ids"]["pmid"].rpartition("/")[2]},
        }
        return [item for item in found if tails[name](item) & wanted] if name in tails else found

    def _body(self, host: str, some: list[Item], count: int, after: str, cursor: str, last: bool) -> dict[str, Any]:
        if host == "www.ebi.ac.uk":  # repeats the cursor at the end
            return {"version": "6.9", "hitCount": count, "nextCursorMark": cursor if last and not some else after,
                    "request": {"queryString": "x", "resultType": "core"}, "resultList": {"result": some}}  # fmt: skip
        if host == "api.openalex.org":
            return {"meta": {"count": count, "per_page": 100, "next_cursor": None if last else after}, "results": some}
        if host == "api.crossref.org":  # gives a cursor for ever, and an empty page at the end
            return {"status": "ok", "message-type": "work-list",
                    "message": {"facets": {}, "total-results": count, "next-cursor": after, "items": some}}  # fmt: skip
        body: dict[str, Any] = {"studies": some} | ({} if last else {"nextPageToken": after})
        return body | ({"totalCount": count} if cursor == "*" else {})  # counted on the first page only
