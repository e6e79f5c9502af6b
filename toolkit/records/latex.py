"""LaTeX in exported text turned into characters: accents, symbols, simple formulas; formatting and braces dropped."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

__all__ = ["to_text"]

# Accent commands (LaTeX companion, table 7.33) and the combining character of each.
_ACCENTS = {
    "'": "\u0301", "`": "\u0300", "^": "\u0302", '"': "\u0308", "~": "\u0303", "=": "\u0304", ".": "\u0307",
    "c": "\u0327", "v": "\u030c", "u": "\u0306", "H": "\u030b", "k": "\u0328", "r": "\u030a", "d": "\u0323",
    "b": "\u0331",
}  # fmt: skip
_FORMATTING = re.compile(
    r"text(?:it|bf|rm|sf|tt|sc|sl|up|md|normal|superscript|subscript)|emph|em|it|bf|rm|sc|bfseries|itshape|mbox|hbox"
    r"|math(?:it|bf|rm|sf|tt|cal|bb|frak|normal|ord|rel|bin|op)|boldsymbol|ensuremath|left|right|uppercase|relax|protect"
)
# Symbols that the table of bibtexparser lacks, or has under another name.
_MORE = {
    "le": "≤", "ge": "≥", "ne": "≠", "neq": "≠", "times": "×", "to": "→", "div": "÷", "prime": "′", "dots": "…",
    "ldots": "…", "textellipsis": "…", "textless": "<", "textgreater": ">", "textquoteleft": "‘", "textquoteright": "’",
    "copyright": "©", "degree": "°", "textmu": "μ", "micro": "μ", "textmicro": "μ", "pounds": "£", "S": "§", "P": "¶",
    "i": "ı", "j": "ȷ", "o": "ø", "O": "Ø", "l": "ł", "L": "Ł", "ss": "ß", "aa": "å", "ae": "æ", "AE": "Æ", "oe": "œ",
    "OE": "Œ", "dh": "ð", "DH": "Ð", "th": "þ", "TH": "Þ", "backslash": "\\", "textbackslash": "\\", "textbar": "|",
    "textasciicircum": "^", "textunderscore": "_", "textasteriskcentered": "*", "quad": " ", "qquad": " ", "space": " ",
}  # fmt: skip
_RAISED = str.maketrans("0123456789+-=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿ")
_LOWERED = str.maketrans("0123456789+-=()", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎")

# A formula: between two dollar signs, with something in it that only a formula has ("$5 and $6" is none).
_FORMULA = re.compile(r"(?<!\\)\$(?=\S)([^$]*[\\^_<>=~][^$]*)(?<=[^\s\\])\$")
_DEGREE = re.compile(r"\^(?:\{[ ]*\\circ[ ]*\}|\\circ(?![A-Za-z]))")
_SCRIPT = re.compile(r"([\^_])(?:\{([^{}]*)\}|([^\s{}\\]))")
_ACCENT = re.compile(
    r"\\(?:(['`^\"~=.])[ ]*|([cvuHkrdb])(?:[ ]+|(?=\{)))(?:\{[ ]*(?:\\([ij])(?![A-Za-z])[ ]*|([^\W\d_]?))[ ]*\}"
    r"|\\([ij])(?![A-Za-z])[ ]*|([^\W\d_]))"
)
_COMMAND = re.compile(r"\\(?:([A-Za-z]+)\*?[ ]*|(.)|$)", re.DOTALL)
_BRACE = "\ue000"  # stands for an escaped brace while the others are dropped
_CLOSING = "\ue001"


def to_text(latex: str) -> str:
    r"""The text that LaTeX would print, in composed characters (NFC); an unknown command stays as it was typed.

    A tilde stays, since exports use it for "about"; so do hyphens in a row.

    Examples
    --------
    >>> to_text(r"{\'E}tude of $\omega$-3 \textit{in vivo}, {CD34$^+$}")
    'Étude of ω-3 in vivo, CD34⁺'
    """
    if "\\" in latex or "$" in latex:
        latex = _FORMULA.sub(_formula, latex)
        latex = _ACCENT.sub(_accented, latex)
        latex = _COMMAND.sub(_symbol, latex)
    plain = latex.replace("{", "").replace("}", "").replace(_BRACE, "{").replace(_CLOSING, "}")
    return unicodedata.normalize("NFC", plain)


def _formula(found: re.Match[str]) -> str:
    """What stands between the dollar signs, in braces, since a command ends there; a space after a sign stays."""
    formula = _SCRIPT.sub(_script, _DEGREE.sub("°", found.group(1)))
    return "{" + re.sub(r"(\\[A-Za-z]+)(?= )", r"{\1}", formula) + "}"


def _script(found: re.Match[str]) -> str:
    """A superscript or subscript in Unicode where all of it has such characters."""
    content = found.group(2) if found.group(2) is not None else found.group(3)
    table = _RAISED if found.group(1) == "^" else _LOWERED
    if all(ord(letter) in table for letter in content):
        return content.translate(table)
    return f"{'^' if found.group(1) == '^' else ''}{{{content}}}"


def _accented(found: re.Match[str]) -> str:
    """The letter with its accent; the accent alone, as a character, where it has no letter."""
    mark = found.group(1) or found.group(2)
    letter = found.group(3) or found.group(4) or found.group(5) or found.group(6)
    return letter + _ACCENTS[mark] if letter else mark


def _symbol(found: re.Match[str]) -> str:
    """What a command without an accent prints."""
    name, sign = found.group(1), found.group(2)
    if name is not None:
        if _FORMATTING.fullmatch(name):
            return ""
        symbol = _symbols().get(name)
        return found.group() if symbol is None else symbol
    if sign is None:
        return "\\"
    if sign in "{}":
        return _BRACE if sign == "{" else _CLOSING
    if sign in "&%_$#'`^\"~=.":
        return sign
    return {"\\": " ", " ": " ", "\n": " ", ",": " ", ";": " ", ":": " ", "-": "", "/": "", "!": ""}.get(
        sign, found.group()
    )


@cache
def _symbols() -> dict[str, str]:
    """Command -> character, from bibtexparser's table and ours."""
    from bibtexparser.latexenc import unicode_to_latex

    table = dict(_MORE)
    for character, latex in unicode_to_latex:
        command = re.fullmatch(r"\{?\\([A-Za-z]+)\s*\}?", latex)
        if command and not any(map(unicodedata.combining, character)):
            table.setdefault(command.group(1), character)
    return table
