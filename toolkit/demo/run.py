"""Build a bundled review in a folder and run its commands in this process."""

from __future__ import annotations

import contextlib
import shlex
import shutil
from collections.abc import Callable
from importlib import resources
from pathlib import Path

from toolkit.demo.steps import REVIEWS, Review, Step
from toolkit.model.errors import InputError, SourceError

__all__ = ["Runner", "build", "data_folder", "run_steps"]

Runner = Callable[[list[str]], int]


def data_folder() -> Path:
    """The example data: inside an installed package, or data/ of a source tree."""
    packaged = Path(str(resources.files("toolkit.demo"))) / "data"
    source = Path(__file__).resolve().parents[2] / "data"
    for folder in (packaged, source):
        if (folder / "onfh-review" / "review.toml").is_file():
            return folder
    raise SourceError(f"the example data of evipool are missing (looked in {packaged} and {source}); install it again")


def build(name: str, target: Path) -> Review:
    """Copy the files of a bundled review into ``target``, which must be new or empty."""
    if name not in REVIEWS:
        raise InputError("no such bundled review", value=name, allowed=", ".join(REVIEWS))
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError("this folder is not empty", file=target, hint="Name a folder that does not exist yet.")
    review = REVIEWS[name]
    shutil.copytree(data_folder() / review.folder, target, dirs_exist_ok=True)
    return review


def run_steps(review: Review, folder: Path, runner: Runner, *, show: Callable[[int, Step, str], None]) -> None:
    """Run the steps inside ``folder``; a step that ends otherwise than foreseen stops the demo.

    ``show`` is called with number, step and the command as typed, before the step runs.
    """
    with contextlib.chdir(folder):
        for i, step in enumerate(review.steps, start=1):
            show(i, step, f"evipool {step.command}")
            code = runner(shlex.split(step.command))
            if code != step.exit_code:
                raise SourceError(f"the demo stopped: 'evipool {step.command}' ended with exit code {code}")
