"""R with metafor, for tests that run scripts."""

from __future__ import annotations

import shutil
import subprocess

import pytest


@pytest.fixture(scope="session")
def rscript() -> str:
    """The command, where R has metafor and what its models of counts and robust tests need; else the test skips."""
    needs = "library(metafor); library(lme4); library(clubSandwich)"
    if shutil.which("Rscript") is None or subprocess.run(["Rscript", "-e", needs], capture_output=True).returncode:
        pytest.skip("needs Rscript with metafor, lme4, clubSandwich (Debian: r-cran-metafor, -lme4, -clubsandwich)")
    return "Rscript"
