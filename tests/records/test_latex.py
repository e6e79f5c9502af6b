"""LaTeX turned into characters, and BibTeX entries as people and programs write them."""

from __future__ import annotations

import pytest

from toolkit.records.files import read_file
from toolkit.records.latex import to_text


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"$\omega$-3 and $\lambda$", "ω-3 and λ"),  # a command is read whole: \o and \l begin these
        (r"Stra\ss e, \oe uvre, {\L}\'od\'z", "Straße, œuvre, Łódź"),
        (r"\'{e} \'e {\'e} \c{c} {\v s} \"{\i} Erd{\H o}s", "é é é ç š ï Erdős"),
        (r"\textit{in vivo} and {\em in vitro}, CD34\textsuperscript{+}", "in vivo and in vitro, CD34+"),
        (r"H$_2$O, 10$^{-3}$, x$_{max}$, 37 $^\circ$C, $\chi^2$", "H₂O, 10⁻³, xmax, 37 °C, χ²"),
        (r"p $<$ 0.05, $p \leq 0.01$", "p < 0.05, p ≤ 0.01"),
        (r"costs $5 and $6, or \$7", "costs $5 and $6, or $7"),
        (r"{DNA} in 'normal' cells,, :=", "DNA in 'normal' cells,, :="),  # quotes and commas are no ligatures
        (r"50\% of A \& B\_c \#1 \{x\}", "50% of A & B_c #1 {x}"),
        (r"a\textbackslash b \textless{} c~5 -- 6", "a\\b < c~5 -- 6"),
        (r"\unknown{x} and 5\,mg", r"\unknownx and 5 mg"),
        ("e\u0301", "é"),
    ],
)
def test_latex_becomes_the_text_that_it_prints(latex, text):
    assert to_text(latex) == text


def fields(entry: str):
    (record,) = read_file(entry.encode(), name="a.bib", format="bibtex").parsed
    return record


def test_values_in_braces_in_quotes_and_joined_from_macros_are_read():
    record = fields(
        '@string{joc = "Journal of " # {Cases}}\n@string(other = {X})\n'
        '@Article{k, title = {A {B} "c" d}, author = "Li, W. and {The {X} Group}", journal = joc # ", Suppl",\n'
        " year = 2020, month = feb, note = undefined_name}\n"
    )
    assert (record.title, record.authors, record.year) == ('A B "c" d', ("Li, W.", "The X Group"), 2020)
    assert record.journal == "Journal of Cases, Suppl"
    assert record.extra["month"] == ("February",) and record.extra["note"] == ("undefined_name",)


def test_a_missing_comma_costs_nothing_and_of_a_field_given_twice_the_first_counts():
    record = fields("@article{k,\n  title = {One}\n  year = {2019}\n  title = {Two},\n  pages = {1--9}\n}\n")
    assert (record.title, record.year, record.pages) == ("One", 2019, "1-9")


def test_an_entry_without_a_key_keeps_its_first_field():
    assert fields("@article{title = {One}, year = 2019}\n").title == "One"


def test_an_equals_sign_inside_a_value_starts_no_field():
    record = fields("@article{k, title = {Effect where year = 1999 and n = {5}}, year = {2021}}\n")
    assert (record.title, record.year) == ("Effect where year = 1999 and n = 5", 2021)
