"""The only place that opens connections: one request in, one checked reply out.

Bio.Entrez builds every request (its ``urlopen`` is replaced by one that hands the request over, its own unpaced
retries are off); sending, pacing, waiting, trying again and checking bodies happen here. Requests go by POST, so that
neither a key nor a long query travels in an address.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import logging
import os
import random
import ssl
import threading
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urljoin, urlsplit

import tenacity
from Bio import Entrez

from toolkit.model.errors import InputError
from toolkit.search.faults import PERMANENT, TRANSIENT, EntrezError, Fault, Reply, find_fault, redact, retry_after
from toolkit.search.web import WebClient, WebOpener, no_replay

__all__ = ["NCBI_URL", "NetworkOpener", "Opener", "RateLimit", "RequestsOpener", "Settings", "Transport",
           "build_request", "user_file"]  # fmt: skip

NCBI_URL = "https://eutils.ncbi.nlm.nih.gov/entrez/eutils/"
UTILITIES = ("esearch", "efetch", "esummary", "epost", "elink", "einfo")
# NLM allows 3 requests a second without a key and 10 with one; a little slack is faster than being refused.
INTERVAL_WITHOUT_KEY = 0.34
INTERVAL_WITH_KEY = 0.105
MAX_BODY_BYTES = 512 * 1024 * 1024

log = logging.getLogger("evipool.search")


class Opener(Protocol):
    """Sends one request and returns the reply whatever its status; raises `OSError` where none came."""

    paced: bool

    def __call__(self, request: urllib.request.Request, timeout: float) -> Reply: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where requests go and who sends them; the key and the e-mail never show in its text.

    Attributes
    ----------
    base_url : address of the E-utilities
    api_key, email : the user's own; NCBI wants an e-mail with every request
    openalex_key : the user's own key for OpenAlex, if any
    tool : name of this program for NCBI
    timeout : seconds to wait for a reply
    tries : requests at most for one reply
    total_wait : seconds at most, over all tries
    """

    base_url: str = NCBI_URL
    api_key: str | None = field(default=None, repr=False)
    email: str | None = field(default=None, repr=False)
    openalex_key: str | None = field(default=None, repr=False)
    tool: str = "evipool"
    timeout: float = 90.0
    tries: int = 8
    total_wait: float = 300.0

    @classmethod
    def of_user(cls) -> Settings:
        """Settings from the environment and from the user's own file (see `user_file`)."""
        path = user_file(os.environ)
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8-sig")) if path.is_file() else {}
        except (OSError, ValueError) as error:
            raise InputError(f"Your settings cannot be read: {error}.", file=path) from None
        return cls.from_environment(os.environ, {k: str(v) for k, v in content.get("pubmed", {}).items()})

    @classmethod
    def from_environment(
        cls, environment: Mapping[str, str] | None = None, config: Mapping[str, str] | None = None
    ) -> Settings:
        """Settings of this user: environment first, then ``config`` (``api_key``, ``email``, ``url``, ``timeout``).

        EVIPOOL_ENTREZ_URL, EVIPOOL_NCBI_API_KEY or NCBI_API_KEY, EVIPOOL_EMAIL, EVIPOOL_TIMEOUT (seconds),
        EVIPOOL_OPENALEX_API_KEY.
        """
        env = os.environ if environment is None else environment
        conf = config or {}
        base = env.get("EVIPOOL_ENTREZ_URL") or conf.get("url") or NCBI_URL
        if urlsplit(base).scheme not in ("http", "https") or not urlsplit(base).hostname:
            raise InputError("EVIPOOL_ENTREZ_URL is not an address.", value=base, allowed="https://host/path/")
        seconds = env.get("EVIPOOL_TIMEOUT") or conf.get("timeout") or "90"
        try:
            timeout = float(seconds)
        except ValueError:
            raise InputError("EVIPOOL_TIMEOUT is not a number of seconds.", value=seconds) from None
        return cls(
            base_url=base.rstrip("/") + "/",
            api_key=env.get("EVIPOOL_NCBI_API_KEY") or env.get("NCBI_API_KEY") or conf.get("api_key") or None,
            email=env.get("EVIPOOL_EMAIL") or conf.get("email") or None,
            openalex_key=env.get("EVIPOOL_OPENALEX_API_KEY") or conf.get("openalex_api_key") or None,
            timeout=timeout,
        )


def user_file(environment: Mapping[str, str]) -> Path:
    """The user's own settings: EVIPOOL_CONFIG, or evipool/config.toml where the system keeps such files.

    It holds a table ``[pubmed]`` with ``email`` and ``api_key``; a review folder never does.
    """
    if named := environment.get("EVIPOOL_CONFIG"):
        return Path(named)
    root = environment.get("APPDATA") or environment.get("XDG_CONFIG_HOME")
    return (Path(root) if root else Path.home() / ".config") / "evipool" / "config.toml"


class RateLimit:
    """Spaces requests evenly, for all threads that share it."""

    def __init__(self, interval: float, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self.interval, self._clock, self._sleep = interval, clock, sleep
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Return when the next request may go."""
        with self._lock:
            now = self._clock()
            turn = max(now, self._next)
            self._next = turn + self.interval
        if turn > now:
            self._sleep(turn - now)

    def pause(self, seconds: float) -> None:
        """Hold every thread back: the service said that this key or address asked too often."""
        with self._lock:
            self._next = max(self._next, self._clock() + seconds)


_shared: dict[tuple[str, str | None], RateLimit] = {}
_shared_lock = threading.Lock()


class Transport:
    """Sends requests to the E-utilities, paced, retried and checked.

    Parameters
    ----------
    settings : where to and as whom; None reads `Settings.of_user`
    opener : what carries a request; None is the network
    clock, sleep : monotonic seconds, and how to wait; tests pass their own
    now : the present moment (UTC), for Retry-After dates
    jitter : returns a number in 0-1 that spreads the waits
    web_opener : what carries requests to the other sources; None is the network, unless ``opener`` replays
    """

    def __init__(
        self,
        *,
        settings: Settings | None = None,
        opener: Opener | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        jitter: Callable[[], float] = random.random,
        web_opener: WebOpener | None = None,
    ) -> None:
        self.settings = settings or Settings.of_user()
        self.opener: Opener = opener or NetworkOpener()
        self._web_opener = web_opener
        self._clock, self._sleep, self._now, self._jitter = clock, sleep, now, jitter
        interval = INTERVAL_WITH_KEY if self.settings.api_key else INTERVAL_WITHOUT_KEY
        if not self.opener.paced:
            self._limit = RateLimit(0.0, clock, sleep)
        elif clock is time.monotonic and sleep is time.sleep:
            with _shared_lock:  # the limit is per key (or address), so every transport of this process shares it
                key = (urlsplit(self.settings.base_url).netloc, self.settings.api_key)
                self._limit = _shared.setdefault(key, RateLimit(interval, clock, sleep))
        else:
            self._limit = RateLimit(interval, clock, sleep)

    def call(self, utility: str, **params: Any) -> Reply:
        """A checked success reply of one E-utility.

        Raises
        ------
        EntrezError
            the request failed for good; ``kind`` says whether trying later or searching again may help.
        InputError
            the API key is refused, or no e-mail address is set for the real service.
        """
        self._check_identity()
        request = build_request(utility, params, self.settings)
        started = self._clock()
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(lambda e: isinstance(e, EntrezError) and e.kind == TRANSIENT),
            wait=self._wait_before_next,
            stop=lambda state: self._is_over(state, started),
            sleep=self._sleep,
            before_sleep=self._log_retry,
            reraise=True,
        )
        reply: Reply = retrying(self._try_once, utility, request)
        return reply

    def web(self, name: str) -> WebClient:
        """The client for sources that answer in JSON, with this user's time-outs; ``name`` is for messages.

        Raises
        ------
        InputError
            the replies are recorded ones.
        """
        if self._web_opener is None and not self.opener.paced:
            raise no_replay(name)
        settings = self.settings
        return WebClient(
            opener=self._web_opener or RequestsOpener(settings.tool),
            secrets=(settings.api_key, settings.email, settings.openalex_key),
            timeout=settings.timeout,
            tries=settings.tries,
            total_wait=settings.total_wait,
            clock=self._clock,
            sleep=self._sleep,
            now=self._now,
            jitter=self._jitter,
        )

    def scrub(self, body: bytes) -> bytes:
        """A success body without the user's key, should the service ever repeat it; else the bytes untouched.

        The e-mail stays: it may be an author's own, printed in a record.
        """
        key = (self.settings.api_key or "").encode()
        return body.replace(key, b"***") if key and key in body else body

    def redact(self, text: str) -> str:
        """The text without this user's key and e-mail."""
        return redact(text, (self.settings.api_key, self.settings.email))

    def _check_identity(self) -> None:
        real = urlsplit(self.settings.base_url).hostname == urlsplit(NCBI_URL).hostname
        if self.opener.paced and real and not self.settings.email:
            raise InputError(
                "NCBI asks for an e-mail address with every request, and none is set.",
                hint="Set EVIPOOL_EMAIL=you@example.org (it is sent to NCBI only, never stored in the review).",
            )

    def _try_once(self, utility: str, request: urllib.request.Request) -> Reply:
        self._limit.wait()
        try:
            reply = self.opener(request, self.settings.timeout)
        except (OSError, http.client.HTTPException) as error:
            raise self._error(utility, _connection_fault(error)) from None
        fault = find_fault(utility, reply)
        if fault is None:
            return reply
        wait = retry_after(reply, self._now())
        if reply.status == 429:
            self._limit.pause(wait or 1.0)
        if fault.kind == PERMANENT and "API key" in fault.message:
            raise InputError(self.redact(f"{utility}: {fault.message}."))
        raise self._error(utility, fault, reply.status, wait)

    def _error(self, utility: str, fault: Fault, status: int = 0, wait: float | None = None) -> EntrezError:
        hint = " Run the same command again later: it goes on where it stopped." if fault.kind == TRANSIENT else ""
        return EntrezError(
            self.redact(f"PubMed ({utility}): {fault.message}.{hint}"), fault=fault, status=status, wait=wait
        )

    def _wait_before_next(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = getattr(error, "wait", None)
        grown = min(2.0 ** (state.attempt_number - 1), 60.0) * (0.5 + 0.5 * self._jitter())
        return max(grown, asked) if asked is not None else grown

    def _is_over(self, state: tenacity.RetryCallState, started: float) -> bool:
        error = state.outcome.exception() if state.outcome else None
        own = error.fault.max_tries if isinstance(error, EntrezError) else None
        allowed = own or self.settings.tries
        asked = getattr(error, "wait", None) or 0.0
        return state.attempt_number >= allowed or self._clock() - started + asked >= self.settings.total_wait

    def _log_retry(self, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        words = error.fault.message if isinstance(error, EntrezError) else str(error)
        log.warning("PubMed, try %d: %s; trying again", state.attempt_number, self.redact(words))


class NetworkOpener:
    """Opens real connections: proxies from HTTPS_PROXY, certificates from SSL_CERT_FILE or REQUESTS_CA_BUNDLE."""

    paced = True

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        env = os.environ if environment is None else environment
        context = ssl.create_default_context()
        for name in ("EVIPOOL_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            if bundle := env.get(name):
                _add_certificates(context, name, Path(bundle))
                break
        self._opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), _SafeRedirects())

    def __call__(self, request: urllib.request.Request, timeout: float) -> Reply:
        """The reply, whatever its status."""
        try:
            with self._opener.open(request, timeout=timeout) as handle:
                return _reply(handle.status, handle.headers, _read(handle))
        except urllib.error.HTTPError as error:
            with error:
                return _reply(error.code, error.headers, _read(error))


class RequestsOpener:
    """Gets JSON by `requests`: proxies and certificates from the environment, redirects within one host only."""

    paced = True

    def __init__(self, tool: str) -> None:
        self._agent = tool

    def __call__(self, url: str, params: Mapping[str, str], timeout: float) -> Reply:
        """The reply, whatever its status."""
        import requests

        headers = {"User-Agent": self._agent, "Accept": "application/json"}
        got = requests.get(url, params=dict(params), headers=headers, timeout=timeout, allow_redirects=False)
        for _ in range(3):
            target = got.headers.get("location", "")
            if got.status_code not in (301, 302, 307, 308) or not target:
                break
            if urlsplit(target).netloc not in ("", urlsplit(url).netloc) or urlsplit(target).scheme == "http":
                raise OSError(f"redirected to {urlsplit(target).netloc}, which was not followed")
            got = requests.get(urljoin(url, target), headers=headers, timeout=timeout, allow_redirects=False)
        if len(got.content) > MAX_BODY_BYTES:
            raise OSError(f"a reply of more than {MAX_BODY_BYTES // 2**20} MB is refused")
        return _reply(got.status_code, got.headers, got.content)


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows no redirect to another host or from https to http: the request carries the user's key."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        before, after = urlsplit(req.full_url), urlsplit(newurl)
        if (before.scheme, before.netloc) != (after.scheme, after.netloc):
            raise urllib.error.URLError(f"redirected to {after.scheme}://{after.netloc}, which was not followed")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _NoReply(io.BytesIO):
    """Stands for a reply while Bio.Entrez builds a request; nothing reads it."""

    headers = Message()
    url = ""


_NoReply.headers["Content-Type"] = "text/xml"
_building = threading.Lock()


def build_request(utility: str, params: Mapping[str, Any], settings: Settings) -> urllib.request.Request:
    """The request that Bio.Entrez makes for one E-utility, as a POST to ``settings.base_url``."""
    if utility not in UTILITIES:
        raise InputError("There is no such E-utility.", value=utility, allowed=", ".join(UTILITIES))
    caught: list[urllib.request.Request] = []

    def catch(request: urllib.request.Request) -> _NoReply:
        caught.append(request)
        return _NoReply()

    identity = {"tool": settings.tool, "email": settings.email or "", "api_key": settings.api_key}
    # Its own pause is set aside (ours paces), and put back for whoever else uses Bio.Entrez in this process.
    previous = _replaced(Entrez._open, "previous", 0.0)
    with _building, previous, _replaced(Entrez, "urlopen", catch), _replaced(Entrez, "max_tries", 1):
        getattr(Entrez, utility)(**params, **identity)
    made = caught[0]
    address, _, query = made.full_url.partition("?")
    data = made.data if made.data is not None else query.encode("ascii")
    address = settings.base_url + address.rsplit("/", 1)[-1]
    headers = {"User-Agent": settings.tool, "Accept": "application/xml, text/xml"}
    return urllib.request.Request(address, data=data, headers=headers, method="POST")


@contextlib.contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Any:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def _add_certificates(context: ssl.SSLContext, name: str, bundle: Path) -> None:
    try:
        if bundle.is_dir():
            context.load_verify_locations(capath=str(bundle))
        else:
            context.load_verify_locations(cafile=str(bundle))
    except (OSError, ssl.SSLError) as error:
        raise InputError(f"{name} names certificates that cannot be read: {error}.", value=bundle) from None


def _connection_fault(error: BaseException) -> Fault:
    reason = getattr(error, "reason", None)
    inner = reason if isinstance(reason, BaseException) else error
    if isinstance(inner, ssl.SSLCertVerificationError):
        text = (
            f"the certificate of the service is not trusted ({inner.verify_message}); "
            "behind a proxy that opens TLS, name its certificate file in SSL_CERT_FILE"
        )
        return Fault(kind=PERMANENT, message=text)
    if isinstance(inner, TimeoutError):
        return Fault(kind=TRANSIENT, message="no reply in time", halve=True, max_tries=4)
    if isinstance(inner, http.client.IncompleteRead):
        return Fault(kind=TRANSIENT, message="the connection broke in the middle of the reply", halve=True)
    if isinstance(inner, ConnectionResetError | http.client.RemoteDisconnected | http.client.BadStatusLine):
        return Fault(kind=TRANSIENT, message="the connection was cut")
    if isinstance(reason, str) and "redirected" in reason:
        return Fault(kind=PERMANENT, message=reason)
    words = str(inner) or type(inner).__name__
    text = f"the service cannot be reached ({words}); is there a proxy to name in HTTPS_PROXY?"
    return Fault(kind=TRANSIENT, message=text, max_tries=3)


def _read(handle: Any) -> bytes:
    body: bytes = handle.read(MAX_BODY_BYTES + 1)
    if len(body) > MAX_BODY_BYTES:
        raise OSError(f"a reply of more than {MAX_BODY_BYTES // 2**20} MB is refused")
    return body


def _reply(status: int, headers: Any, body: bytes) -> Reply:
    return Reply(status=status, headers=tuple((name.lower(), value) for name, value in headers.items()), body=body)
