"""evipool search, as typed: exit codes, output, stored runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from tests.emulator import Emulator
from tests.emulator.record_replies import record_replies
from tests.search.conftest import FakeTime, made_article, make_transport
from toolkit.cli.common import Settings, run
from toolkit.project import Project
from toolkit.search.run import search_runs

STRATEGY = "# database: PubMed\n\n#1 osteonecrosis[tiab]\n"


@pytest.fixture
def folder(new_project: Callable[..., Project]) -> Path:
    with new_project(STRATEGY) as project:
        return project.root


@pytest.fixture
def replies(tmp_path: Path, folder: Path) -> list[Path]:
    old = [made_article(n, created=date(2020, 1, n)) for n in range(1, 8)]
    new = [*old, made_article(20, created=date(2026, 5, 1))]
    plan = folder / "search_strategies" / "pubmed.txt"
    record_replies(old, plan, tmp_path / "march", date(2026, 3, 1))
    record_replies(new, plan, tmp_path / "september", date(2026, 9, 1), earlier=[tmp_path / "march"])
    return [tmp_path / "march", tmp_path / "september"]


def test_run_list_and_diff_tell_what_was_found(folder: Path, replies: list[Path], capsys: pytest.CaptureFixture[str]):
    for directory in replies:
        assert run(["-C", str(folder), "search", "run", "pubmed", "--replies", str(directory)]) == 0
    shown = capsys.readouterr().out
    assert "searched on 2026-03-01 (recorded replies, PubMed was not asked): 7 records" in shown
    assert "new 1, known already 7" in shown
    assert run(["-C", str(folder), "search", "list"]) == 0
    assert "complete, replayed" in capsys.readouterr().out
    assert run(["search", "diff", "previous", "last", "-C", str(folder), "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["gained"], found["lost"], found["shared"]) == (["900000020"], [], 7)
    with Project.open(folder) as project:
        lines = [batch.command for batch in project.store.batches()]
    assert lines[0].startswith("search run pubmed --replies")


def test_run_as_json_is_json_alone(folder: Path, replies: list[Path], capsys: pytest.CaptureFixture[str]):
    arguments = ["-C", str(folder), "search", "run", "pubmed.txt", "--replies", str(replies[0]), "--format", "json"]
    assert run(arguments) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["count"], len(found["new"]), found["replayed"], found["changes"]) == (7, 7, True, {})


def test_a_transport_given_to_the_command_line_is_used(folder: Path, emulator: Emulator, fake_time: FakeTime):
    settings = Settings(folder=str(folder), transport=make_transport(emulator, fake_time))
    assert run(["search", "run", "pubmed"], settings) == 0
    with Project.open(folder) as project:
        assert search_runs(project)[0].detail["replayed"] is False


def test_warnings_end_with_code_3_and_sign_off_with_0(
    folder: Path, emulator: Emulator, fake_time: FakeTime, capsys: pytest.CaptureFixture[str]
):
    emulator.unknown = ("fleegle",)
    plan = folder / "search_strategies" / "pubmed.txt"
    plan.write_text("# database: PubMed\n\n#1 osteonecrosis[tiab] OR fleegle[mh]\n", encoding="utf-8")
    settings = Settings(folder=str(folder), transport=make_transport(emulator, fake_time))
    assert run(["search", "run", "pubmed"], settings) == 3
    assert "--accept-warnings" in capsys.readouterr().err
    assert run(["search", "run", "pubmed", "--accept-warnings"], settings) == 0
    assert "signed off: PhraseNotFound: fleegle[MeSH Terms]" in capsys.readouterr().out


def test_a_failing_service_ends_with_code_1(
    folder: Path, emulator: Emulator, fake_time: FakeTime, capsys: pytest.CaptureFixture[str]
):
    emulator.fail("efetch", "backend_502", times=20)
    settings = Settings(folder=str(folder), transport=make_transport(emulator, fake_time))
    assert run(["search", "run", "pubmed"], settings) == 1
    assert "goes on where it stopped" in capsys.readouterr().err
    assert run(["search", "list"], settings) == 0
    assert "open: run it again" in capsys.readouterr().out
    with Project.open(folder) as project:
        (left,) = search_runs(project, include_open=True)
    assert run(["search", "discard", left.id[:8]], settings) == 0


def test_an_interrupted_search_ends_with_code_130_and_goes_on(
    folder: Path, emulator: Emulator, fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch
):
    transport = make_transport(emulator, fake_time)
    call = transport.call

    def interrupted(utility: str, **params: object) -> object:
        if utility == "efetch":
            raise KeyboardInterrupt
        return call(utility, **params)

    settings = Settings(folder=str(folder), transport=transport)
    monkeypatch.setattr(transport, "call", interrupted)
    assert run(["search", "run", "pubmed"], settings) == 130
    monkeypatch.undo()
    assert run(["search", "run", "pubmed"], settings) == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["search", "run", "missing.txt"],
        ["search", "run", "pubmed", "--date", "March"],
        ["search", "run", "pubmed", "--from", "2021-01-01", "--to", "2020-01-01"],
        ["search", "run", "pubmed", "--replies", "."],
        ["search", "diff", "previous", "last"],
        ["search", "discard", "abc"],
    ],
)
def test_wrong_calls_end_with_code_2_and_write_nothing(
    arguments: list[str], folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(folder)
    assert run(arguments) == 2
    assert capsys.readouterr().err.startswith("Error: ")
    with Project.open(folder) as project:
        assert project.store.batches() == []


def test_check_prints_file_line_and_column(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    good, bad = tmp_path / "好.txt", tmp_path / "坏.txt"
    good.write_text(STRATEGY, encoding="utf-8")
    bad.write_text("# database: PubMed\n\n#1 （osteonecrosis[tiab]\n", encoding="utf-8")
    assert run(["search", "check", str(good)]) == 0
    assert run(["search", "check", str(good), str(bad)]) == 2
    assert f"{bad}:3:4: error: （ is not (" in capsys.readouterr().out
    assert run(["search", "check", str(bad), "--format", "json"]) == 2
    assert json.loads(capsys.readouterr().out)[0]["findings"][0]["row"] == 3


def test_check_strict_refuses_warnings(tmp_path: Path):
    path = tmp_path / "s.txt"
    path.write_text("# database: PubMed\n\n#1 a[ti]\n#2 b[ti]\n", encoding="utf-8")
    assert run(["search", "check", str(path)]) == 0
    assert run(["search", "check", str(path), "--strict"]) == 2


def test_every_search_command_has_help():
    from toolkit.cli.search import search

    for name, command in search.commands.items():
        assert command.help, name
        for option in command.params:
            assert getattr(option, "help", "") or option.param_type_name == "argument", (name, option.name)


def test_check_and_translate_take_the_name_of_a_strategy(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "search_strategies").mkdir()
    (tmp_path / "search_strategies" / "hips.txt").write_text("# database: PubMed\n\n#1 hip[ti]\n", encoding="utf-8")
    assert run(["-C", str(tmp_path), "search", "check", "hips"]) == 0
    assert run(["search", "check", "hips.txt", "-C", str(tmp_path)]) == 0
    assert run(["search", "translate", "hips", "--to", "ovid", "-C", str(tmp_path)]) == 0
    assert "hip.ti." in capsys.readouterr().out
    assert run(["search", "check", "knees", "-C", str(tmp_path)]) == 2
    assert "No such strategy file" in capsys.readouterr().err
