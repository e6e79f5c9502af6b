"""The emulator: an HTTP server on 127.0.0.1 that answers as the E-utilities do, and fails as they do.

It serves esearch, efetch, esummary, epost, elink and einfo for db=pubmed under /entrez/eutils/, keeps histories,
holds PubMed's cap on results, and counts requests against a rate limit. `Emulator.fail` queues faults.
"""

from __future__ import annotations

import contextlib
import email.utils
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from tests.emulator import shapes
from tests.emulator.articles import Article
from tests.emulator.faults import CAP_TEXT, FAULTS, HTML, JSON, XML, Misbehaviour, fetch_error, search_error
from tests.emulator.query import Evaluator, Translated, UnknownSyntaxError

PATH = "/entrez/eutils/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request as it arrived: utility, parameters, method, and whether any parameter stood in the address."""

    utility: str
    params: dict[str, str]
    method: str
    address: str
    at: float


@dataclass(slots=True)
class Answered:
    """A reply to be sent."""

    body: bytes
    status: int = 200
    kind: str = XML
    headers: dict[str, str] = field(default_factory=dict)


class Emulator:
    """PubMed's E-utilities on a set of articles.

    Parameters
    ----------
    articles : what PubMed holds
    unknown, mapping : see `query.Evaluator`
    cap : records of a result that are served (9,999; smaller for quick tests)
    rate : requests a second and client before 429, or None
    today : what the Date header says; None is the real time
    port : where it listens on 127.0.0.1; 0 is any free one
    """

    def __init__(
        self,
        articles: Iterable[Article],
        *,
        unknown: Iterable[str] = (),
        mapping: dict[str, str] | None = None,
        cap: int = 9999,
        rate: float | None = None,
        today: datetime | None = None,
        port: int = 0,
    ) -> None:
        self.articles = {article.pmid: article for article in articles}
        self.unknown, self.mapping = tuple(unknown), dict(mapping or {})
        self.cap, self.rate, self.today, self.port = cap, rate, today, port
        self.withdrawn: set[str] = set()
        self.announced: set[str] = set()
        self.stray: Article | None = None
        self.valid_keys: set[str] | None = None
        self.requests: list[Asked] = []
        self._faults: dict[str, deque[Misbehaviour]] = {}
        self._history: dict[str, list[list[str]]] = {}
        self._lock = threading.Lock()
        self._server: ThreadingHTTPServer | None = None

    # ---- commands ---------------------------------------------------------------------------------------------

    def fail(self, utility: str, *names: str, times: int = 1) -> None:
        """Queue faults by name (`FAULTS`) for the next requests of a utility; "good" lets one through."""
        good = Misbehaviour(how="good")
        queue = self._faults.setdefault(utility, deque())
        queue.extend(FAULTS[name] if name != "good" else good for _ in range(times) for name in names)

    def withdraw(self, *pmids: str, announced: bool = False) -> None:
        """These records are still found but no more delivered; ``announced`` adds a DeleteCitation."""
        self.withdrawn.update(pmids)
        if announced:
            self.announced.update(pmids)

    def forget(self) -> None:
        """Drop every stored history: efetch by WebEnv fails from now on."""
        self._history.clear()

    def asked(self, utility: str) -> list[Asked]:
        """The requests of one utility, in order."""
        return [request for request in self.requests if request.utility == utility]

    # ---- serving ----------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """Base address, as EVIPOOL_ENTREZ_URL wants it."""
        assert self._server is not None, "use the emulator in a with statement"
        return f"http://127.0.0.1:{self._server.server_address[1]}{PATH}"

    def __enter__(self) -> Self:
        handler = type("BoundHandler", (_Handler,), {"emulator": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()

    def answer(self, asked: Asked) -> tuple[Answered, Misbehaviour | None]:
        """The reply to a request, and the fault to commit on the way."""
        with self._lock:
            self.requests.append(asked)
            queue = self._faults.get(asked.utility)
            fault = queue.popleft() if queue else None
            who = asked.params.get("api_key") or "203.0.113.7"
            if fault is not None and fault.how == "body":
                body = fault.body.replace("{who}", who).encode()
                return Answered(body, fault.status, fault.kind, fault.headers), fault
            if self.valid_keys is not None and asked.params.get("api_key", "") not in {"", *self.valid_keys}:
                bad = FAULTS["key_invalid"]
                return Answered(bad.body.replace("{who}", who).encode(), bad.status, bad.kind), None
            if self._is_over_rate(asked, who):
                over = FAULTS["rate_limit"]
                return Answered(over.body.replace("{who}", who).encode(), over.status, over.kind), None
            return self._dispatch(asked), fault

    def _is_over_rate(self, asked: Asked, who: str) -> bool:
        if self.rate is None:
            return False
        same = [r for r in self.requests if (r.params.get("api_key") or "203.0.113.7") == who]
        return sum(1 for r in same if asked.at - r.at < 1.0) > self.rate

    def _dispatch(self, asked: Asked) -> Answered:
        function = getattr(self, f"_{asked.utility}", None)
        if function is None:
            return Answered(b"<html><body>404 Not Found</body></html>", 404, HTML)
        answered: Answered = function(asked.params)
        return answered

    def _esearch(self, params: dict[str, str]) -> Answered:
        if params.get("db") != "pubmed":  # klortho_esearch.baderror.xml
            return _text(search_error(f"Invalid db name specified: {params.get('db', '')}"))
        if not params.get("term", "").strip():  # err_empty_term.json, in XML
            return _text(search_error("Empty term and query_key - nothing todo"))
        retstart, retmax = int(params.get("retstart", "0")), int(params.get("retmax", "20"))
        if retstart > self.cap - 1:  # err_esearch_retstart_9999.xml
            return _text(search_error(f"Search Backend failed: Exception:\n{CAP_TEXT}"))
        try:
            found = Evaluator(self.articles.values(), unknown=self.unknown, mapping=self.mapping).run(params["term"])
        except UnknownSyntaxError as error:
            return _text(search_error(f"the emulator does not know this syntax: {error}"), status=400)
        ids = sorted(found.pmids, key=lambda p: (self.articles[p].created, int(p)), reverse=True)
        if params.get("rettype") == "count":
            return _text(shapes.count_result(len(ids)))
        return self._listed(params, found, ids, retstart, retmax)

    def _listed(self, params: dict[str, str], found: Translated, ids: list[str], start: int, retmax: int) -> Answered:
        warnings = list(found.warnings)
        room = self.cap - start
        if retmax > room and len(ids) > room:  # warn_esearch_restrictions_achieved.xml
            warnings.append(("OutputMessage", f"Restrictions achieved. start and count adjusted to {start}, {room}"))
        page = ids[start : start + min(retmax, room)]
        if not ids:  # bp_esearch8.xml
            warnings.append(("OutputMessage", "No items found."))
        history = None
        if params.get("usehistory") == "y":
            history = self._store(ids[: self.cap], params.get("WebEnv"))
        if self._faults.get("esearch:list") and page:
            self._faults["esearch:list"].popleft()
            page = page[:-1]
        text = shapes.search_result(
            count=len(ids), retmax=len(page), retstart=start, ids=page, translation=found.text, mapped=found.mapped,
            errors=found.errors, warnings=warnings, history=history,
        )  # fmt: skip
        return _text(text)

    def _efetch(self, params: dict[str, str]) -> Answered:
        if params.get("retmode", "xml") != "xml":
            return Answered(params.get("id", "").replace(",", "\n").encode(), 200, "text/plain")
        ids = self._ids(params)
        if isinstance(ids, Answered):
            return ids
        wanted = [pmid for pmid in ids if pmid.isdigit()]
        if not wanted:  # err_efetch_empty_ids_400.xml
            return _text(fetch_error("ID list is empty! Possibly it has no correct IDs."), status=400)
        served = [self.articles[p] for p in wanted if p in self.articles and p not in self.withdrawn]
        if self.stray is not None:
            served.append(self.stray)
        return Answered(shapes.article_set(served, sorted(self.announced & set(wanted))))

    def _ids(self, params: dict[str, str]) -> list[str] | Answered:
        if "WebEnv" not in params:
            return [part.strip() for part in params.get("id", "").split(",") if part.strip()]
        start, size = int(params.get("retstart", "0")), int(params.get("retmax", "20"))
        if start > self.cap - 1:  # err_efetch_retstart_400.xml
            reason = f"Search backend cannot retrieve history data. Reason: Exception: {CAP_TEXT}"
            return _text(fetch_error(reason), status=400)
        stored = self._history.get(params["WebEnv"])
        if stored is None or int(params.get("query_key", "1")) > len(stored):  # err_efetch_history_expired_400.xml
            return Answered(FAULTS["history_expired"].body.encode(), 400)
        return stored[int(params.get("query_key", "1")) - 1][start : start + size]

    def _epost(self, params: dict[str, str]) -> Answered:
        ids = [part for part in params.get("id", "").split(",") if part.strip().isdigit()]
        return _text(shapes.post_result(self._store(ids, params.get("WebEnv"))) if ids else shapes.post_error())

    def _esummary(self, params: dict[str, str]) -> Answered:
        ids = self._ids(params)
        if isinstance(ids, Answered):
            return ids
        if not ids:
            return _text(shapes.summary_error())
        known = [self.articles[pmid] for pmid in ids if pmid in self.articles]
        return _text(shapes.summary_result(known, [pmid for pmid in ids if pmid not in self.articles]))

    def _elink(self, params: dict[str, str]) -> Answered:
        """Neighbours are the articles that share a MeSH heading; the real ranking is not emulated."""
        pmid = params.get("id", "").split(",")[0]
        own = self.articles.get(pmid)
        near = [a.pmid for a in self.articles.values() if own and a.pmid != pmid and set(a.mesh) & set(own.mesh)]
        if params.get("cmd") == "ncheck":
            return _text(shapes.link_check(pmid, bool(near)))
        return _text(shapes.link_neighbours(pmid, near))

    def _einfo(self, params: dict[str, str]) -> Answered:
        if "db" not in params:
            return _text(shapes.info_databases())
        if params["db"] != "pubmed":
            return _text(shapes.info_error(params["db"]))
        return _text(shapes.info_pubmed(len(self.articles)))

    def _store(self, ids: list[str], web_env: str | None) -> tuple[str, str]:
        name = web_env or f"MCID_{len(self._history) + 1:024x}"
        self._history.setdefault(name, []).append(ids)
        return str(len(self._history[name])), name


class _Handler(BaseHTTPRequestHandler):
    emulator: Emulator
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def _serve(self, body: bytes) -> None:
        parts = urlsplit(self.path)
        pairs = parse_qsl(parts.query, keep_blank_values=True) + parse_qsl(body.decode(), keep_blank_values=True)
        params: dict[str, str] = {}
        for key, value in pairs:
            params[key] = f"{params[key]},{value}" if key in params else value
        utility = parts.path.removeprefix(PATH).removesuffix(".fcgi")
        asked = Asked(
            utility=utility, params=params, method=self.command, address=self.path, at=time.monotonic()
        )  # fmt: skip
        answered, fault = self.emulator.answer(asked)
        with contextlib.suppress(ConnectionError):
            self._send(answered, fault)

    def _send(self, answered: Answered, fault: Misbehaviour | None) -> None:
        how = fault.how if fault is not None else "good"
        if how == "reset":
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.close_connection = True
            return
        if how == "slow" and fault is not None:
            time.sleep(fault.seconds)
        body = answered.body[: len(answered.body) * 2 // 3] if how in ("truncate", "break") else answered.body
        self.send_response(answered.status)
        self.send_header("Content-Type", answered.kind)
        self.send_header("Content-Length", str(len(answered.body if how == "break" else body)))
        for name, value in answered.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        if how == "break":
            self.close_connection = True

    def date_time_string(self, timestamp: float | None = None) -> str:
        today = self.emulator.today
        return email.utils.format_datetime(today.astimezone(UTC), usegmt=True) if today else super().date_time_string()

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


def _text(text: str, *, status: int = 200) -> Answered:
    kind = JSON if text.startswith("{") else XML
    return Answered(text.encode("utf-8"), status, kind)
