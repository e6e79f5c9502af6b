"""Text folded to a form in which two databases' spellings of one string are equal."""

from __future__ import annotations

import re
import unicodedata
from html import unescape

from toolkit.dedup.chinese import SIMPLIFIED

__all__ = ["fold", "is_cjk", "one_spelling", "squeeze"]

_LETTERS = str.maketrans(
    {
        "ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i", "ħ": "h", "ŋ": "n",
        "α": " alpha ", "β": " beta ", "γ": " gamma ", "δ": " delta ", "ε": " epsilon ", "ζ": " zeta ",
        "η": " eta ", "θ": " theta ", "κ": " kappa ", "λ": " lambda ", "μ": " mu ", "µ": " mu ", "π": " pi ",
        "ρ": " rho ", "σ": " sigma ", "τ": " tau ", "φ": " phi ", "χ": " chi ", "ψ": " psi ", "ω": " omega ",
        "'": "", "’": "", "‘": "", "ʼ": "", "`": "", "´": "",
    }
)  # fmt: skip
_TAG = re.compile(
    r"</?(?:i|b|em|strong|su[bp]|inf|sc|span|p|br|small|u|bold|italic|(?:mml|jats):\w+)(?:\s[^<>]*)?/?>", re.IGNORECASE
)
_NOT_WORD = re.compile(r"[\W_]+")
_MOJIBAKE = re.compile(r"[ÃÂ][\x80-\xbf]|â[\x80-\xbf€]")
_CJK = re.compile(r"[぀-ヿ㐀-鿿豈-﫿가-힯]")
_CJK_GAP = re.compile(r"(?<=[぀-ヿ㐀-鿿]) (?=[぀-ヿ㐀-鿿])")
_US_ENDINGS = {"our": "or", "is": "iz", "ys": "yz", "tr": "ter", "br": "ber"}
_US_ENDING = re.compile(
    r"(?:(?<=[a-z]{2})(our)(|s|ed|ing|al|ally)|(?<=[a-z]{2})([iy]s)(e|ed|es|ing|ation|ations|er|ers)|"
    r"(?<=[a-z]{2})([tb]r)e(s?))\b"
)
# Most texts are ASCII: letters in lower case, digits as they are, nothing for an apostrophe, a space for the rest.
_ASCII = {k: chr(k).lower() if chr(k).isalnum() else None if chr(k) in "'`" else " " for k in range(128)}


class _NoMarks(dict[int, int | None]):
    """Character -> None where it is a combining mark, itself elsewhere; filled as characters are met."""

    def __missing__(self, code: int) -> int | None:
        self[code] = kept = None if unicodedata.combining(chr(code)) else code
        return kept


_NO_MARKS = _NoMarks()


def is_cjk(text: str) -> bool:
    """Whether the text holds Chinese, Japanese or Korean script."""
    return not text.isascii() and _CJK.search(text) is not None


def fold(text: str) -> str:
    """Lower case words separated by one space: no accents, punctuation, tags or entities; CJK kept.

    Greek letters are written out, because databases differ in that; full-width forms become ordinary ones, and
    traditional Chinese characters simplified ones.

    >>> fold("Überleben &amp; β-Blocker: <i>in vivo</i>")
    'uberleben beta blocker in vivo'
    """
    if not text:
        return ""
    if "&" in text:
        text = unescape(text)
    if "<" in text:
        text = _TAG.sub("", text)
    if text.isascii():
        return " ".join(text.translate(_ASCII).split())
    if _MOJIBAKE.search(text):
        text = _undo_mojibake(text)
    text = unicodedata.normalize("NFKD", text.casefold())
    plain = text.translate(_NO_MARKS)
    if len(plain) < len(text) and _CJK.search(unicodedata.normalize("NFC", text)) is None:
        text = plain
    text = unicodedata.normalize("NFC", text).translate(_LETTERS)
    if _CJK.search(text):
        text = text.translate(SIMPLIFIED)
    return _CJK_GAP.sub("", _NOT_WORD.sub(" ", text).strip())


def one_spelling(words: str) -> str:
    """Folded words in a spelling that British and American English share; not meant to be read.

    >>> one_spelling("paediatric tumour centre randomised") == one_spelling("pediatric tumor center randomized")
    True
    """
    words = words.replace("ae", "e").replace("oe", "e").replace("sulph", "sulf").replace("programme", "program")
    return _US_ENDING.sub(_american, words)


def squeeze(text: str) -> str:
    """The folded text without its spaces.

    >>> squeeze("pre term")
    'preterm'
    """
    return text.replace(" ", "")


def _american(match: re.Match[str]) -> str:
    stem = match[1] or match[3] or match[5]
    return _US_ENDINGS[stem] + (match[2] or match[4] or match[6] or "")


def _undo_mojibake(text: str) -> str:
    """UTF-8 that was once read as Windows-1252, read rightly; the text itself where that fails."""
    try:
        return text.encode("cp1252").decode("utf-8")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return text
