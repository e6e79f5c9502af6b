"""Draw the two pictures of the README and the tutorial with the demo.

    python -m tests.docs.make_images

The flow and the forest plot are those of the demo's own result, made smaller: fewer pixels, fewer colours.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
from pathlib import Path

from PIL import Image

from tests.conftest import REPO
from toolkit.analysis.figures import draw_figures, wording
from toolkit.analysis.fit import fit
from toolkit.analysis.select import select_arms
from toolkit.cli.common import run
from toolkit.demo.steps import REVIEWS
from toolkit.project import Project
from toolkit.store.evidence import arm_results, study_rows

__all__ = ["IMAGES", "LARGEST"]

IMAGES = REPO / "docs" / "images"
LARGEST = 300_000
WIDTH = 1600


def main() -> None:
    """Run the demo, draw, and write the images."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "onfh"
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as said:
            code = run(["demo", str(folder), "--quiet"])
        if code != 0:
            raise SystemExit(said.getvalue())
        _small(folder / "report" / "prisma-flow.png", IMAGES / "demo-flow.png")
        _small(_forest(folder), IMAGES / "demo-forest.png")


def _forest(folder: Path) -> Path:
    """The forest plot of the demo's first named analysis as PNG, drawn as its SVG is."""
    with Project.open(folder) as project:
        analysis = project.config.analysis(REVIEWS["onfh"].forest)
        selection = select_arms(
            project.config, analysis, arm_results(project.store), study_rows(project.store), project.standings()
        )
        words = wording(analysis, project.config.outcome(analysis.outcome), selection)
        draw_figures(folder, words, fit(project.config, analysis, selection), kind="png")
    return folder / "forest.png"


def _small(source: Path, target: Path) -> None:
    with Image.open(source) as image:
        height = round(image.height * min(1.0, WIDTH / image.width))
        small = image.convert("RGB").resize((min(WIDTH, image.width), height), Image.Resampling.LANCZOS)
    target.parent.mkdir(exist_ok=True)
    small.quantize(64, dither=Image.Dither.NONE).save(target, optimize=True)
    size = target.stat().st_size
    if size > LARGEST:
        raise SystemExit(f"{target} has {size:,} bytes, more than {LARGEST:,}")
    print(f"{target.relative_to(REPO)}: {small.width} x {small.height}, {size:,} bytes")


if __name__ == "__main__":
    main()
