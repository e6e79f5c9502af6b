"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from toolkit.cli.common import run
from toolkit.demo.run import build, run_steps

# A machine that is busy with other things is slow for a moment; that is no fault of a test.
settings.register_profile("evipool", deadline=None)
settings.load_profile("evipool")

REPO = Path(__file__).resolve().parent.parent


def shared_folder() -> Path | None:
    """The folder of real samples and reference values, or None where it is not present."""
    named = os.environ.get("EVIPOOL_SHARED")
    path = Path(named) if named else REPO.parent / "shared"
    return path if (path / "DESIGN.md").is_file() else None


@pytest.fixture(scope="session")
def shared() -> Path:
    """The shared folder; the test skips without it, or fails where EVIPOOL_SHARED promised it."""
    path = shared_folder()
    if path is None:
        if os.environ.get("EVIPOOL_SHARED"):
            pytest.fail("EVIPOOL_SHARED is set but holds no DESIGN.md")
        pytest.skip("needs ../shared (real samples and reference values)")
    return path


def finished_demo(name: str, folder: Path) -> Path:
    """A bundled review with every step run."""
    run_steps(build(name, folder), folder, run, show=lambda number, step, command: None)
    return folder


@pytest.fixture(scope="session")
def onfh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished demo review on osteonecrosis, made once: a test that changes it takes a copy."""
    return finished_demo("onfh", tmp_path_factory.mktemp("onfh") / "review")


@pytest.fixture(scope="session")
def diabetes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished review of antihypertensives, made once: a test that changes it takes a copy."""
    return finished_demo("diabetes", tmp_path_factory.mktemp("diabetes") / "review")


NEEDS_SHARED = "needs ../shared"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests could not run for want of the shared folder, and why the others were skipped."""
    reasons = [str(report.longrepr[-1]) for report in terminalreporter.stats.get("skipped", []) if report.longrepr]
    missing = [reason for reason in reasons if NEEDS_SHARED in reason]
    terminalreporter.write_line(
        f"skipped for want of ../shared: {len(missing)}; for other reasons: {len(reasons) - len(missing)}"
    )
    for reason in sorted(set(reasons) - set(missing)):
        terminalreporter.write_line(f"  {reason}")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """With EVIPOOL_SHARED set, a test that skips for want of the shared folder is a failure."""
    if not os.environ.get("EVIPOOL_SHARED"):
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter is not None else []
    if any(NEEDS_SHARED in str(report.longrepr) for report in skipped) and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
