"""A table analysed with every option of `evipool pairwise`, from Python as from the command."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.analysis.pairwise.material import joined_rows, material_of_table
from toolkit.analysis.pairwise.run import Done, run
from toolkit.engine.tables import Table, read_table
from toolkit.model.choices import MEASURES
from toolkit.model.errors import InputError
from toolkit.model.pairwise_options import (
    OPTIONS,
    SPEC_OPTIONS,
    check_option,
    check_together,
    columns_asked,
    with_defaults,
)
from toolkit.model.presets import preset_spec
from toolkit.model.spec import PairwiseSpec

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["analyse_table", "run_table"]


def analyse_table(source: str | Path | pd.DataFrame, *, lump: Mapping[str, str] | None = None, **options: Any) -> Done:
    """A pairwise meta-analysis of a table with options of `evipool pairwise`, with _ for -.

    Parameters
    ----------
    source : CSV, XLSX or data frame
    lump : treatment in the table -> treatment it is read as
    **options : fields of `PairwiseSpec` (measure, treatment, reference, tau2, ci, preset ...) and the options of
        `toolkit.model.pairwise_options` (convert, impute_sd, pairs, regress, bayes ...)

    Returns
    -------
    Done
        ``result`` is the fit, ``found`` what else was asked for, ``as_dict()`` all of it as plain data.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"study": ["A", "B", "C"], "yi": [0.1, 0.3, 0.5], "vi": [0.01, 0.02, 0.04]})
    >>> done = analyse_table(frame, tau2="DL", leave_one_out=True)
    >>> round(done.result.random.estimate, 4), [fit["study"] for fit in done.found["leave_one_out"]]
    (0.2524, ['A', 'B', 'C'])
    """
    given = {name: value for name, value in options.items() if name in OPTIONS and name not in SPEC_OPTIONS}
    asked = _checked(given)
    fields = {name: value for name, value in options.items() if name not in given}
    table = read_table(source, measure=fields.get("measure"), extra=columns_asked(asked))
    if "measure" not in fields:
        if table.kind != "contrasts":
            raise InputError("Which effect measure?", hint='For example measure="OR".')
        fields["measure"] = table.measure or "GEN"
    one = fields["measure"] in MEASURES and MEASURES[fields["measure"]].groups == 1
    if not one and not fields.get("treatment") and not fields.get("reference"):
        fields |= {"treatment": table.default_treatment, "reference": table.default_reference}
    preset = fields.pop("preset", None)
    try:
        spec = PairwiseSpec(**fields) if preset is None else preset_spec(preset, fields)
    except TypeError as error:
        unknown = [name for name in fields if name not in PairwiseSpec.__dataclass_fields__]
        raise InputError(
            "Unknown option of a pairwise analysis.", value=", ".join(unknown),
            allowed=", ".join([*PairwiseSpec.__dataclass_fields__, *OPTIONS]),
        ) from error  # fmt: skip
    return run_table(table, spec, asked, lump=lump or {})


def _checked(given: Mapping[str, Any]) -> dict[str, Any]:
    checked = {}
    for name, value in given.items():
        try:
            checked[name] = check_option(name, value)
        except ValueError as error:
            raise InputError(f"{name}: {error}.", value=value) from error
    try:
        check_together(checked, str)
    except ValueError as error:
        raise InputError(f"{error}.") from error
    return with_defaults(checked)


def run_table(table: Table, spec: PairwiseSpec, asked: Mapping[str, Any], *, lump: Mapping[str, str]) -> Done:
    """The same for a table that was read and options that were checked."""
    numbers = bool(asked["convert"] or asked["change"] is not None)
    material, questions = material_of_table(table, lump, numbers=numbers)
    if asked["several_arms"] and material.arms is not None:
        material, questions = joined_rows(table, material), ()
    elif not numbers and not asked["smd_or"] and not asked["impute_sd"]:
        table.data(spec.measure, reference=spec.reference)  # names the columns that the measure lacks
    one = spec.measure in MEASURES and MEASURES[spec.measure].groups == 1
    sides = (None, None) if one else (table.default_treatment, table.default_reference)
    return run(material, spec, asked, sides=sides, questions=questions)
