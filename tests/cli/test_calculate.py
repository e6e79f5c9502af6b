"""evipool calculate: every conversion runs on its example, and says what it needs when it does not."""

from __future__ import annotations

import json
import math
import re
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from toolkit.cli import cli
from toolkit.cli.common import run
from toolkit.engine import conversions
from toolkit.engine.conversions import hazard_ratio_of_curves, hazard_ratio_of_logrank
from toolkit.model.calculators import CALCULATORS


def call(*args: str) -> Any:
    result = CliRunner().invoke(cli, ["calculate", *args, "--format", "json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)["found"]


@pytest.mark.parametrize("name", list(CALCULATORS))
def test_every_conversion_runs_on_its_example_and_names_what_it_lacks(
    name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    one = CALCULATORS[name]
    numbers = one.example.split()
    assert call(name, *numbers)
    assert run(["calculate", name, *numbers]) == 0
    assert capfd.readouterr().out.strip()
    assert run(["calculate", name, *numbers[1:]]) == 2
    assert numbers[0].partition("=")[0] in capfd.readouterr().err
    assert run(["calculate", name, *numbers, "nonsense=3"]) == 2
    assert "takes no such number" in capfd.readouterr().err


@pytest.mark.parametrize("name", list(CALCULATORS))
def test_no_number_makes_a_conversion_crash_or_print_what_is_no_number(
    name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    words = CALCULATORS[name].example.split()
    for i, word in enumerate(words):
        key, _, value = word.partition("=")
        if value[0] not in "-.0123456789":
            continue
        for other in ("0", "-1", "1", "0.5", "2.5", "1e-308", "1e12", "-1e308", "1e308"):
            given = [*words[:i], f"{key}={other}", *words[i + 1 :]]
            assert run(["calculate", name, *given]) in (0, 2), given
            printed, told = capfd.readouterr()
            assert not re.search(r"\b(nan|inf)\b", printed), (given, printed)
            assert (printed == "") == (told != ""), given


def test_every_public_conversion_has_a_place() -> None:
    types = {"Converted", "ConvertedEffect", "Skewness"}
    types |= {"SKEWED"}
    of_tables = {"odd_standard_deviations", "wide_differences"}  # they look at all arms of a table at once
    of_tables |= {"partly_paired_smd_change"}  # what pairs change in a variance that a table gives
    reached = {one.target.partition(":")[2] for one in CALCULATORS.values()}
    assert set(conversions.__all__) - types - of_tables <= reached


def test_known_answers_are_printed_with_their_source() -> None:
    found = call("effect-of-interval", "estimate=0.62", "low=0.40", "high=0.96", "ratio=yes")
    assert found["y"] == pytest.approx(math.log(0.62)) and "Handbook" in found["source"]
    assert call("design-effect", "size=20", "icc=0.02") == {"design effect": pytest.approx(1.38)}
    assert call("split-control", "events=18", "n=60", "parts=2") == {"events": 9.0, "n": 30.0}
    assert len(call("pairs-of-margins", "events1=6", "events2=13", "n=30", "correlations=0,0.2")) == 2
    assert call("combine-arms", "n=20,30", "mean=10,12", "sd=2,3")["sd"] == pytest.approx(2.80306, rel=1e-5)
    assert call("skewness", "n=61", "low=3", "q1=10", "median=14", "q3=21", "high=40")["skewed"] is True


@pytest.mark.parametrize(
    ("args", "part"),
    [
        (["sd-of-sd"], "Did you mean 'sd-of-se'?"),
        (["sd-of-se", "se=x", "n=3"], "se is a number"),
        (["sd-of-se", "se=1,2", "n=3"], "one finite number"),
        (["sd-of-se", "se=1", "se=2", "n=3"], "given twice"),
        (["effect-of-p", "estimate=2", "p=0.03", "ratio=maybe"], "yes or no"),
        (["mean-of-quantiles", "n=61", "low=3", "q1=10", "median=14", "q3=21", "high=40"], "skewed"),
        (["mean-of-quantiles", "n=40", "median=12", "q1=8", "q3=17", "skewed=LN"], "refuse, flag"),
        (["hr-of-logrank", "p=0.03", "events=300", "n1=100", "n2=98"], "no more than the people"),
        (["hr-of-curves", "survival1=0.8,0.9", "at_risk1=9,8", "survival2=1,0.9", "at_risk2=9,8"], "Survival falls"),
    ],
)
def test_a_wrong_call_says_what_is_wrong(args: list[str], part: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["calculate", *args]) == 2
    assert part in capfd.readouterr().err


@pytest.mark.parametrize(
    "args",
    [
        ("matched-pairs", "measure=MPRR", "both=20", "first=5", "second=8", "neither=17"),
        ("pairs-of-margins", "events1=6", "events2=13", "n=30", "correlations=0,0.4"),
        ("effect-of-interval", "estimate=0.62", "low=0.40", "high=0.96", "ratio=yes"),
    ],
)
def test_the_ratio_stands_beside_a_logarithm_for_the_form_of_a_review(
    args: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["calculate", *args, "--format", "json"]) == 0
    found = json.loads(capfd.readouterr().out)["found"]
    for one in found if isinstance(found, list) else [found]:
        assert one["ratio"] == pytest.approx(math.exp(one["y"]), rel=1e-12)
    plain = ("before-after", "measure=MC", "n=20", "before=30.6,15", "after=38.5,11.6", "correlation=0.47")
    assert run(["calculate", *plain, "--format", "json"]) == 0
    assert "ratio" not in json.loads(capfd.readouterr().out)["found"]


def test_the_log_rank_p_comes_back_from_its_hazard_ratio() -> None:
    found = hazard_ratio_of_logrank(0.031, 120, 100, 98)
    z = found.y / math.sqrt(found.v)
    assert math.erfc(abs(z) / math.sqrt(2)) == pytest.approx(0.031, rel=1e-9)
    assert hazard_ratio_of_logrank(0.031, 120, 100, 98, fewer_with_treatment=False).y == -found.y


def test_curves_give_the_hazard_ratio_of_the_people_behind_them() -> None:
    """4,000 made-up people, some censored: curves read at 30 times against the log-rank test of the people."""
    rng = np.random.default_rng(7)
    n, times = 2000, np.linspace(0, 3, 31)
    arms = []
    for rate in (0.35, 0.5):
        event, censor = rng.exponential(1 / rate, n), rng.uniform(0, 6, n)
        arms.append((np.minimum(event, censor), event <= censor))
    curves = []
    for observed, died in arms:
        survival, at_risk, s = [1.0], [float(n)], 1.0
        for a, b in pairwise(times):
            for t in np.sort(observed[died & (observed > a) & (observed <= b)]):
                s *= 1 - 1 / float((observed >= t).sum())
            survival.append(s)
            at_risk.append(float((observed >= b).sum()))
        curves += [survival, at_risk]
    found = hazard_ratio_of_curves(*curves)
    merged = np.sort(np.concatenate([o[d & (o <= 3)] for o, d in arms]))
    o_minus_e = v = 0.0
    for t in merged:
        r1, r2 = (float((o >= t).sum()) for o, _ in arms)
        d1 = float(((arms[0][0] == t) & arms[0][1]).sum())
        o_minus_e += d1 - r1 / (r1 + r2)
        v += r1 * r2 / (r1 + r2) ** 2
    assert found.y == pytest.approx(o_minus_e / v, abs=0.02)
    assert math.sqrt(found.v) == pytest.approx(1 / math.sqrt(v), rel=0.05)
    coarse = hazard_ratio_of_curves(*(column[::6] for column in curves))
    assert abs(coarse.y) < abs(found.y) and "drawn towards 1" in coarse.flags[-1] and len(found.flags) == 1
