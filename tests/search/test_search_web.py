"""Europe PMC, OpenAlex, Crossref and ClinicalTrials.gov behind the same run record, count and error rules."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from tests.search.conftest import EMAIL, FakeTime
from tests.search.web_replies import ITEMS, FakeWeb, europepmc_item, openalex_item, trial_item
from toolkit.cli.common import Settings as Given
from toolkit.cli.common import run
from toolkit.model.errors import InputError, WaitingForPeople
from toolkit.model.events import NewEvent
from toolkit.project import Project
from toolkit.records.files import read_file
from toolkit.search import web_run
from toolkit.search.citations import chase, included_seeds
from toolkit.search.importing import reparse
from toolkit.search.recall import Seed
from toolkit.search.replies import ReplayOpener
from toolkit.search.run import run_search, search_runs
from toolkit.search.services import SERVICES
from toolkit.search.transport import Settings, Transport
from toolkit.search.web import WebError
from toolkit.store import views

NewProject = Callable[..., Project]
HOSTS = {"europepmc": "www.ebi.ac.uk", "openalex": "api.openalex.org", "crossref": "api.crossref.org",
         "clinicaltrials": "clinicaltrials.gov"}  # fmt: skip
MARCH, SEPTEMBER = date(2026, 3, 1), date(2026, 9, 1)
KEY = "openalex-secret-key"


def web(count: int = 7, page: int = 3) -> FakeWeb:
    return FakeWeb({host: [make(n) for n in range(1, count + 1)] for host, make in ITEMS.items()}, page=page)


def transport_to(fake: FakeWeb, time: FakeTime, **settings: object) -> Transport:
    given = {"email": EMAIL, "openalex_key": KEY, **settings}
    return Transport(
        settings=Settings(**given),  # type: ignore[arg-type]
        web_opener=fake,
        clock=time.clock,
        sleep=time.sleep,
        now=lambda: datetime(2026, 3, 1, tzinfo=UTC),
        jitter=lambda: 1.0,
    )


def strategy_for(key: str) -> str:
    return f"# database: {SERVICES[key].name}\n\n#1 osteonecrosis OR 骨坏死\n#2 hip\n#3 #1 AND #2\n"


@pytest.mark.parametrize("key", list(SERVICES))
def test_every_result_comes_and_is_counted(key: str, new_project: NewProject, fake_time: FakeTime):
    fake = web()
    with new_project(strategy_for(key)) as project:
        outcome = run_search(project, "pubmed", transport=transport_to(fake, fake_time), date=MARCH)
        assert (outcome.count, len(outcome.new), outcome.source) == (7, 7, SERVICES[key].name)
        records = views.records(project.store)
        assert len(records) == 7
        assert all(r.fields.title for r in records.values())
        (one,) = search_runs(project, source=None)
        assert one.source_kind == SERVICES[key].kind
        assert (one.detail["count"], one.detail["new"]) == (7, 7)
        assert views.run_hits(project.store, one.id) == list(outcome.new)
        sent = next(params for _, params in fake.requests)
        assert "(osteonecrosis OR 骨坏死) AND hip" in " ".join(sent.values())
        assert reparse(project, one) == {
            rid: fields for rid, fields in reparse(project, one).items() if rid in records
        }  # fmt: skip
        assert {f["title"] for f in reparse(project, one).values()} == {r.fields.title for r in records.values()}


@pytest.mark.parametrize("key", list(SERVICES))
def test_running_again_the_same_day_asks_nothing_and_later_finds_what_is_new(
    key: str, new_project: NewProject, fake_time: FakeTime
):
    fake = web()
    with new_project(strategy_for(key)) as project:
        run_search(project, "pubmed", transport=transport_to(fake, fake_time), date=MARCH)
        asked = len(fake.requests)
        again = run_search(project, "pubmed", transport=transport_to(fake, fake_time), date=MARCH)
        assert again.repeated
        assert len(fake.requests) == asked
        host = HOSTS[key]
        fake.items[host] = [*fake.items[host][1:], ITEMS[host](40)]
        later = run_search(project, "pubmed", transport=transport_to(fake, fake_time), date=SEPTEMBER)
        assert (len(later.new), len(later.known), len(later.dropped)) == (1, 6, 1)
        assert len(views.records(project.store)) == 8


@pytest.mark.parametrize("key", list(SERVICES))
def test_a_search_that_was_cut_off_goes_on_after_the_last_page_kept(
    key: str, new_project: NewProject, fake_time: FakeTime
):
    fake = web(count=9)
    fake.faults = [None, *[503] * 20]
    with new_project(strategy_for(key)) as project:
        with pytest.raises(WebError, match="goes on where it stopped"):
            run_search(project, "pubmed", transport=transport_to(fake, fake_time), date=MARCH)
        assert views.records(project.store) == {}
        (left,) = search_runs(project, include_open=True, source=None)
        assert left.completed_at is None
        fake.faults, fake.requests = [], []
        outcome = run_search(project, "pubmed", transport=transport_to(fake, fake_time))
        assert outcome.resumed
        assert (outcome.run_id, outcome.searched_on) == (left.id, "2026-03-01")
        assert len(views.records(project.store)) == 9
        cursors = [p.get("cursor") or p.get("cursorMark") or p.get("pageToken") for _, p in fake.requests]
        assert cursors[0] == "at3"
        assert project.store.verify_chain() is None


@pytest.mark.parametrize("key", list(SERVICES))
def test_a_count_that_does_not_fit_waits_for_a_person(key: str, new_project: NewProject, fake_time: FakeTime):
    fake = web()
    fake.count[HOSTS[key]] = 8
    with new_project(strategy_for(key)) as project:
        for _ in range(2):
            with pytest.raises(WaitingForPeople, match=r"counts 8 results and delivered 7"):
                run_search(project, "pubmed", transport=transport_to(fake, fake_time), date=MARCH)
        assert search_runs(project, source=None) == []
        outcome = run_search(
            project, "pubmed", transport=transport_to(fake, fake_time), date=MARCH, accept_warnings=True
        )
        assert outcome.count == 7
        assert search_runs(project, source=None)[0].detail["counted"] == 8


FAULTS = [
    429, 500, 502, b"", b"<html><body>502 Bad Gateway</body></html>", b'{"hitCount": 7, "resultList": {"resu',
    ConnectionResetError("cut"),
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: str(f)[:12])
@pytest.mark.parametrize("key", list(SERVICES))
def test_a_passing_failure_is_waited_out_and_never_stored(
    key: str, fault: object, new_project: NewProject, fake_time: FakeTime
):
    fake = web()
    fake.faults = [fault, None, fault]
    with new_project(strategy_for(key)) as project:
        assert run_search(project, "pubmed", transport=transport_to(fake, fake_time), date=MARCH).count == 7
        assert max(fake_time.naps) >= (7 if fault == 429 else 1)  # Retry-After is heard
        (one,) = search_runs(project, source=None)
        for _, _, sha256 in views.run_bodies(project.store, one.id):
            assert json.loads(project.store.blob(sha256))


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_lasting_failure_stops_at_once_and_shows_no_secret(status: int, new_project: NewProject, fake_time: FakeTime):
    fake = web()
    fake.faults = [status] * 3
    with new_project(strategy_for("openalex")) as project:
        with pytest.raises(WebError) as caught:
            run_search(project, "pubmed", transport=transport_to(fake, fake_time), date=MARCH)
        assert len(fake.requests) == 1
        assert KEY not in str(caught.value)
        assert EMAIL not in str(caught.value)
        assert project.store.batches() == []


def test_a_reply_of_another_shape_is_never_no_results(new_project: NewProject, fake_time: FakeTime):
    for key, body in (
        ("europepmc", b'{"hitCount": 0}'), ("openalex", b'{"meta": {}, "results": []}'),
        ("crossref", b'{"status": "ok", "message": {"items": []}}'), ("clinicaltrials", b'{"totalCount": 0}'),
    ):  # fmt: skip
        fake = web()
        fake.faults = [body]
        with new_project(strategy_for(key), name=key) as project:
            with pytest.raises(InputError, match="its interface may have changed"):
                run_search(project, "pubmed", transport=transport_to(fake, fake_time), date=MARCH)
            assert search_runs(project, include_open=True, source=None) == []


def test_no_results_are_a_complete_run(new_project: NewProject, fake_time: FakeTime):
    for key in SERVICES:
        with new_project(strategy_for(key), name=key) as project:
            outcome = run_search(project, "pubmed", transport=transport_to(web(0), fake_time), date=MARCH)
            assert outcome.count == 0
            assert search_runs(project, source=None)[0].detail["count"] == 0


def test_too_many_results_are_refused_before_anything_is_stored(
    new_project: NewProject, fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(web_run, "LARGEST", 5)
    with new_project(strategy_for("crossref")) as project:
        with pytest.raises(InputError, match="Narrow the query"):
            run_search(project, "pubmed", transport=transport_to(web(), fake_time), date=MARCH)
        assert project.store.batches() == []


def test_key_and_mail_are_sent_and_nowhere_kept(new_project: NewProject, fake_time: FakeTime):
    fake = web()
    project = new_project(strategy_for("openalex"))
    with project:
        run_search(project, "pubmed", transport=transport_to(fake, fake_time), date=MARCH)
    assert (fake.requests[0][1]["api_key"], fake.requests[0][1]["mailto"]) == (KEY, EMAIL)
    kept = b"".join(path.read_bytes() for path in project.root.rglob("*") if path.is_file())
    assert KEY.encode() not in kept
    assert EMAIL.encode() not in kept


def test_a_retracted_work_is_an_event(new_project: NewProject, fake_time: FakeTime):
    fake = web(3)
    fake.items["api.openalex.org"][1]["is_retracted"] = True
    with new_project(strategy_for("openalex")) as project:
        run_search(project, "pubmed", transport=transport_to(fake, fake_time), date=MARCH)
        (event,) = project.store.heads("retract")
        assert event.value == "retracted"


def test_recorded_replies_do_not_stand_for_other_sources(new_project: NewProject, tmp_path: Path):
    (tmp_path / "index.json").write_text('{"replies": []}', encoding="utf-8")
    transport = Transport(settings=Settings(), opener=ReplayOpener(tmp_path))
    with new_project(strategy_for("crossref")) as project, pytest.raises(InputError, match="PubMed only"):
        run_search(project, "pubmed", transport=transport)


def test_europe_pmc_results_are_read_as_files_too():
    body = {"hitCount": 1, "request": {"queryString": "x"}, "resultList": {"result": [europepmc_item(5)]}}
    found = read_file(json.dumps(body).encode("utf-8"), name="e.json")
    assert found.format == "europepmc_json"
    (record,) = found.parsed
    assert record.authors == ("Li, Wei", "ARCO Group")
    assert (record.title, record.pmid, record.year) == ("骨坏死 result 5", "5", 2021)
    assert (record.issn, record.keywords) == (("1234-5678", "8765-4321"), ("hip, left",))
    assert record.accession == "MED:5"


def test_clinical_trials_carry_their_numbers(new_project: NewProject, fake_time: FakeTime):
    fake = FakeWeb({"clinicaltrials.gov": [trial_item(7)]})
    with new_project(strategy_for("clinicaltrials")) as project:
        run_search(project, "pubmed", transport=transport_to(fake, fake_time), date=MARCH)
        (record,) = views.records(project.store).values()
        assert (record.external_id, record.fields.registry_numbers) == ("NCT00000007", ("NCT00000007",))


def test_a_registration_that_changed_its_status_is_told_once(new_project: NewProject, fake_time: FakeTime):
    host, page = "clinicaltrials.gov", 2
    fake = FakeWeb({host: [trial_item(n) for n in range(1, 6)]}, page=page)

    def set_status(n: int, status: str) -> None:
        item = trial_item(n)
        item["protocolSection"]["statusModule"]["overallStatus"] = status
        fake.items[host][n - 1] = item

    with new_project(strategy_for("clinicaltrials")) as project:
        told = []
        for day, statuses in (
            (MARCH, {4: "RECRUITING"}), (date(2026, 6, 1), {4: "TERMINATED", 1: "SUSPENDED"}), (SEPTEMBER, {}),
            (date(2026, 12, 1), {4: "COMPLETED"}),
        ):  # fmt: skip
            for n, status in statuses.items():
                set_status(n, status)
            run_search(project, "pubmed", transport=transport_to(fake, fake_time), date=day)
            told.append(search_runs(project, source=None)[-1].detail.get("status_changes"))
        assert told == [
            None,
            [["NCT00000001", "COMPLETED", "SUSPENDED"], ["NCT00000004", "RECRUITING", "TERMINATED"]],
            None,
            [["NCT00000004", "TERMINATED", "COMPLETED"]],
        ]


# ---- citation searching ----

CITES = (
    '[review]\ntitle = "t"\n[[sources]]\nname = "Citation searching"\nkind = "citation"\n[[reviewers]]\nname = "AB"\n'
)


def citing_web() -> FakeWeb:
    """W1 cites W10-W13; W2 cites W13, W14 and W99, which is not there; W20-W24 cite W1."""
    works = [openalex_item(1, (10, 11, 12, 13)), openalex_item(2, (13, 14, 99))]
    works += [openalex_item(n) for n in range(10, 15)] + [openalex_item(n, (1,)) for n in range(20, 25)]
    return FakeWeb({"api.openalex.org": works})


SEEDS = (Seed(name="one", doi="10.1000/w1"), Seed(name="two", pmid="7002"), Seed(name="nobody", doi="10.1/none"),
         Seed(name="nameless"))  # fmt: skip


@pytest.fixture
def cites(new_project: NewProject) -> Project:
    project = new_project()
    (project.root / "review.toml").write_text(CITES, encoding="utf-8")
    return project


def test_backward_finds_what_the_known_reports_cite_and_names_what_is_missing(cites: Project, fake_time: FakeTime):
    transport = transport_to(citing_web(), fake_time)
    with pytest.raises(WaitingForPeople, match="W99"):
        chase(cites, SEEDS, "backward", transport=transport, day=MARCH)
    found = chase(cites, SEEDS, "backward", transport=transport, day=MARCH, accept_warnings=True)
    assert found.search is not None
    assert sorted(found.search.new) == ["W10", "W11", "W12", "W13", "W14"]
    assert found.search.missing == ("W99",)
    assert (found.works, found.unknown) == (("W1", "W2"), ("nobody", "nameless"))
    (one,) = search_runs(cites, source=None)
    assert (one.source, one.source_kind) == ("Citation searching", "other")
    assert one.detail["missing"] == ["W99"]


def test_forward_finds_what_cites_them_over_all_pages(cites: Project, fake_time: FakeTime):
    found = chase(cites, SEEDS, "forward", transport=transport_to(citing_web(), fake_time), day=MARCH)
    assert found.search is not None
    assert sorted(found.search.new) == ["W20", "W21", "W22", "W23", "W24"]


def test_both_directions_share_what_they_know(cites: Project, fake_time: FakeTime):
    fake = citing_web()
    fake.items["api.openalex.org"].append(openalex_item(10, (1,)))
    fake.items["api.openalex.org"] = [
        i for i in fake.items["api.openalex.org"] if i["id"][-3:] != "W10" or i["referenced_works"]
    ]
    transport = transport_to(fake, fake_time)
    chase(cites, SEEDS[:1], "backward", transport=transport, day=MARCH)
    forward = chase(cites, SEEDS[:1], "forward", transport=transport, day=MARCH)
    assert forward.search is not None
    assert "W10" in forward.search.known
    assert len(views.records(cites.store)) == 9


def test_citation_searching_is_cut_and_carried_on(cites: Project, fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("toolkit.search.citations._AT_ONCE", 2)
    fake = citing_web()
    fake.faults = [None, None, *[503] * 20]
    with pytest.raises(WebError):
        chase(cites, SEEDS[:1], "backward", transport=transport_to(fake, fake_time), day=MARCH)
    fake.faults = []
    found = chase(cites, SEEDS[:1], "backward", transport=transport_to(fake, fake_time), day=MARCH)
    assert found.search is not None
    assert sorted(found.search.new) == ["W10", "W11", "W12", "W13"]


def test_the_command_starts_from_the_included_reports(
    cites: Project, fake_time: FakeTime, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    fake = citing_web()
    settings = Given(folder=str(cites.root), transport=transport_to(fake, fake_time))
    assert run(["search", "citations", "--forward"], settings) == 2  # nothing is included yet
    assert run(["search", "citations"], settings) == 2
    path = tmp_path / "a.ris"
    path.write_text("TY  - JOUR\nTI  - Included\nDO  - 10.1000/w1\nER  - \n", encoding="utf-8")
    text = CITES + "[screening]\ntitle_abstract = 1\nfull_text = 1\n"
    (cites.root / "review.toml").write_text(text, encoding="utf-8")
    assert run(["import", str(path), "--source", "Citation searching"], settings) == 0
    with Project.open(cites.root) as project:
        (report,) = views.reports(project.store)
        with project.writing("screen", actor="AB") as batch:
            batch.append([NewEvent(kind="screen", stage="full-text", subject=report, value="include")])
        assert [seed.doi for seed in included_seeds(project)] == ["10.1000/w1"]
    capsys.readouterr()
    assert run(["search", "citations", "--forward", "--date", "2026-03-01"], settings) == 0
    assert "forward from 1 of 1 known report," in capsys.readouterr().out
    seeds = tmp_path / "seeds.txt"
    seeds.write_text("7002\n10.1234/none\n", encoding="utf-8")
    arguments = ["search", "citations", "--backward", "--seeds", str(seeds), "--format", "json", "--accept-warnings"]
    assert run(arguments, settings) == 0
    assert json.loads(capsys.readouterr().out)["unknown"] == ["10.1234/none"]
    assert run(["search", "list"], settings) == 0
    assert "Citation searching" in capsys.readouterr().out


def test_an_update_reruns_these_sources_too(new_project: NewProject):
    from toolkit.update import strategies

    toml = '[review]\ntitle = "t"\n' + "".join(
        f'[[sources]]\nname = "{name}"\nplatform = "{platform}"\nstrategy = "search_strategies/pubmed.txt"\n'
        for name, platform in (
            ("MEDLINE", "PubMed"),
            ("Europe PMC", ""),
            ("Embase", "Embase.com"),
            ("CT", "ClinicalTrials.gov"),
        )
    )
    with new_project() as project:
        (project.root / "review.toml").write_text(toml, encoding="utf-8")
        assert [name for name, _ in strategies(project)] == ["MEDLINE", "Europe PMC", "CT"]
