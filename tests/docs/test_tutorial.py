"""The tutorial is the demo: the same commands, the outputs it quotes, and no number that no command prints."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import REPO
from tests.docs.blocks import Block, Session, blocks_of, commands_of, missing_lines, numbers, prose_of
from toolkit.demo.steps import REVIEWS

PAGE = REPO / "docs" / "tutorial" / "index.md"
# Numbers of the text that are no results: the year in the name of PRISMA 2020, an agreement promised by the test
# below, and the threshold of a check.
NAMES = {"2020", "0.01", "3"}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[list[tuple[Block, str]], Path, str]]:
    """The tutorial carried out once: quotations with what was printed, the folder, and all that was printed."""
    folder = tmp_path_factory.mktemp("tutorial")
    session = Session(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("EVIPOOL_REVIEWER", raising=False)
        patch.delenv("EVIPOOL_PROJECT", raising=False)
        yield list(session.page(PAGE)), folder, "\n".join(session.printed)


def test_the_commands_are_those_of_the_demo() -> None:
    typed = [c for block in blocks_of(PAGE) if block.language == "sh" for c in commands_of(block)]
    steps = [f"evipool {step.command}" for name in ("onfh", "diabetes") for step in REVIEWS[name].steps]
    setting_up = [c for c in typed if c.startswith("cd ") or "--files-only" in c]
    assert [c for c in typed if c not in setting_up] == steps
    assert len(setting_up) == 4


def test_every_quotation_is_what_the_commands_print(told: tuple[list[tuple[Block, str]], Path, str]) -> None:
    wrong = [f"line {block.line}: {line}" for block, said in told[0] for line in missing_lines(block.text, said)]
    assert not wrong, "\n".join(wrong)


def test_no_number_of_the_text_is_one_that_no_command_prints(told: tuple[list[tuple[Block, str]], Path, str]) -> None:
    _, folder, printed = told
    results = json.loads((folder / "onfh" / "report" / "results.json").read_text(encoding="utf-8"))
    # What the update prints into report.html: each study that came, each estimate before and after.
    known = numbers(printed) | NAMES | numbers(json.dumps(results["changes"]))
    for analysis in results["analyses"].values():
        for name in ("random", "random_wald"):
            pooled = analysis["result"].get(name) or {}
            known |= {f"{pooled[key]:.3f}" for key in ("estimate", "ci_low", "ci_high") if key in pooled}
    unknown = [(line, numbers(text) - known, text.strip()) for line, text in prose_of(PAGE) if numbers(text) - known]
    assert not unknown


def test_the_refitted_network_agrees_with_the_erratum(told: tuple[list[tuple[Block, str]], Path, str]) -> None:
    printed = told[2]
    erratum = {
        "ARB": (0.62, 0.51, 0.77), "ACE inhibitor": (0.67, 0.57, 0.79), "Placebo": (0.75, 0.63, 0.89),
        "CCB": (0.79, 0.67, 0.92), "Beta blocker": (0.93, 0.78, 1.11),
    }  # fmt: skip
    for name, wanted in erratum.items():
        found = re.search(rf"{name} against Diuretic: (\S+) \(95\s%\sCI (\S+) to (\S+)\)", printed)
        assert found is not None, name
        assert [float(x) for x in found.groups()] == pytest.approx(wanted, abs=0.0101), name
