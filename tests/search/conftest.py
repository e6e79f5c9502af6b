"""Fixtures of the search tests: an emulated PubMed, a transport that never really waits, a project."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from tests.emulator import Article, Emulator, Facts, article_xml
from tests.emulator.articles import article_of
from toolkit.project import Project
from toolkit.search.transport import NetworkOpener, Settings, Transport

KEY = "0123456789abcdef0123456789abcdef0123"
EMAIL = "someone+test@example.org"


class FakeTime:
    """A clock that moves only when somebody sleeps; the naps are kept."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.naps: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.now += seconds


def made_article(number: int, *, created: date = date(2020, 1, 1), title: str = "", **facts: object) -> Article:
    """A made-up record of the test corpus, PMIDs from 900000001 on: beyond every real one."""
    pmid = str(900_000_000 + number)
    known = Facts(pmid=pmid, title=title or f"Record {number} on osteonecrosis", year=str(created.year), **facts)  # type: ignore[arg-type]
    return article_of(article_xml(known), created=created)


@pytest.fixture
def corpus() -> list[Article]:
    """Twelve records; one has a Chinese title, one has markup characters."""
    plain = [made_article(n, created=date(2020, 1, n)) for n in range(1, 11)]
    chinese = made_article(
        11, title="[Core decompression for osteonecrosis]", vernacular="髓芯减压治疗股骨头坏死", language="chi"
    )
    odd = made_article(12, title="Osteonecrosis & p < 0.05", abstract="骨坏死 n > 3")
    return [*plain, chinese, odd]


@pytest.fixture
def emulator(corpus: list[Article]) -> Iterator[Emulator]:
    with Emulator(corpus, today=datetime(2026, 3, 1, 12, tzinfo=UTC)) as running:
        yield running


@pytest.fixture
def fake_time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def transport(emulator: Emulator, fake_time: FakeTime) -> Transport:
    return make_transport(emulator, fake_time)


def make_transport(emulator: Emulator, fake_time: FakeTime, **settings: object) -> Transport:
    """A transport to the emulator that waits in fake time only."""
    given = {"base_url": emulator.url, "email": EMAIL, "timeout": 5.0, **settings}
    return Transport(
        settings=Settings(**given),  # type: ignore[arg-type]
        opener=NetworkOpener(),
        clock=fake_time.clock,
        sleep=fake_time.sleep,
        now=lambda: datetime(2026, 3, 1, 12, tzinfo=UTC),
        jitter=lambda: 1.0,
    )


STRATEGY = "# database: PubMed\n# searcher: 王芳\n\n#1 osteonecrosis[tiab]\n"


@pytest.fixture
def new_project(tmp_path: Path) -> Callable[..., Project]:
    """Make a project with the given strategy text."""

    def make(strategy: str = STRATEGY, name: str = "综述") -> Project:
        root = tmp_path / name
        (root / "search_strategies").mkdir(parents=True, exist_ok=True)
        (root / "review.toml").write_text('[review]\ntitle = "测试"\n', encoding="utf-8")
        (root / "search_strategies" / "pubmed.txt").write_text(strategy, encoding="utf-8")
        return Project.open(root)

    return make
