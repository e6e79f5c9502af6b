"""The text of an error: where, what, what was found, what is allowed, what to type."""

import pytest

from toolkit.model.errors import InputError


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (InputError("no such file", value="a", allowed="b, c"), "no such file. Found: 'a'. Allowed: b, c."),
        (InputError("Which measure?", allowed="OR, RR"), "Which measure? Allowed: OR, RR."),
        (InputError("No number.", file="a.csv", row=2, value="x"), "a.csv, row 2: No number. Found: 'x'."),
        (InputError("the file exists", hint="Add --force."), "the file exists. Add --force."),
        (InputError("nothing to do"), "nothing to do"),
    ],
)  # fmt: skip
def test_each_part_of_an_error_is_a_sentence_of_its_own(error: InputError, text: str) -> None:
    assert str(error) == text
