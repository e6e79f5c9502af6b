"""Characters that nobody sees and that make two names of one, or a document that no program opens."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["visible", "without_controls"]

# Marks without width that come along when a name is copied from a page. The joiners U+200C and U+200D stay: they are
# spelling in Persian and the languages of India.
_INVISIBLE = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
# Neither XML (SVG, DOCX, XLSX) nor a screen takes these.
_CONTROL = re.compile("[\x00-\x08\x0e-\x1b\x7f\ufffe\uffff]")


def without_controls(text: str) -> str:
    """The text without control characters; those that are white space stay."""
    if text.isprintable():  # nearly every text, and told far faster than by looking for each character
        return text
    return _CONTROL.sub("", text) if _CONTROL.search(text) else text


def visible(text: str) -> str:
    """The text as it looks: composed characters, no control characters, no marks without width."""
    return _INVISIBLE.sub("", unicodedata.normalize("NFC", without_controls(text)))
