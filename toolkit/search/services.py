"""Europe PMC, OpenAlex, Crossref and ClinicalTrials.gov: how each is asked, paged and counted.

Written from their public documentation (no live reply was at hand):

- Europe PMC RESTful web service, ``search``: ``query``, ``cursorMark`` (``*`` first), ``pageSize`` (at most 1000),
  ``resultType=core``; the reply has ``hitCount``, ``nextCursorMark`` and ``resultList.result``.
- OpenAlex, ``/works``: ``search`` or ``filter``, ``cursor`` (``*`` first), ``per_page`` (at most 100); the reply has
  ``meta.count``, ``meta.next_cursor`` (null at the end) and ``results``. Cursor paging may want an API key.
- Crossref REST API, ``/works``: ``query.bibliographic``, ``cursor`` (``*`` first), ``rows``; the reply has
  ``message.total-results``, ``message.next-cursor`` and ``message.items`` (empty at the end).
- ClinicalTrials.gov API v2, ``/studies``: ``query.term``, ``pageSize`` (at most 1000), ``countTotal``, ``pageToken``;
  the reply has ``totalCount``, ``nextPageToken`` (absent at the end) and ``studies``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from toolkit.model.errors import InputError
from toolkit.search.strategy import Strategy

__all__ = ["SERVICES", "Page", "Service", "service_of"]


@dataclass(frozen=True, slots=True)
class Page:
    """One page: how many results there are in all, the ids on it, and the mark of the next page or None.

    ``count`` is None where a page does not repeat it.
    """

    count: int | None
    ids: tuple[str, ...]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A source that is searched over the web.

    Attributes
    ----------
    name : as the source is called in review.toml and in PRISMA
    kind : "database" or "register", where review.toml does not say
    words : what names it in the header of a strategy
    url : address of the search
    format : reader of its records, a name of `toolkit.records.detect.FORMATS`
    fixed : parameters of every request
    size : name and value of the page size
    cursor : name of the parameter that pages, and its first value ("" for none)
    mail, key : parameters that take the user's e-mail and key, if any
    interval : seconds between requests
    params : the parameters of a query
    page : reads a reply
    """

    name: str
    kind: str
    words: tuple[str, ...]
    url: str
    format: str
    fixed: Mapping[str, str]
    size: tuple[str, int]
    cursor: tuple[str, str]
    interval: float
    params: Callable[[str], dict[str, str]]
    page: Callable[[Mapping[str, Any], str], Page]
    mail: str = ""
    key: str = ""


def _broken(name: str, what: str) -> InputError:
    return InputError(f"{name}: the reply has no {what}; its interface may have changed. Nothing was counted.")


def _count(value: Any, name: str, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _broken(name, what)
    return value


def _list(value: Any, name: str, what: str) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        raise _broken(name, what)
    return value


def _europepmc(reply: Mapping[str, Any], cursor: str) -> Page:
    items = _list((reply.get("resultList") or {}).get("result"), "Europe PMC", "resultList.result")
    after = reply.get("nextCursorMark")
    return Page(
        count=_count(reply.get("hitCount"), "Europe PMC", "hitCount"),
        ids=tuple(f"{item.get('source', '')}:{item.get('id', '')}" for item in items),
        next=str(after) if after and after != cursor and items else None,
    )


def _openalex(reply: Mapping[str, Any], cursor: str) -> Page:
    meta = reply.get("meta") or {}
    items = _list(reply.get("results"), "OpenAlex", "results")
    return Page(
        count=_count(meta.get("count"), "OpenAlex", "meta.count"),
        ids=tuple(str(item.get("id", "")).rpartition("/")[2] for item in items),
        next=str(meta["next_cursor"]) if meta.get("next_cursor") and items else None,
    )


def _openalex_params(query: str) -> dict[str, str]:
    """A query that begins with "filter:" goes as a filter of OpenAlex, any other as a search of its texts."""
    found = re.match(r"\s*filter\s*:\s*(.+)", query, re.IGNORECASE | re.DOTALL)
    return {"filter": found[1].strip()} if found else {"search": query}


def _crossref(reply: Mapping[str, Any], cursor: str) -> Page:
    message = reply.get("message") or {}
    items = _list(message.get("items"), "Crossref", "message.items")
    return Page(
        count=_count(message.get("total-results"), "Crossref", "message.total-results"),
        ids=tuple(str(item.get("DOI", "")).lower() for item in items),
        next=str(message["next-cursor"]) if message.get("next-cursor") and items else None,
    )


def _trials(reply: Mapping[str, Any], cursor: str) -> Page:
    items = _list(reply.get("studies"), "ClinicalTrials.gov", "studies")
    ids = tuple(str(s.get("protocolSection", {}).get("identificationModule", {}).get("nctId", "")) for s in items)
    total = reply.get("totalCount")
    after = reply.get("nextPageToken")
    count = None if total is None and cursor else _count(total, "ClinicalTrials.gov", "totalCount")
    return Page(count=count, ids=ids, next=str(after) if after else None)


SERVICES: dict[str, Service] = {
    "europepmc": Service(
        name="Europe PMC", kind="database", words=("europe pmc", "europepmc"),
        url="https://www.ebi.ac.uk/europepmc/webservices/rest/search", format="europepmc_json",
        fixed={"resultType": "core", "format": "json"}, size=("pageSize", 200), cursor=("cursorMark", "*"),
        interval=0.2, params=lambda query: {"query": query}, page=_europepmc, mail="email",
    ),
    "openalex": Service(
        name="OpenAlex", kind="database", words=("openalex",), url="https://api.openalex.org/works",
        format="openalex_json", fixed={}, size=("per_page", 100), cursor=("cursor", "*"), interval=0.12,
        params=_openalex_params, page=_openalex, mail="mailto", key="api_key",
    ),
    "crossref": Service(
        name="Crossref", kind="database", words=("crossref",), url="https://api.crossref.org/works",
        format="crossref_json", fixed={}, size=("rows", 200), cursor=("cursor", "*"), interval=0.2,
        params=lambda query: {"query.bibliographic": query}, page=_crossref, mail="mailto",
    ),
    "clinicaltrials": Service(
        name="ClinicalTrials.gov", kind="register", words=("clinicaltrials.gov", "clinicaltrials"),
        url="https://clinicaltrials.gov/api/v2/studies", format="clinicaltrials_json",
        fixed={"countTotal": "true", "format": "json"}, size=("pageSize", 200), cursor=("pageToken", ""),
        interval=1.2, params=lambda query: {"query.term": query}, page=_trials,
    ),
}  # fmt: skip
"""Key -> source; a strategy whose header names one as its database or platform is run there."""


def service_of(strategy: Strategy) -> Service | None:
    """The web source that a strategy's header names, or None."""
    for key in ("platform", "interface", "database", "register"):
        value = (strategy.get(key) or "").lower()
        for service in SERVICES.values():
            if any(word in value for word in service.words):
                return service
    return None
