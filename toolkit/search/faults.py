"""What a reply of the E-utilities says before it is parsed: good, try again, hopeless, or search again.

NCBI reports failures in many dresses: an ERROR element at HTTP 200, JSON, an HTML page, a body cut short. The
table `ERROR_TEXTS` tells the known texts apart; every one was seen in a stored public reply.
"""

from __future__ import annotations

import email.utils
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, quote_plus
from xml.parsers import expat

from toolkit.model.errors import SourceError

__all__ = [
    "PERMANENT",
    "SEARCH_AGAIN",
    "TRANSIENT",
    "EntrezError",
    "Fault",
    "Reply",
    "find_fault",
    "redact",
    "retry_after",
]

TRANSIENT = "transient"
PERMANENT = "permanent"
SEARCH_AGAIN = "search again"

# The roots of good replies: anything else is a page of somebody else's.
ROOTS = {
    "esearch": ("eSearchResult",),
    "efetch": ("PubmedArticleSet", "PubmedBookArticleSet", "PubmedArticle"),
    "esummary": ("eSummaryResult",),
    "epost": ("ePostResult",),
    "elink": ("eLinkResult",),
    "einfo": ("eInfoResult",),
}

# (pattern, kind, what to tell the user), first match wins.
ERROR_TEXTS: tuple[tuple[re.Pattern[str], str, str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), kind, meaning)
    for pattern, kind, meaning in (
        (r"api key invalid", PERMANENT, "NCBI does not know this API key: correct or unset NCBI_API_KEY"),
        (r"rate limit exceeded", TRANSIENT, "too many requests a second"),
        (
            r"retstart'? cannot be larger|out of range",
            PERMANENT,
            "PubMed serves only the first 9,999 records of a result",
        ),
        (
            r"cannot retrieve history|unable to obtain query|can't fetch uids from history",
            SEARCH_AGAIN,
            "the stored result of the search is gone",
        ),
        (r"empty term and query_key", PERMANENT, "the query is empty"),
        (r"invalid db name", PERMANENT, "there is no such database"),
        (
            r"id list is empty|empty id list|neither query_key nor id|no correct ids|uid.*invalid",
            PERMANENT,
            "no valid id was asked for",
        ),
        (r"database is not supported: pubmed", TRANSIENT, "PubMed's search service is out of order"),
        (r"external viewer error|status: timeout", TRANSIENT, "NCBI took too long to make the records"),
        (
            r"search backend failed|cannot connect to solr|address table is empty|http request returned 5\d\d"
            r"|bad gateway|try again",
            TRANSIENT,
            "PubMed's search service failed",
        ),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back for one request.

    Attributes
    ----------
    status : HTTP status
    headers : (name in lower case, value)
    body : bytes as sent
    replayed : whether it came from recorded replies instead of the service
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    replayed: bool = False

    def header(self, name: str) -> str | None:
        """Value of a header, or None."""
        return next((value for key, value in self.headers if key == name.lower()), None)

    @property
    def date(self) -> datetime | None:
        """The moment the service put on its reply (UTC), or None."""
        value = self.header("date")
        try:
            return email.utils.parsedate_to_datetime(value).astimezone(UTC) if value else None
        except ValueError:
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why a reply is not one: its kind, what NCBI said, and whether fewer ids at once may help."""

    kind: str
    message: str
    halve: bool = False
    max_tries: int | None = None


class EntrezError(SourceError):
    """A request to the E-utilities failed.

    Attributes
    ----------
    kind : "transient" (retried, and still failing), "permanent", or "search again"
    status : HTTP status, 0 without a reply
    halve : whether asking for fewer ids at once may help
    wait : seconds the service asked to wait, or None
    """

    def __init__(self, message: str, *, fault: Fault, status: int = 0, wait: float | None = None) -> None:
        super().__init__(message)
        self.fault, self.kind, self.status, self.halve, self.wait = fault, fault.kind, status, fault.halve, wait


def find_fault(utility: str, reply: Reply) -> Fault | None:
    """Why ``reply`` must not be parsed or kept, or None for a good one.

    Parameters
    ----------
    utility : "esearch", "efetch", ...
    """
    text = reply.body[:65536].decode("utf-8", errors="replace")
    said = _error_text(reply, text)
    if said is not None:
        fault = _by_text(said)
        if reply.status == 429:
            return Fault(kind=TRANSIENT, message=f"too many requests a second ({said})")
        if fault is not None:
            return fault
    if reply.status == 429:
        return Fault(kind=TRANSIENT, message="too many requests a second")
    if reply.status >= 500:
        return Fault(kind=TRANSIENT, message=f"HTTP {reply.status} from the service")
    if reply.status >= 400:
        return Fault(kind=PERMANENT, message=f"HTTP {reply.status}: {said or _first_words(text)}")
    if _is_html(reply, text):
        return Fault(kind=TRANSIENT, message=f"a web page came instead of data: {_first_words(text)}")
    if said is not None:
        return Fault(kind=PERMANENT, message=said)
    return _body_fault(utility, reply.body)


def retry_after(reply: Reply, now: datetime) -> float | None:
    """Seconds that the Retry-After header asks to wait, or None (it is optional and often absent)."""
    value = reply.header("retry-after")
    if not value:
        return None
    if re.fullmatch(r"\d+(\.\d+)?", value.strip()):
        return float(value)
    try:
        return max((email.utils.parsedate_to_datetime(value) - now).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return None


def redact(text: str, secrets: Iterable[str | None]) -> str:
    """The text without the secrets, plain or URL-encoded, and without what NCBI echoes (429 repeats key or address)."""
    for secret in secrets:
        if secret:
            for form in {secret, quote(secret, safe=""), quote_plus(secret)}:
                text = text.replace(form, "***")
    text = re.sub(r"((?:api_key|email)=)[^&\s\"'<>]+", r"\1***", text)
    return re.sub(r"(\"api-key\"\s*:\s*\")[^\"]*", r"\1***", text)


def _by_text(said: str) -> Fault | None:
    for pattern, kind, meaning in ERROR_TEXTS:
        if pattern.search(said):
            halve = "viewer" in said.lower() or "timeout" in said.lower()
            return Fault(
                kind=kind, message=f"{meaning} ({_squeeze(said)})", halve=halve, max_tries=3 if halve else None
            )
    return None


def _error_text(reply: Reply, text: str) -> str | None:
    stripped = text.lstrip("\ufeff \r\n\t")
    if stripped.startswith(("{", "[")):
        return _json_error(stripped)
    found = re.findall(r"<ERROR>(.*?)</ERROR>", text, re.DOTALL)
    if found:
        return "; ".join(_squeeze(part) for part in found)
    if reply.status >= 400 or _is_html(reply, text):
        return _first_words(text) or None
    return None


def _json_error(text: str) -> str | None:
    try:
        content = json.loads(text, strict=False)  # NCBI puts raw newlines inside its strings
    except ValueError:
        return _squeeze(text[:200])
    found = _deep(content, ("error", "ERROR"))
    return _squeeze(found) if found else "JSON came where XML was asked for"


def _deep(content: object, names: tuple[str, ...]) -> str | None:
    if isinstance(content, dict):
        for key, value in content.items():
            if key in names and value:
                return str(value)
            if (inner := _deep(value, names)) is not None:
                return inner
    return None


def _is_html(reply: Reply, text: str) -> bool:
    kind = (reply.header("content-type") or "").lower()
    start = text.lstrip("\ufeff \r\n\t")[:200].lower()
    return "text/html" in kind or start.startswith(("<html", "<!doctype html"))


def _body_fault(utility: str, body: bytes) -> Fault | None:
    roots = ROOTS.get(utility, ())
    if not body.strip():
        return Fault(kind=TRANSIENT, message="the reply is empty")
    found: list[str] = []

    def start(name: str, _attributes: dict[str, str]) -> None:
        if not found:
            found.append(name)

    def refuse(*_arguments: object) -> None:
        raise ValueError("entity declared")

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(body, True)
    except ValueError:
        return Fault(kind=PERMANENT, message="the reply declares entities, which evipool refuses to read")
    except expat.ExpatError as error:
        return Fault(
            kind=TRANSIENT,
            message=f"the reply is cut short or broken ({error})",
            halve=utility == "efetch",
            max_tries=3,
        )
    if found and found[0] not in roots:
        return Fault(kind=PERMANENT, message=f"the reply is a <{found[0]}>, not a reply of {utility}")
    return None


def _first_words(text: str) -> str:
    return _squeeze(re.sub(r"<style.*?</style>|<script.*?</script>|<[^>]*>", " ", text, flags=re.DOTALL | re.I))[:200]


def _squeeze(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()[:400]
