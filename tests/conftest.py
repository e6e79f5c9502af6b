"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

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
