"""Recorded replies: a folder that stands for the service, and what records one.

A folder holds ``index.json`` and one file for each body. A request is found by its utility and its parameters
(query and body together, sorted; ``tool``, ``email`` and ``api_key`` left out), nothing less: a request that was not
recorded is an error, never the nearest reply.
"""

from __future__ import annotations

import hashlib
import json
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from toolkit.model.errors import InputError
from toolkit.search.faults import Reply, find_fault
from toolkit.search.transport import Opener

__all__ = ["IDENTITY", "RecordingOpener", "ReplayOpener", "request_key"]

IDENTITY = frozenset({"tool", "email", "api_key"})
KEPT_HEADERS = ("content-type", "date")
INDEX = "index.json"


def request_key(request: urllib.request.Request) -> tuple[str, tuple[tuple[str, str], ...]]:
    """What a request asks: the utility and its sorted parameters without those that say who asks."""
    parts = urlsplit(request.full_url)
    body = request.data if isinstance(request.data, bytes) else b""
    pairs = parse_qsl(parts.query, keep_blank_values=True) + parse_qsl(body.decode("utf-8"), keep_blank_values=True)
    return parts.path.rsplit("/", 1)[-1], tuple(sorted((k, v) for k, v in pairs if k not in IDENTITY))


class ReplayOpener:
    """Answers from a folder of recorded replies; opens no connection.

    Raises
    ------
    InputError
        the folder is no folder of replies, a body is missing or changed, or the request was never recorded.
    """

    paced = False

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        try:
            content = json.loads((self.folder / INDEX).read_text(encoding="utf-8"))
            entries: list[dict[str, Any]] = content["replies"]
            self._replies = {(e["utility"], tuple(sorted((k, v) for k, v in e["params"]))): e for e in entries}
        except FileNotFoundError:
            raise InputError("This folder holds no recorded replies (index.json).", file=self.folder) from None
        except (OSError, ValueError, KeyError, TypeError):
            raise InputError("The index of recorded replies cannot be read.", file=self.folder / INDEX) from None
        self.about: str = str(content.get("about", ""))

    def __call__(self, request: urllib.request.Request, timeout: float) -> Reply:
        """The recorded reply to exactly this request."""
        key = request_key(request)
        entry = self._replies.get(key)
        if entry is None:
            asked = ", ".join(f"{name}={value[:60]}" for name, value in key[1])
            raise InputError(
                f"No reply to this {key[0]} request was recorded.", file=self.folder, value=asked,
                hint="Recorded replies answer only the very searches they were recorded from.",
            )  # fmt: skip
        path = self.folder / entry["file"]
        try:
            body = path.read_bytes()
        except OSError:
            raise InputError("A recorded reply is missing.", file=path) from None
        if hashlib.sha256(body).hexdigest() != entry["sha256"]:
            raise InputError("A recorded reply was changed after it was recorded.", file=path)
        headers = tuple((name, value) for name, value in entry["headers"])
        return Reply(status=entry["status"], headers=headers, body=body, replayed=True)


class RecordingOpener:
    """Passes requests on and keeps the good replies in a folder, without key, e-mail or cookies.

    Parameters
    ----------
    opener : what really answers
    folder : where replies go; it may hold earlier ones
    about : what is recorded from what, for the reader of the index
    headers : headers put in the place of the reply's own, such as ``date``
    """

    def __init__(
        self, opener: Opener, folder: str | Path, *, about: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        self.opener, self.folder, self.about = opener, Path(folder), about
        self.paced = opener.paced
        self._headers = {name.lower(): value for name, value in (headers or {}).items()}
        self._entries: list[dict[str, Any]] = []
        index = self.folder / INDEX
        if index.is_file():
            content = json.loads(index.read_text(encoding="utf-8"))
            self._entries, self.about = content["replies"], about or content["about"]

    def __call__(self, request: urllib.request.Request, timeout: float) -> Reply:
        """The reply, kept if it is a good one."""
        reply = self.opener(request, timeout)
        name, params = request_key(request)
        utility = name.removesuffix(".fcgi")
        if find_fault(utility, reply) is not None:
            return reply
        headers = {key: value for key, value in reply.headers if key in KEPT_HEADERS} | self._headers
        self._keep(name, params, Reply(status=reply.status, headers=tuple(sorted(headers.items())), body=reply.body))
        return reply

    def _keep(self, name: str, params: tuple[tuple[str, str], ...], reply: Reply) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        wanted = [list(pair) for pair in params]
        self._entries = [e for e in self._entries if (e["utility"], e["params"]) != (name, wanted)]
        number = 1 + max((int(e["file"].split("-")[0]) for e in self._entries), default=0)
        file = f"{number:03d}-{name.removesuffix('.fcgi')}.xml"
        (self.folder / file).write_bytes(reply.body)
        self._entries.append(
            {
                "utility": name,
                "params": wanted,
                "status": reply.status,
                "headers": [list(pair) for pair in reply.headers],
                "file": file,
                "sha256": hashlib.sha256(reply.body).hexdigest(),
            }
        )
        text = json.dumps({"about": self.about, "replies": self._entries}, ensure_ascii=False, indent=1)
        (self.folder / INDEX).write_text(text + "\n", encoding="utf-8", newline="\n")
