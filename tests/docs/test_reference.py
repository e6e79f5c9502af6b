"""The reference is what the program says: pages equal what is generated, every key and exit code is on them."""

from __future__ import annotations

import json
import re
import shlex

import click
import pytest

from tests.conftest import REPO
from tests.docs.generate_reference import OUT, pages
from tests.docs.reference_commands import EXTRA_EXAMPLES, walk
from tests.docs.reference_tables import EXIT_CODES, KEYS
from toolkit import config
from toolkit.cli import COMMANDS
from toolkit.cli.common import run
from toolkit.model import choices, errors

PAGES = pages()
NARRATIVE = [
    "README.md",
    "docs/tutorial/index.md",
    *(f"docs/how-to/{p.name}" for p in (REPO / "docs/how-to").glob("*.md")),
]


def test_the_committed_pages_are_those_of_the_program() -> None:
    committed = {path.name: path.read_text(encoding="utf-8") for path in OUT.glob("*.md")}
    stale = sorted(name for name in {*committed, *PAGES} if committed.get(name) != PAGES.get(name))
    assert not stale, f"run python -m tests.docs.generate_reference: {', '.join(stale)}"


@pytest.mark.parametrize(("words", "command"), list(walk()), ids=[words for words, _ in walk()])
def test_a_command_has_help_and_each_of_its_options_too(words: str, command: click.Command) -> None:
    assert command.help, f"{words} has no help text"
    assert all(p.help for p in command.params if isinstance(p, click.Option)), words
    page = PAGES[f"{words.split()[0]}.md"]
    assert f"evipool {words} [OPTIONS]" in page
    for option in (p for p in command.params if isinstance(p, click.Option)):
        assert all(f"`{name}`" in page for name in (*option.opts, *option.secondary_opts)), (words, option.name)


@pytest.mark.parametrize("name", list(COMMANDS))
def test_a_command_is_shown_at_work_in_readme_tutorial_or_a_guide(name: str) -> None:
    told = "\n".join((REPO / path).read_text(encoding="utf-8") for path in NARRATIVE)
    assert re.search(rf"evipool (?:-C \S+ )?(?:--as \S+ )?{re.escape(name)}(?![\w-])", told), name


def test_a_changed_option_would_make_a_page_stale() -> None:
    before = PAGES["report.md"]
    command = dict(walk())["report"]
    command.params.append(click.Option(["--never-seen"], help="An option that no page has."))
    try:
        assert pages()["report.md"] != before
    finally:
        command.params.pop()


def test_every_key_of_review_toml_is_explained_and_no_other() -> None:
    models = {
        "review": config.Review, "protocol": config.Protocol, "eligibility": config.Eligibility,
        "screening": config.Screening, "dedup": config.Dedup, "living": config.Living, "reviewers": config.Reviewer,
        "sources": config.Source,
        "outcomes": config.Outcome, "treatments": config.Treatment, "analyses": config.Analysis,
        "monitoring": config.Monitoring,
    }  # fmt: skip
    assert set(models) == set(config.ReviewFile.model_fields)
    assert {f"{table}.{key}" for table, model in models.items() for key in model.model_fields} == set(KEYS)


def test_the_exit_codes_are_those_of_the_errors() -> None:
    raised = {cls.exit_code for cls in vars(errors).values() if isinstance(cls, type) and hasattr(cls, "exit_code")}
    assert set(EXIT_CODES) == raised | {0, 130}


def test_every_name_a_user_can_pick_is_on_the_page_of_choices() -> None:
    page = PAGES["choices.md"]
    for measure, own in choices.VARIANCES.items():
        for key, variance in own.items():
            assert f"| `{measure}` `{key}` | {variance.help} |" in page, (measure, key)
    for table in (name for name in choices.__all__ if name.isupper() and name != "VARIANCES"):
        for key, entry in getattr(choices, table).items():
            assert f"| `{key}` | {entry.help} |" in page, (table, key)


@pytest.mark.parametrize("example", [e for group in ("pairwise", "network") for e in EXTRA_EXAMPLES[group]])
def test_the_examples_on_bundled_data_work(
    example: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(REPO)
    assert run(shlex.split(example)) == 0
    assert json.loads(capsys.readouterr().out)
