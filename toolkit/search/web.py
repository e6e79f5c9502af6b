"""Requests to the sources that answer in JSON: paced, retried, checked; the connection itself is `transport`'s.

Europe PMC, OpenAlex, Crossref and ClinicalTrials.gov report failures by status, by an HTML page, or by JSON with an
``error``. A reply that is not whole JSON of the expected shape is never read as "no results".
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import tenacity

from toolkit.model.errors import InputError, SourceError
from toolkit.search.faults import PERMANENT, TRANSIENT, Fault, Reply, redact, retry_after

__all__ = ["WebClient", "WebError", "WebOpener", "check_reply"]

log = logging.getLogger("evipool.search")


class WebOpener(Protocol):
    """Gets one address with parameters and returns the reply whatever its status; raises `OSError` without one."""

    paced: bool

    def __call__(self, url: str, params: Mapping[str, str], timeout: float) -> Reply: ...


class WebError(SourceError):
    """A request failed for good; ``fault.kind`` says whether trying later may help."""

    def __init__(self, message: str, *, fault: Fault, status: int = 0, wait: float | None = None) -> None:
        super().__init__(message)
        self.fault, self.status, self.wait = fault, status, wait


@dataclass(frozen=True, slots=True, kw_only=True)
class WebClient:
    """Sends requests of one kind after another.

    Attributes
    ----------
    opener : what carries a request
    secrets : texts that never show in messages (keys, the e-mail)
    timeout, tries, total_wait : seconds for one reply, requests at most for one, seconds over all tries
    clock, sleep, now, jitter : time and chance; tests pass their own
    """

    opener: WebOpener
    secrets: tuple[str | None, ...] = ()
    timeout: float = 90.0
    tries: int = 8
    total_wait: float = 300.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    jitter: Callable[[], float] = lambda: 0.5

    def get(self, name: str, url: str, params: Mapping[str, str], *, interval: float) -> tuple[dict[str, Any], Reply]:
        """The JSON object of a checked reply, and the reply.

        Raises
        ------
        WebError
            it failed for good; the text names the source and holds no secret.
        """
        started = self.clock()
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(lambda e: isinstance(e, WebError) and e.fault.kind == TRANSIENT),
            wait=self._wait,
            stop=lambda state: self._over(state, started),
            sleep=self.sleep,
            reraise=True,
        )
        found: tuple[dict[str, Any], Reply] = retrying(self._once, name, url, params)
        if self.opener.paced:
            self.sleep(interval)
        return found

    def _once(self, name: str, url: str, params: Mapping[str, str]) -> tuple[dict[str, Any], Reply]:
        try:
            reply = self.opener(url, params, self.timeout)
        except OSError as error:
            fault = Fault(kind=TRANSIENT, message=f"no reply ({type(error).__name__})", max_tries=4)
            raise self._error(name, fault) from None
        checked = check_reply(reply)
        if isinstance(checked, Fault):
            wait = retry_after(reply, self.now())
            log.warning("%s: %s", name, redact(checked.message, self.secrets))
            raise self._error(name, checked, reply.status, wait)
        return checked, reply

    def _error(self, name: str, fault: Fault, status: int = 0, wait: float | None = None) -> WebError:
        hint = " Run the same command again later: it goes on where it stopped." if fault.kind == TRANSIENT else ""
        return WebError(redact(f"{name}: {fault.message}.{hint}", self.secrets), fault=fault, status=status, wait=wait)

    def _wait(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = getattr(error, "wait", None) or 0.0
        return max(min(2.0 ** (state.attempt_number - 1), 60.0) * (0.5 + 0.5 * self.jitter()), asked)

    def _over(self, state: tenacity.RetryCallState, started: float) -> bool:
        error = state.outcome.exception() if state.outcome else None
        own = error.fault.max_tries if isinstance(error, WebError) else None
        asked = getattr(error, "wait", None) or 0.0
        return state.attempt_number >= (own or self.tries) or self.clock() - started + asked >= self.total_wait


def check_reply(reply: Reply) -> dict[str, Any] | Fault:
    """The JSON object of a good reply, or why it is none."""
    text = reply.body.decode("utf-8", errors="replace")
    said = " ".join(text.split())[:200]
    if reply.status == 429:
        return Fault(kind=TRANSIENT, message="too many requests, the service says")
    if reply.status >= 500:
        return Fault(kind=TRANSIENT, message=f"HTTP {reply.status} from the service")
    if reply.status in (401, 403):
        return Fault(kind=PERMANENT, message=f"HTTP {reply.status}, the service wants a key or refuses it: {said}")
    if reply.status >= 400:
        return Fault(kind=PERMANENT, message=f"HTTP {reply.status}: {said}")
    if not text.strip():
        return Fault(kind=TRANSIENT, message="the reply is empty", max_tries=3)
    if text.lstrip().startswith("<"):
        return Fault(kind=TRANSIENT, message="a web page came instead of data", max_tries=3)
    try:
        content = json.loads(text, strict=False)
    except ValueError:
        return Fault(kind=TRANSIENT, message="the reply is cut short or broken", max_tries=3)
    if not isinstance(content, dict):
        return Fault(kind=PERMANENT, message=f"the reply is not what its documentation promises: {said}")
    if content.get("error") or content.get("errMsg"):
        message = content.get("message") or content.get("errMsg") or content.get("error")
        return Fault(kind=PERMANENT, message=str(message)[:200])
    return content


def no_replay(name: str) -> InputError:
    """Recorded replies stand for PubMed alone."""
    return InputError(f"Recorded replies hold PubMed only; {name} would have to be asked itself.")
