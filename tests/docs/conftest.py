"""A reader's machine: an empty folder, no reviewer set, and a PubMed that is an emulator on invented records."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from tests.docs.blocks import Session
from tests.emulator import Emulator, Facts, article_xml
from tests.emulator.articles import article_of
from toolkit.cli.common import Settings
from toolkit.search.transport import NetworkOpener, Transport
from toolkit.search.transport import Settings as Address

MOMENT = datetime(2026, 1, 15, 12, tzinfo=UTC)
INVENTED = (
    ("Exercise for low back pain in nurses: a randomised trial", "2018", "10.1000/example.101"),
    ("Exercise and back pain in schools", "2019", "10.1000/example.104"),
)


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """A session in an empty folder."""
    monkeypatch.delenv("EVIPOOL_REVIEWER", raising=False)
    monkeypatch.delenv("EVIPOOL_PROJECT", raising=False)
    articles = [
        article_of(article_xml(Facts(pmid=str(900_000_101 + i), title=t, year=y, doi=d)), created=date(2020, 1, 1 + i))
        for i, (t, y, d) in enumerate(INVENTED)
    ]
    with Emulator(articles, today=MOMENT) as pubmed:
        transport = Transport(
            settings=Address(base_url=pubmed.url, email="someone@example.org", timeout=5.0),
            opener=NetworkOpener(),
            sleep=lambda _: None,
            now=lambda: MOMENT,
        )
        yield Session(tmp_path, Settings(transport=transport))
