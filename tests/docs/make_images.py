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
from toolkit.cli.common import run
from toolkit.demo.steps import REVIEWS

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
        _forest(folder, folder / "forest.png")
        for source, name in (
            (folder / "report" / "prisma-flow.png", "demo-flow.png"),
            (folder / "forest.png", "demo-forest.png"),
        ):
            _small(source, IMAGES / name)


def _forest(folder: Path, path: Path) -> None:
    """The forest plot of the demo's first named analysis, as its SVG shows it."""
    from toolkit.analysis.fit import favours, fit
    from toolkit.analysis.select import select_arms
    from toolkit.extraction.run import standings
    from toolkit.plots.forest import draw_forest
    from toolkit.plots.style import save_figure
    from toolkit.project import Project
    from toolkit.store.evidence import arm_results, study_rows

    with Project.open(folder) as project:
        analysis = project.config.analysis(REVIEWS["onfh"].forest)
        selection = select_arms(
            project.config, analysis, arm_results(project.store), study_rows(project.store), standings(project)
        )
        result, _ = fit(project.config, analysis, selection)
    assert result is not None
    save_figure(
        draw_forest(result, title=analysis.title, favours=favours(analysis, project.config.outcome(analysis.outcome))),
        path,
    )  # type: ignore[arg-type]


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
