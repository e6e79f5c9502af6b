"""Every way in which the E-utilities were seen to fail, each after the real body it follows.

Files are those of ../shared/samples/entrez. Texts are written out here so that tests run without that folder; a test
holds them against the files where it is present.
"""

from __future__ import annotations

from dataclasses import dataclass, field

SEARCH_HEAD = (
    '<?xml version="1.0" encoding="UTF-8" ?>\n<!DOCTYPE eSearchResult PUBLIC "-//NLM//DTD esearch 20060628//EN" '
    '"https://eutils.ncbi.nlm.nih.gov/eutils/dtd/20060628/esearch.dtd">\n'
)
FETCH_ERROR_HEAD = (
    '<?xml version="1.0" encoding="UTF-8" ?>\n<!DOCTYPE eEfetchResult PUBLIC "-//NLM//DTD efetch 20131226//EN" '
    '"https://eutils.ncbi.nlm.nih.gov/eutils/dtd/20131226/efetch.dtd">\n'
)
XML, JSON, HTML = "text/xml; charset=UTF-8", "application/json", "text/html; charset=UTF-8"
CAP_TEXT = (
    "'retstart' cannot be larger than 9998. For PubMed, ESearch can only retrieve the first 9,999 records matching "
    "the query."
)


def search_error(message: str) -> str:
    """An eSearchResult that holds nothing but an ERROR (err_esearch_502_at_200.xml)."""
    return f"{SEARCH_HEAD}<eSearchResult>\n\t<ERROR>{message}</ERROR>\n</eSearchResult>\n"


def fetch_error(*messages: str) -> str:
    """An eFetchResult with ERROR elements (err_efetch_*_400.xml)."""
    inner = "".join(f"\t<ERROR>{message}</ERROR>\n" for message in messages)
    return f"{FETCH_ERROR_HEAD}<eFetchResult>\n{inner}</eFetchResult>\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Misbehaviour:
    """One way to fail: what is sent instead of, or done to, the reply.

    ``how`` is "body" (send ``body``), "truncate" (cut the good reply, length correct), "break" (promise more than is
    sent), "reset" (hang up without a word), "slow" (wait before a good reply), "short" (leave ids out of the list).
    """

    how: str = "body"
    status: int = 200
    kind: str = XML
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0


FAULTS: dict[str, Misbehaviour] = {
    # err_esearch_502_at_200.xml
    "backend_502": Misbehaviour(
        body=search_error("Search Backend failed: Pubmed 2.0 search API: HTTP request returned 502 status.")
    ),
    # err_esearch_db_not_supported_at_200.xml
    "db_not_supported": Misbehaviour(body=search_error("Search Backend failed: Database is not supported: pubmed")),
    # shapes of err_esearch_502_at_200.xml, texts of notes/search.md section 1
    "solr": Misbehaviour(body=search_error("Search Backend failed: Cannot connect to SOLR")),
    "address_table": Misbehaviour(body=search_error("Search Backend failed: address table is empty")),
    # text of notes/search.md section 1 in the shape of err_efetch_retstart_400.xml
    "viewer_timeout": Misbehaviour(status=400, body=fetch_error("External viewer error: Status: Timeout")),
    # err_html_500_page.html
    "html_500": Misbehaviour(
        status=500,
        kind=HTML,
        body="<html>\n<head> <title>NCBI/eutils202 - WWW Error 500 Diagnostic</title></head> <body> <h1>Server Error"
        "</h1>   <p>Your request could not be processed due to a problem on our Web server.</p>\n</body></html>\n",
    ),
    # proxied page of notes/search.md section 1
    "html_at_200": Misbehaviour(
        kind=HTML, body="<html><body><h1>502 Bad Gateway</h1>Please try again in 30 seconds.</body></html>"
    ),
    "http_503": Misbehaviour(status=503, kind=HTML, body="<html><body>Service Unavailable</body></html>"),
    # err_429_rate_limit.json, with and without the optional header; "{who}" is replaced by key or address
    "rate_limit": Misbehaviour(
        status=429,
        kind=JSON,
        body='{"error":"API rate limit exceeded","api-key":"{who}","count":"4","limit":"3"}\n',
    ),
    "rate_limit_retry_after": Misbehaviour(
        status=429,
        kind=JSON,
        headers={"Retry-After": "2", "X-RateLimit-Limit": "3"},
        body='{"error":"API rate limit exceeded","api-key":"{who}","count":"4","limit":"3"}\n',
    ),
    # err_api_key_invalid_400.json (the raw newline is NCBI's)
    "key_invalid": Misbehaviour(
        status=400,
        kind=JSON,
        body='{"error":"API key invalid","api-key":"{who}","type":"invalid",\n"status":"unknown"}',
    ),
    # err_esearch_retstart_raw_newline.json: a newline inside a JSON string
    "json_raw_newline": Misbehaviour(
        kind=JSON,
        body='{"header":{"type":"esearch","version":"0.3"},"esearchresult":{"ERROR":"Search Backend failed: '
        f'Exception:\n{CAP_TEXT}"}}}}\n',
    ),
    # err_empty_term.json
    "empty_term": Misbehaviour(
        kind=JSON,
        body='{"header":{"type":"esearch","version":"0.3"},"esearchresult":'
        '{"ERROR":"Empty term and query_key - nothing todo"}}',
    ),
    # klortho_esearch.baderror.xml
    "invalid_db": Misbehaviour(body=search_error("Invalid db name specified: fleegle")),
    # err_efetch_history_expired_400.xml
    "history_expired": Misbehaviour(
        status=400,
        body=fetch_error(
            "Cannot retrieve history data. query_key: 1, WebEnv: MCID_5f9318713073fb183e652822, retstart: 12000, "
            "retmax: 500",
            "Can't fetch uids from history because of: NCBI C++ Exception:\n    Error: UNK_MODULE(CException::eInvalid)"
            ' "UNK_FILE", line 18446744073709551615: UNK_FUNC ---\n',
        ),
    ),
    # err_efetch_empty_ids_400.xml
    "empty_ids": Misbehaviour(status=400, body=fetch_error("ID list is empty! Possibly it has no correct IDs.")),
    # derived_truncated_efetch.xml
    "truncated": Misbehaviour(how="truncate"),
    "broken_connection": Misbehaviour(how="break"),
    "reset": Misbehaviour(how="reset"),
    "slow": Misbehaviour(how="slow", seconds=2.0),
    "short_list": Misbehaviour(how="short"),
    "empty_body": Misbehaviour(body=""),
}
